"""The tensors of a checkpoint's safetensors files, read by their place and never mapped.

In: a folder, or files. Out: where each tensor lies, and its numbers, put into tensors of the
caller in whatever precision these have. The module knows nothing of models or their parameters.

Files are read with ``pread``: pages of a mapped file would count as this process's memory.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

from ckpt_analyzer.errors import CheckpointError

#: Bound of what is read at a time where numbers are converted.
PIECE_BYTES = 8 * 2**20

#: No header of a real model is as large.
_MAX_HEADER_BYTES = 100 * 2**20

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class StoredTensor(NamedTuple):
    """Where a tensor lies: from byte `offset` of the file at `path` on."""

    path: Path
    offset: int
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes that it takes in its file."""
        return math.prod(self.shape) * self.dtype.itemsize


def stored_tensors(folder: Path) -> Mapping[str, StoredTensor]:
    """Return the tensors of all safetensors files of a checkpoint in `folder`, by name.

    Raises
    ------
    CheckpointError
        If there are none, a shard is missing, or a header is not sound.
    """
    found: dict[str, StoredTensor] = {}
    for path in _files(folder):
        found.update(_header(path))
    return found


def has_safetensors(folder: Path) -> bool:
    """Whether the weights in `folder` are safetensors, in one file or in shards."""
    names = ("model.safetensors", "model.safetensors.index.json")
    return any((folder / name).is_file() for name in names)


def _files(folder: Path) -> tuple[Path, ...]:
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return (single,)
    if not index.is_file():
        raise CheckpointError(
            "the folder holds no safetensors",
            where=str(folder),
            hint="weights in .bin files cannot be read layer by layer: convert them to "
            "safetensors, or allow a memory_budget that holds the whole model",
        )
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        paths = tuple(folder / Path(name).name for name in names)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_sound(index, "it is no index of shards") from error
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise _not_sound(index, f"{missing[0]} is missing")
    return paths


def _header(path: Path) -> Iterable[tuple[str, StoredTensor]]:
    n_file_bytes = path.stat().st_size
    try:
        with path.open("rb") as file:
            n_bytes = int.from_bytes(file.read(8), "little")
            if not 0 < n_bytes <= min(_MAX_HEADER_BYTES, n_file_bytes - 8):
                raise ValueError(f"its header would be {n_bytes} bytes long")
            entries = json.loads(file.read(n_bytes))
        entries.pop("__metadata__", None)
        return [(name, _entry(path, 8 + n_bytes, entry)) for name, entry in entries.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_sound(path, str(error)) from error


def _entry(path: Path, first: int, entry: Mapping[str, Any]) -> StoredTensor:
    start, stop = entry["data_offsets"]
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"numbers of type {entry['dtype']} cannot be read")
    stored = StoredTensor(path, first + start, _DTYPES[entry["dtype"]], tuple(entry["shape"]))
    if stored.n_bytes != stop - start or start < 0 or first + stop > path.stat().st_size:
        raise ValueError("a tensor does not lie within the file")
    return stored


def _not_sound(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(
        f"the file cannot be read: {problem}", where=str(path), hint="download it again"
    )


def fresh(like: torch.Tensor, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return memory for a tensor of the shape of `like`, which is given back once it is dropped.

    On the CPU it is asked of the system: what malloc is given back, it keeps for itself.
    """
    n_bytes = like.numel() * dtype.itemsize
    if device.type != "cpu" or not n_bytes:
        return torch.empty(like.shape, dtype=dtype, device=device)
    return torch.frombuffer(mmap.mmap(-1, n_bytes), dtype=dtype).view(like.shape)


def read_into(out: torch.Tensor, stored: StoredTensor, first_row: int = 0) -> None:
    """Fill `out` with rows of `stored` from `first_row` on, converted to its dtype.

    Peak memory: 8 MiB where numbers are converted or go to another device, else none.

    Parameters
    ----------
    out
        Contiguous, and of the shape of `stored` but for its rows.

    Raises
    ------
    CheckpointError
        If the file ends too early.
    """
    assert out.is_contiguous()
    assert tuple(out.shape[1:]) == stored.shape[1:]
    flat = out.view(-1)
    first = stored.offset + first_row * math.prod(stored.shape[1:]) * stored.dtype.itemsize
    with stored.path.open("rb", buffering=0) as file:
        if out.dtype == stored.dtype and out.device.type == "cpu":
            _read(file, flat, first)
            return
        n_piece = max(1, min(len(flat), PIECE_BYTES // stored.dtype.itemsize))
        piece = torch.empty(n_piece, dtype=stored.dtype)
        for start in range(0, len(flat), n_piece):
            part = flat[start : start + n_piece]
            _read(file, piece[: len(part)], first + start * stored.dtype.itemsize)
            part.copy_(piece[: len(part)])


def read_rows(stored: StoredTensor, rows: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return some rows of a matrix, ``(U, D)``, without reading the others.

    Parameters
    ----------
    rows
        Ascending, each once.
    """
    out_UD = torch.empty((len(rows), *stored.shape[1:]), dtype=dtype)
    # Rows that follow each other are read at once.
    edges = torch.nonzero(torch.diff(rows) != 1).flatten().add(1).tolist()
    for start, stop in zip([0, *edges], [*edges, len(rows)], strict=True):
        if start < stop:
            read_into(out_UD[start:stop], stored, int(rows[start]))
    return out_UD


def _read(file: BinaryIO, out: torch.Tensor, offset: int) -> None:
    numbers: Any = out.view(torch.uint8).numpy()
    buffer = memoryview(numbers)
    done = 0
    while done < len(buffer):
        n_read = os.preadv(file.fileno(), [buffer[done:]], offset + done)
        if not n_read:
            raise _not_sound(Path(file.name), "it ends too early")
        done += n_read
