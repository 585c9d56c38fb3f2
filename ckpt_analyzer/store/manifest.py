"""A manifest as JSON, and back; nothing foreign or damaged gets through.

In: a ``UnitManifest`` or the bytes of a file. Out: the other of the two. Writing the file is
``write.py``, finding it ``listing.py``.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.store.versions import NewerStoreError, check_version, upgraded_manifest

_MANIFEST = TypeAdapter(UnitManifest)


def to_json(manifest: UnitManifest) -> bytes:
    """Return the manifest as JSON with its unit id first, for people who open the file."""
    content = {"unit_id": manifest.unit_id, **asdict(manifest)}
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def read_manifest(path: Place) -> UnitManifest:
    """Return the manifest that lies at `path`.

    Raises
    ------
    StoreError
        If it is not a manifest, does not bear its own unit's name, or its table is missing or of
        another size.
    NewerStoreError
        If a later version wrote it.
    """
    manifest = _parse(path)
    if manifest.unit_id != path.stem:
        raise _damaged(path, f"it describes unit {manifest.unit_id}")
    if Path(manifest.parquet).name != manifest.parquet:
        raise _damaged(path, "its table lies in another folder")
    if not _is_time(manifest.created):
        raise _damaged(path, f"created: {manifest.created!r} is no time")
    _check_size(path, manifest)
    return manifest


def _parse(path: Place) -> UnitManifest:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(path, f"it is not readable JSON ({error})") from error
    if not isinstance(content, dict) or "unit_id" not in content:
        raise _damaged(path, "it is not a manifest of ckpt_analyzer")
    try:
        check_version(content.get("format"), str(path))
    except NewerStoreError:
        raise
    except StoreError as error:
        raise _damaged(path, error.problem) from error
    del content["unit_id"]
    content = upgraded_manifest(content, content["format"])
    try:
        return _MANIFEST.validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _damaged(path, f"{place}: {first['msg']}") from error


def _check_size(path: Place, manifest: UnitManifest) -> None:
    table = path.with_name(manifest.parquet)
    if not table.is_file():
        raise _damaged(path, f"its table {manifest.parquet} is missing")
    found_bytes = table.stat().st_size
    if found_bytes != manifest.parquet_bytes:
        raise _damaged(
            path, f"its table has {found_bytes} bytes instead of {manifest.parquet_bytes}"
        )


def _is_time(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _damaged(path: Place, reason: str) -> StoreError:
    return StoreError(
        f"damaged or foreign unit: {reason}",
        where=str(path),
        hint="run the sweep again: it scores this unit anew; or remove the file",
    )
