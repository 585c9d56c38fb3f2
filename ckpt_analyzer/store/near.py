"""Copies of tables on this machine's disk, for a store that lies elsewhere.

In: the folder of units, the names and digests of tables. Out: a folder of this machine that holds
them. A table never changes under its name, which bears a digest of its content, so a copy that was
right once is right: it is compared when it is made. Who asks again, in another process, too, finds
it there. The least recently used copies give way where all take more than `MOST_BYTES`; those that
one question needs stay together, whatever they take.

DuckDB could read from the storage itself; but a report asks for the same tables many times over,
and a query over files of this disk is as fast as ever.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import TEMPORARY_PREFIX
from ckpt_analyzer.store.object_access import AT_A_TIME
from ckpt_analyzer.store.object_place import ObjectPlace
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.write import altered

#: All copies of tables, of all stores, take no more than this once a question is answered.
MOST_BYTES = 32 * 2**30


def near_folder(place: Place) -> Path:
    """Return the folder of this machine that stands for `place`: a folder is its own.

    That of a bucket lies in ``$XDG_CACHE_HOME/ckpt-analyzer``, by default in ``~/.cache``.
    """
    if isinstance(place, Path):
        return place
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    return root / "ckpt-analyzer" / "stores" / digest


def bring_near(units: Place, sha256s: Mapping[str, str]) -> None:
    """Let the tables in `units` that `sha256s` names lie in ``near_folder(units)``.

    Raises
    ------
    FileNotFoundError
        If a table is gone.
    StoreError
        If a table is not what was written, or there is no room for copies.
    """
    if not isinstance(units, ObjectPlace):
        return
    folder = near_folder(units)
    missing = {name: sha256 for name, sha256 in sha256s.items() if not _touched(folder / name)}
    if missing:
        _make_room(folder.parent, {folder / name for name in sha256s})
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        copies = [
            threads.submit(_copy, units / name, folder / name, sha256)
            for name, sha256 in missing.items()
        ]
        for copy in copies:
            copy.result()


def _copy(table: ObjectPlace, to: Path, sha256: str) -> None:
    temporary = to.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    digest = hashlib.sha256()
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            for block in table.blocks():
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != sha256:
            raise altered(table)
        temporary.replace(to)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(
            f"tables of the store cannot be copied to this machine: {error.strerror or error}",
            where=str(to.parent),
            hint="make room there, or name a folder with room: XDG_CACHE_HOME=DIR",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _touched(copy: Path) -> bool:
    """Return whether `copy` is there; if so, it is the one used last."""
    try:
        os.utime(copy)
    except OSError:
        return False
    return True


def _make_room(root: Path, needed: Iterable[Path]) -> None:
    """Remove the copies that were not used for longest, so that the others take `MOST_BYTES`."""
    needed, taken = {*needed}, 0
    copies = [(_used_at(copy), copy) for copy in root.glob("*/*")] if root.is_dir() else []
    for _, copy in sorted(copies, reverse=True):
        try:
            taken += copy.stat().st_size if copy.is_file() else 0
            if taken > MOST_BYTES and copy not in needed and copy.is_file():
                copy.unlink(missing_ok=True)
        except FileNotFoundError:  # another process made room, too
            continue


def _used_at(copy: Path) -> float:
    try:
        return copy.stat().st_mtime
    except FileNotFoundError:
        return 0.0
