"""The pieces of weight files that lie on this disk, mapped into memory instead of read.

In: a folder and what it holds. Out: pieces. The files were hashed when the checkpoint was resolved
or written; that they did not change since is for the caller to check.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from ckpt_analyzer.checkpoints.safetensors_header import TensorEntry, read_entries
from ckpt_analyzer.checkpoints.shard_index import tensors_by_shard
from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint
from ckpt_analyzer.checkpoints.tensor_stream import Shard, check_index, slice_bounds
from ckpt_analyzer.weights import (
    DTYPE_BYTES,
    FileStarted,
    FileVerified,
    PickledFile,
    Pieces,
    TensorSlice,
)


def mapped_pieces(folder: Path, resolved: ResolvedCheckpoint) -> Pieces:
    """Yield the pieces of the weight files of `resolved`, which lie in `folder`.

    Peak memory: pages of the present slice; they are given back once it was used.

    Raises
    ------
    CheckpointError
        If a header is not sound, or a tensor is not in the shard that the index names.
    """
    named = tensors_by_shard(folder, resolved.companions)
    for file in resolved.weight_files:
        yield FileStarted(file.name)
        path = folder / file.name
        if file.name.endswith(".safetensors"):
            shard = Shard(file.name, file.size_bytes, named.get(file.name))
            yield from _slices(path, shard)
        else:
            with path.open("rb") as content:
                yield PickledFile(content)
        yield FileVerified(file.name)


def _slices(path: Path, shard: Shard) -> Iterator[TensorSlice]:
    entries = read_entries(path)
    check_index(entries, shard)
    data_begin = shard.size_bytes - (entries[-1].end if entries else 0)
    with path.open("rb") as file:
        # Copy on write: torch wants an address that it could write to.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    content = memoryview(mapped)
    for entry in entries:
        yield from _slices_of(entry, content[data_begin + entry.begin : data_begin + entry.end])
        _give_back(mapped, data_begin + entry.begin, data_begin + entry.end)


def _slices_of(entry: TensorEntry, content: memoryview) -> Iterator[TensorSlice]:
    for begin, end in slice_bounds(entry):
        first = begin // DTYPE_BYTES[entry.dtype]
        yield TensorSlice(entry.name, entry.dtype, entry.shape, first, content[begin:end])


def _give_back(mapped: mmap.mmap, begin: int, end: int) -> None:
    """Let the system take the pages between two places; who reads them still gets them again."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
    if end > first:
        mapped.madvise(mmap.MADV_DONTNEED, first, end - first)
