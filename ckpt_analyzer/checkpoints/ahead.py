"""A checkpoint that a thread opens and reads, while the one before it is scored.

In: a source and a checkpoint. Out: the checkpoint, resolved and open, whose pieces wait in a
bounded buffer. Reading, hashing and converting overlap; what goes wrong in the thread is raised
where the checkpoint is used. Knows nothing of models and scores.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ckpt_analyzer.checkpoints.source import CheckpointSource, OpenCheckpoint, ResolvedCheckpoint
from ckpt_analyzer.suite import Checkpoint
from ckpt_analyzer.weights import PickledFile, Piece, Pieces, TensorSlice

#: What waits at most once somebody takes the pieces: enough that neither side starves.
BYTES_IN_USE = 64 * 2**20
_JOIN_SECONDS = 2.0
_LOOK_SECONDS = 0.1


class _StoppedError(Exception):
    """Nobody wants the rest."""


@dataclass(frozen=True)
class _Failure:
    error: BaseException


#: What goes from the thread to the user; None ends the pieces.
_Item = ResolvedCheckpoint | OpenCheckpoint | Piece | None


class Ahead:
    """A checkpoint on its way; the thread starts at once.

    Peak memory: `max_bytes` of pieces until they are asked for, `BYTES_IN_USE` from then on, and
    always room for one piece.

    Parameters
    ----------
    max_bytes
        How much may wait in memory before anybody asks for it.
    may_wait
        Whether a checkpoint is likely not to be wanted: it is then opened once it is.
    after
        What is on its way already: this one is opened once all of that is read, so that they do
        not share the link.
    """

    def __init__(
        self,
        source: CheckpointSource,
        checkpoint: Checkpoint,
        max_bytes: int,
        *,
        may_wait: Callable[[ResolvedCheckpoint], bool] = lambda _resolved: False,
        after: Ahead | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self._may_wait = may_wait
        self._source = source
        self._queue = _Queue(max_bytes)
        self._max_bytes = max_bytes
        self._is_wanted = threading.Event()
        self._is_used_up = threading.Event()
        self._is_read = threading.Event()
        self._read_before = after._is_read if after is not None else None
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def resolved(self) -> ResolvedCheckpoint:
        """Return what the checkpoint was resolved to; to be called once, before `opened`.

        Raises
        ------
        CheckpointError
            As `CheckpointSource.resolve` does.
        """
        try:
            first = self._taken()
        except BaseException:
            self.close()
            raise
        assert isinstance(first, ResolvedCheckpoint)
        return first

    @contextmanager
    def opened(self) -> Iterator[OpenCheckpoint]:
        """Yield the checkpoint once it is open; what it takes is freed on exit.

        Raises
        ------
        CheckpointError
            As `CheckpointSource.fetch` does.
        """
        try:
            self._queue.shrink(BYTES_IN_USE)
            self._is_wanted.set()
            opened = self._taken()
            assert isinstance(opened, OpenCheckpoint)
            yield opened if opened.weights_on_disk else replace(opened, slices=self._pieces)
        finally:
            self.close()

    def close(self) -> None:
        """Let the thread end. It is not waited for where the network keeps it."""
        self._is_used_up.set()
        self._is_wanted.set()
        self._queue.stop()
        self._thread.join(_JOIN_SECONDS)

    def _pieces(self) -> Pieces:
        while (piece := self._taken()) is not None:
            assert not isinstance(piece, ResolvedCheckpoint | OpenCheckpoint)
            yield piece

    def _taken(self) -> _Item:
        item = self._queue.take()
        if isinstance(item, _Failure):
            raise item.error
        return item

    def _wait_until_wanted(self) -> None:
        self._is_wanted.wait()
        if self._is_used_up.is_set():
            raise _StoppedError

    def _wait_for_the_link(self) -> None:
        while self._read_before is not None and not self._read_before.wait(_LOOK_SECONDS):
            if self._is_used_up.is_set():
                raise _StoppedError

    def _run(self) -> None:
        try:
            resolved = self._source.resolve(self.checkpoint)
            self._queue.put(resolved, 0)
            self._wait_for_the_link()
            if self._may_wait(resolved):
                self._wait_until_wanted()
            with self._source.fetch(resolved) as opened:
                self._queue.put(opened, 0)
                try:
                    self._read(resolved, opened)
                except _StoppedError:
                    raise
                except Exception as error:  # noqa: BLE001 (raised again where it is used)
                    # The folder stays: whoever opens it reads its small files first.
                    self._queue.put_last(_Failure(error))
                self._is_read.set()
                self._is_used_up.wait()
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 (raised again where the checkpoint is used)
            self._queue.put_last(_Failure(error))
        finally:
            self._is_read.set()

    def _read(self, resolved: ResolvedCheckpoint, opened: OpenCheckpoint) -> None:
        """Put the pieces of the weights into the buffer, and None after them."""
        if opened.weights_on_disk:
            return
        if _largest_whole_bytes(resolved) > self._max_bytes:
            self._wait_until_wanted()
        for piece in opened.slices():
            self._queue.put(piece, _n_bytes(piece))
        self._queue.put(None, 0)


def _largest_whole_bytes(resolved: ResolvedCheckpoint) -> int:
    """Return the size of the largest file that is one piece."""
    pickled = (f.size_bytes for f in resolved.weight_files if not f.name.endswith(".safetensors"))
    return max(pickled, default=0)


def _n_bytes(piece: Piece) -> int:
    if isinstance(piece, TensorSlice):
        return piece.data.nbytes
    return piece.content.seek(0, 2) - piece.content.seek(0) if isinstance(piece, PickledFile) else 0


class _Queue:
    """Items in order, bounded by their bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._items: deque[tuple[_Item | _Failure, int]] = deque()
        self._changed = threading.Condition()
        self._is_stopped = False

    def put(self, item: _Item, n_bytes: int) -> None:
        """Append `item` once there is room for it; any item has room in an empty queue."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._has_room(n_bytes))
            if self._is_stopped:
                raise _StoppedError
            self._append(item, n_bytes)

    def put_last(self, item: _Failure) -> None:
        """Append `item` without waiting for room."""
        with self._changed:
            self._append(item, 0)

    def take(self) -> _Item | _Failure:
        """Return the first item, once there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._items)
            item, n_bytes = self._items.popleft()
            self._n_bytes -= n_bytes
            self._changed.notify_all()
            return item

    def shrink(self, max_bytes: int) -> None:
        """Let at most `max_bytes` wait from now on, where it was more."""
        with self._changed:
            self._max_bytes = min(self._max_bytes, max_bytes)

    def stop(self) -> None:
        """Refuse further items, and forget those that wait."""
        with self._changed:
            self._is_stopped = True
            self._items.clear()
            self._n_bytes = 0
            self._changed.notify_all()

    def _has_room(self, n_bytes: int) -> bool:
        return not self._n_bytes or self._n_bytes + n_bytes <= self._max_bytes

    def _append(self, item: _Item | _Failure, n_bytes: int) -> None:
        self._items.append((item, n_bytes))
        self._n_bytes += n_bytes
        self._changed.notify_all()
