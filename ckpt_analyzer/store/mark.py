"""The mark that makes a folder a store: ``store.json``.

In: a folder. Out: the mark, checked or made. Knows nothing of what a store holds.
"""

from __future__ import annotations

import json
from typing import Any

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import TEMPORARY_PREFIX, write_whole
from ckpt_analyzer.store.clock import now_utc
from ckpt_analyzer.store.place import Place, check_bucket
from ckpt_analyzer.store.versions import VERSION, check_version

_MARK = "store.json"
#: Folders that are looked into for a store that was meant.
_LOOKED_INTO = 100


def is_store(path: Place) -> bool:
    """Return whether `path` bears a mark."""
    return (path / _MARK).is_file()


def make_store(path: Place) -> None:
    """Mark the folder `path`, which is missing, empty, or being marked by another process.

    Raises
    ------
    StoreError
        If it is a file or holds other files.
    """
    check_place(path)
    _write(path, {"format": VERSION, "created": now_utc()})


def raise_version(path: Place) -> None:
    """Say that the store `path` holds what this version wrote, so that older ones refuse it.

    What they wrote stays as it is and goes on being read.

    Raises
    ------
    StoreError
        If it is no store, one of a later version, or cannot be written.
    """
    mark = _read(path)
    if mark["format"] < VERSION:
        _write(path, {**mark, "format": VERSION})


def _write(path: Place, mark: dict[str, Any]) -> None:
    write_whole(path / _MARK, json.dumps(mark, indent=1).encode())


def check_place(path: Place) -> None:
    """Check that `path` is a store or may become one.

    Raises
    ------
    StoreError
        If it is a file or holds other files.
    """
    if _holds_other_files(path) and not is_store(path):
        raise StoreError(
            f"{path} is there already and is not a store",
            where=str(path),
            hint="give a new or an empty folder: --store DIR",
        )
    check_bucket(path)


def check_store(path: Place) -> None:
    """Check the mark of `path`.

    Raises
    ------
    StoreError
        If there is none, it is damaged, or a later version wrote the store.
    """
    _read(path)


def _read(path: Place) -> dict[str, Any]:
    if not is_store(path):
        check_bucket(path)
        raise StoreError(f"{path} is not a store", where=str(path), hint=_what_to_open(path))
    try:
        mark: dict[str, Any] = json.loads((path / _MARK).read_bytes())
        found = mark["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            "the mark of the store is damaged",
            where=str(path / _MARK),
            hint=f'write {{"format": {VERSION}}} into it if the folder is your store',
        ) from error
    check_version(found, str(path / _MARK))
    return mark


def _holds_other_files(path: Place) -> bool:
    if not path.is_dir():
        return path.exists()
    return any(not child.name.startswith(TEMPORARY_PREFIX) for child in path.iterdir())


def _what_to_open(path: Place) -> str:
    inside = sorted(path.iterdir())[:_LOOKED_INTO] if path.is_dir() else []
    stores = [folder for folder in (path.parent, *inside) if is_store(folder)]
    if stores:
        return f"did you mean {stores[0]}?"
    return "a store is made by the first run: ckpt-analyzer run SWEEP.yaml --store DIR"
