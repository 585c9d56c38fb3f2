"""A safetensors file, byte by byte, as slices of its tensors.

In: the bytes of a file in order. Out: `TensorSlice`s of bounded size in the order of the file. The
header and one slice are held at a time; no memory is taken for a header before it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

from ckpt_analyzer.checkpoints.safetensors_header import (
    LENGTH_BYTES,
    TensorEntry,
    header_length,
    malformed,
    parse_header,
)
from ckpt_analyzer.checkpoints.weight_files import incomplete
from ckpt_analyzer.weights import DTYPE_BYTES, TensorSlice

#: The most that one slice holds; a multiple of every element's size.
SLICE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Shard:
    """What is known of a safetensors file before it is read.

    Parameters
    ----------
    tensors
        The names that the index of shards puts into it; None where there is no index.
    """

    file: str
    size_bytes: int
    tensors: Set[str] | None = None


def tensor_slices(
    chunks: Iterable[bytes], shard: Shard, seen: Callable[[memoryview], None] = lambda _: None
) -> Iterator[TensorSlice]:
    """Yield the tensors in `chunks`, the bytes of `shard`; reads them to the end.

    Parameters
    ----------
    seen
        Is given all bytes of the file in order, in pieces that it must not change.

    Peak memory: the header, the present chunk, and `SLICE_BYTES` for every slice that somebody
    still looks at.

    Raises
    ------
    CheckpointError
        If the header is not sound, or the tensors are not those that the index names.
    """
    source = _Bytes(chunks, shard.file, seen)
    length = header_length(source.take(LENGTH_BYTES), shard.size_bytes, shard.file)
    entries = parse_header(source.take(length), shard.size_bytes, shard.file)
    check_index(entries, shard)
    buffers = _Buffers()
    for entry in entries:
        for begin, end in slice_bounds(entry):
            view = buffers.view(end - begin)
            source.fill(view)
            first = begin // DTYPE_BYTES[entry.dtype]
            yield TensorSlice(entry.name, entry.dtype, entry.shape, first, view)
    source.check_exhausted()


def slice_bounds(entry: TensorEntry) -> Iterator[tuple[int, int]]:
    """Yield the bounds of the slices of a tensor, in bytes from its beginning; at least one."""
    n_bytes = entry.end - entry.begin
    for begin in range(0, max(n_bytes, 1), SLICE_BYTES):
        yield begin, min(begin + SLICE_BYTES, n_bytes)


def check_index(entries: Iterable[TensorEntry], shard: Shard) -> None:
    """Check that the tensors `entries` of a shard are those that the index puts into it.

    Raises
    ------
    CheckpointError
        If a tensor is in another shard than the index says, or in none.
    """
    if shard.tensors is None:
        return
    found = {entry.name for entry in entries}
    if strange := sorted(found ^ shard.tensors):
        where = "holds" if strange[0] in found else "lacks"
        raise malformed(shard.file, f"{where} {strange[0]!r}, against the index of the shards")


class _Buffers:
    """Memory for slices. Large pieces of it are used again once nobody looks at them any more.

    Fresh memory costs a page fault for every 4 KiB, on virtual machines more than reading it.
    """

    def __init__(self) -> None:
        self._large: list[bytearray] = []

    def view(self, n_bytes: int) -> memoryview:
        if n_bytes <= SLICE_BYTES // 2:  # so that a small slice does not keep a large buffer
            return memoryview(bytearray(n_bytes))
        buffer = next(filter(_is_unseen, self._large), None)
        if buffer is None:
            buffer = bytearray(SLICE_BYTES)
            self._large.append(buffer)
        return memoryview(buffer)[:n_bytes]


def _is_unseen(buffer: bytearray) -> bool:
    """Return whether no view of `buffer` is left: only then may it change its size."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return False
    return True


class _Bytes:
    """Bytes in chunks, taken in pieces of any length."""

    def __init__(
        self, chunks: Iterable[bytes], file: str, seen: Callable[[memoryview], None]
    ) -> None:
        self._chunks = iter(chunks)
        self._seen = seen
        self._rest = memoryview(b"")
        self._file = file

    def take(self, n_bytes: int) -> bytes:
        taken = bytearray(n_bytes)
        self.fill(memoryview(taken))
        return bytes(taken)

    def fill(self, view: memoryview) -> None:
        filled = 0
        while filled < len(view):
            if not self._rest:
                self._rest = memoryview(self._next())
            n_bytes = min(len(view) - filled, len(self._rest))
            view[filled : filled + n_bytes] = self._rest[:n_bytes]
            self._rest = self._rest[n_bytes:]
            filled += n_bytes
        self._seen(view)

    def _next(self) -> bytes:
        for chunk in self._chunks:
            if chunk:
                return chunk
        raise incomplete(f"{self._file} ends too early", self._file)

    def check_exhausted(self) -> None:
        if self._rest or any(self._chunks):
            raise incomplete(f"{self._file} goes on behind its last tensor", self._file)
