"""A file that appears whole or not at all, whoever crashes and however many write.

In: bytes and a place. Out: the file at its place, flushed to the disk; or the object in its
bucket, which a storage shows when all of it has arrived. Knows nothing of stores.
"""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.object_place import ObjectPlace
from ckpt_analyzer.store.place import Place

TEMPORARY_PREFIX = ".tmp-"


def write_whole(path: Place, content: bytes) -> None:
    """Write `content` to `path`, replacing what is there in one step.

    The bytes go to a temporary file in the same folder, are flushed, and the file is renamed; then
    the folder is flushed, so that the rename survives a loss of power. Readers see the old file or
    the new one.

    Raises
    ------
    StoreError
        If the disk is full or the place cannot be written; nothing is left behind.
    """
    if isinstance(path, ObjectPlace):
        path.put(content)
    else:
        assert isinstance(path, Path)
        _write_file(path, content)


def _write_file(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}-{path.name[-60:]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_flushed(temporary, content)
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        _remove(temporary)


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    # A file system that refuses the write also refuses the removal; the first error is the one
    # to report.
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _explained(error: OSError, path: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            "the disk that holds the store is full",
            where=str(path),
            hint="make room and start the same command again: finished units are kept",
        )
    return StoreError(
        f"the store cannot be written: {error.strerror or error}",
        where=str(path),
        hint="check the folder's owner and permissions, or give another --store",
    )
