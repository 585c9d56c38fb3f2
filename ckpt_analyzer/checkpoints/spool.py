"""A bounded folder through which weight files go on their way into memory, where that is wanted.

In: weight files, and a way to read them from any byte on. Out: folders with whole, verified files.
A file that is not whole yet survives the process, so that the next run goes on where this one
broke off; a file that is whole is removed once it was used. Files are kept by their sha256.

Several processes may share the folder; the bound is of each of them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ckpt_analyzer.checkpoints.download import AlteredError
from ckpt_analyzer.checkpoints.scratch import Scratch
from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint, WeightFile
from ckpt_analyzer.checkpoints.verified import READINGS, altered
from ckpt_analyzer.errors import CheckpointError

_PARTIAL = ".partial"
_PIECE_BYTES = 2**20

ReadFrom = Callable[[WeightFile, int], Generator[bytes]]


@dataclass(frozen=True)
class SpoolPlace:
    """Where a spool is and how much it may hold; None for as much as the disk has."""

    folder: Path
    max_bytes: int | None = None


class Spool:
    """The folder, and what this process holds in it."""

    def __init__(self, place: SpoolPlace) -> None:
        self._folder = place.folder
        self._max_bytes = place.max_bytes
        self._used_bytes = 0
        self._freed = threading.Condition()
        self._scratch = Scratch(place.folder, 2**63)

    @contextmanager
    def files(self, resolved: ResolvedCheckpoint, read: ReadFrom) -> Iterator[Path]:
        """Yield a folder with the weight files of `resolved`, verified; they are gone on exit.

        Waits while other checkpoints of this process take the room.

        Raises
        ------
        CheckpointError
            If the files exceed the bound or the disk, or do not arrive as published.
        """
        checkpoint = resolved.checkpoint
        subject = f"{checkpoint.place.repo} at {checkpoint.revision}"
        with self._room(resolved, subject), self._scratch.room(0, subject) as folder:
            try:
                for file in resolved.weight_files:
                    self._place(file, read, folder)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    self._clear(resolved)
                    raise CheckpointError(
                        f"the disk is full while {subject} was written",
                        where=str(self._folder),
                        hint="free space, name a larger disk with --spool DIR, or leave it out",
                    ) from None
                raise
            yield folder

    def _place(self, file: WeightFile, read: ReadFrom, folder: Path) -> None:
        """Get `file` whole, and let it be in `folder` only."""
        partial = self._partial(file)
        with FileLock(partial.with_suffix(".lock")):
            for _ in range(READINGS):
                try:
                    if _completed(partial, file, read):
                        partial.replace(folder / file.name)
                        break
                except AlteredError:
                    pass
                partial.unlink(missing_ok=True)
            else:
                raise altered(file.name)
        partial.with_suffix(".lock").unlink(missing_ok=True)

    @contextmanager
    def _room(self, resolved: ResolvedCheckpoint, subject: str) -> Iterator[None]:
        n_bytes = resolved.bytes_to_download
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._max_bytes is not None and n_bytes > self._max_bytes:
            raise CheckpointError(
                f"{subject} takes {n_bytes:,} bytes; the spool may hold {self._max_bytes:,}",
                where=str(self._folder),
                hint="allow more with --max-gb, or leave --spool out: nothing is on disk then",
            )
        with self._freed:
            self._freed.wait_for(lambda: not self._used_bytes or self._fits(n_bytes))
            self._used_bytes += n_bytes
        try:
            self._evict_partials(resolved)
            self._check_disk(resolved, subject)
            yield
        finally:
            with self._freed:
                self._used_bytes -= n_bytes
                self._freed.notify_all()

    def _fits(self, n_bytes: int) -> bool:
        return self._max_bytes is None or self._used_bytes + n_bytes <= self._max_bytes

    def _evict_partials(self, resolved: ResolvedCheckpoint) -> None:
        """Remove what earlier runs left behind, the oldest first, until the bound holds."""
        if self._max_bytes is None:
            return
        own = {self._partial(file) for file in resolved.weight_files}
        others = sorted({*self._folder.glob(f"*{_PARTIAL}")} - own, key=_written_at)
        left_bytes = sum(map(_size, others))
        for path in others:
            if self._used_bytes + left_bytes <= self._max_bytes:
                return
            left_bytes -= _size(path)
            _remove_leftover(path)

    def _check_disk(self, resolved: ResolvedCheckpoint, subject: str) -> None:
        there_bytes = sum(_size(self._partial(file)) for file in resolved.weight_files)
        free_bytes = shutil.disk_usage(self._folder).free
        if (missing := resolved.bytes_to_download - there_bytes) > free_bytes:
            raise CheckpointError(
                f"{subject} takes {missing:,} bytes; the disk has {free_bytes:,} free",
                where=str(self._folder),
                hint="free space, name a larger disk with --spool DIR, or leave it out",
            )

    def _clear(self, resolved: ResolvedCheckpoint) -> None:
        for file in resolved.weight_files:
            self._partial(file).unlink(missing_ok=True)

    def _partial(self, file: WeightFile) -> Path:
        return self._folder / f"{file.sha256}{_PARTIAL}"


def _completed(partial: Path, file: WeightFile, read: ReadFrom) -> bool:
    """Append to `partial` what is missing of `file`; return whether it is the published one."""
    digest = hashlib.sha256()
    with partial.open("ab+") as content:
        content.seek(0)
        while piece := content.read(_PIECE_BYTES):
            digest.update(piece)
        if content.tell() > file.size_bytes:
            return False
        content.seek(0, os.SEEK_END)
        with closing(read(file, content.tell())) as chunks:
            for chunk in chunks:
                content.write(chunk)
                digest.update(chunk)
    return digest.hexdigest() == file.sha256


def _remove_leftover(partial: Path) -> None:
    """Remove `partial`, unless a process is writing it: that one holds its lock."""
    lock_path = partial.with_suffix(".lock")
    with suppress(Timeout), FileLock(lock_path, timeout=0):
        partial.unlink(missing_ok=True)
        lock_path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    # Not asked first whether it is there: another process may put it in its place meanwhile.
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _written_at(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0
