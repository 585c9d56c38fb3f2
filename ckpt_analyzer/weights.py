"""The weights of a checkpoint on their way into a model: pieces, in the order of the files.

Sources of checkpoints make them, the loader consumes them; neither knows the other. The protocol:

- ``FileStarted`` opens a file. If the same file is opened again, it arrived altered and is read
  once more: all that came of it so far is void.
- ``TensorSlice`` or ``PickledFile`` follow: what the file holds.
- ``FileVerified`` closes it: what came since its last start has the sha256 that was published.
  Nothing is to be concluded from a file, not even that it is malformed, before it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class FileStarted:
    """The pieces that follow are of this file, from its beginning."""

    file: str


@dataclass(frozen=True, slots=True)
class TensorSlice:
    """A run of elements of one tensor.

    Parameters
    ----------
    dtype
        As safetensors writes it: ``F16``, ``BF16``, ``F32`` …
    shape
        Of the whole tensor.
    first_element
        The place of the first element of `data` in the tensor, row by row.
    data
        Whole elements, little-endian, at a writable address. A tensor without elements has one
        slice without data.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    first_element: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class PickledFile:
    """A whole file of pickled tensors, open at its beginning; to be unpickled as weights only."""

    content: BinaryIO


@dataclass(frozen=True, slots=True)
class FileVerified:
    """The file that was started last has arrived as published."""

    file: str


Piece = FileStarted | TensorSlice | PickledFile | FileVerified
Pieces = Iterator[Piece]

#: Bytes of one element, by the name of its type in safetensors.
DTYPE_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
