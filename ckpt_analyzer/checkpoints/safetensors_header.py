"""Read the header of a safetensors file, without torch and without reading the weights.

In: a path, or the bytes of a header. Out: names, types, shapes and places of its tensors, once the
header holds together and agrees with the file's length. A header is not believed: whatever it says,
no memory is taken for it before it is checked against the size of the file.

References
----------
https://github.com/huggingface/safetensors#format: 8 bytes little-endian header length, a JSON
header, then the data to which ``data_offsets`` are relative, without holes or overlaps.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ckpt_analyzer.checkpoints.weight_files import incomplete
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.weights import DTYPE_BYTES

LENGTH_BYTES = 8
#: The bound of the safetensors library itself.
MAX_HEADER_BYTES = 100_000_000
_MAX_DIMENSIONS = 16
_MOST_BYTES = 2**63
#: Causal masks and rotary frequencies, which old transformers versions stored with the weights.
_BUFFER = re.compile(
    r"(^|\.)((attention|attn|self_attn)\.(masked_)?bias|inv_freq|position_ids|rotary_emb\..*)$"
)
_EMBEDDING = re.compile(
    r"(^|\.)(embed_in|embed_out|embed_tokens|tok_embeddings|word_embeddings|wte|wpe|"
    r"embed_positions|position_embeddings|lm_head)\.(weight|bias)$"
)


@dataclass(frozen=True)
class ParameterCount:
    """Parameters of a model: all, and those outside of embeddings and head."""

    parameters: int
    non_embedding_parameters: int


class TensorEntry(NamedTuple):
    """One tensor of a file: its bytes are `begin` to `end`, counted from the first data byte."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def header_length(first_bytes: bytes, file_bytes: int, file: str) -> int:
    """Return the length of the JSON header that the first 8 bytes of a file of `file_bytes` tell.

    Raises
    ------
    CheckpointError
        If no such header fits into the file.
    """
    length = int.from_bytes(first_bytes, "little")
    if len(first_bytes) < LENGTH_BYTES or LENGTH_BYTES + length > file_bytes or length < 2:
        raise incomplete(f"{file} is cut off, or is no safetensors file ({file_bytes} bytes)", file)
    if length > MAX_HEADER_BYTES:
        raise malformed(file, f"says that it is {length:,} bytes long")
    return length


def parse_header(content: bytes, file_bytes: int, file: str) -> tuple[TensorEntry, ...]:
    """Return the tensors that a header describes, in the order of their data.

    Parameters
    ----------
    content
        The JSON part, in full.
    file_bytes
        Size of the whole file.

    Raises
    ------
    CheckpointError
        If the header is not sound, or is not that of a file of this size.
    """
    data_bytes = file_bytes - LENGTH_BYTES - len(content)
    entries = [_entry(name, value, file) for name, value in _tensors(content, file)]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    end = 0
    for entry in entries:
        if entry.begin != end:
            what = "overlaps another tensor" if entry.begin < end else "leaves a hole before it"
            raise malformed(file, f"{entry.name!r} {what}")
        end = entry.end
    if end != data_bytes:
        raise incomplete(
            f"{file} has {file_bytes} bytes, and its header says {file_bytes - data_bytes + end}",
            file,
        )
    return tuple(entries)


def read_entries(path: Path) -> tuple[TensorEntry, ...]:
    """Return the tensors in the file at `path`, in the order of their data.

    Raises
    ------
    CheckpointError
        If the file is empty, cut off, not safetensors, or its header is not sound.
    """
    size_bytes = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = header_length(file.read(LENGTH_BYTES), size_bytes, path.name)
            return parse_header(file.read(length), size_bytes, path.name)
    except CheckpointError as error:
        raise CheckpointError(error.problem, where=str(path), hint=error.hint) from None


def read_shapes(path: Path) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of every tensor in `path`; raises as `read_entries`."""
    return {entry.name: entry.shape for entry in read_entries(path)}


def shapes_at_the_beginning(
    content: Iterable[bytes], file_bytes: int, file: str
) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of every tensor of a file, taking no more of its bytes than the header.

    Raises
    ------
    CheckpointError
        If the bytes end within the header, or it is not sound.
    """
    begun = bytearray()
    needed = LENGTH_BYTES
    for chunk in content:
        begun += chunk
        if len(begun) >= LENGTH_BYTES and needed == LENGTH_BYTES:
            needed += header_length(bytes(begun[:LENGTH_BYTES]), file_bytes, file)
        if len(begun) >= needed > LENGTH_BYTES:
            entries = parse_header(bytes(begun[LENGTH_BYTES:needed]), file_bytes, file)
            return {entry.name: entry.shape for entry in entries}
    raise incomplete(f"{file} is cut off", file)


def count_parameters(paths: Iterable[Path]) -> ParameterCount:
    """Return the parameters in the safetensors files of one model; buffers are left out."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        shapes.update(read_shapes(path))
    return count_shapes(shapes)


def count_shapes(shapes: Mapping[str, tuple[int, ...]]) -> ParameterCount:
    """Return the parameters of a model with tensors of these shapes; buffers are left out."""
    sizes = {name: math.prod(shape) for name, shape in shapes.items() if not _BUFFER.search(name)}
    total = sum(sizes.values())
    embedding = sum(size for name, size in sizes.items() if _EMBEDDING.search(name))
    return ParameterCount(total, total - embedding)


def malformed(file: str, what: str) -> CheckpointError:
    """Return the error of a safetensors file whose header cannot be believed."""
    return CheckpointError(
        f"{file} is malformed: its header {what}",
        where=file,
        hint="the file is broken where it is published: leave the step out, or tell its authors",
    )


def _tensors(content: bytes, file: str) -> Iterable[tuple[str, object]]:
    try:
        header = json.loads(content.decode(), object_pairs_hook=_no_name_twice)
        if b"\\u" in content:  # half of a pair of surrogates is no text
            json.dumps(header, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise incomplete(f"{file} is not a safetensors file", file) from error
    if not isinstance(header, dict):
        raise incomplete(f"{file} is not a safetensors file", file)
    if not _is_metadata(header.get("__metadata__")):
        raise malformed(file, "holds metadata that are no texts")
    return [item for item in header.items() if item[0] != "__metadata__"]


def _no_name_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice")
    return names


def _entry(name: str, value: object, file: str) -> TensorEntry:
    if not isinstance(value, dict) or not {"dtype", "shape", "data_offsets"} <= value.keys():
        raise malformed(file, f"does not say what {name!r} is")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not _are_sizes(shape) or len(shape) > _MAX_DIMENSIONS:
        raise malformed(file, f"gives {name!r} a shape that is none")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise malformed(file, f"gives {name!r} a place that is none")
    begin, end = offsets
    if end < begin:
        raise malformed(file, f"lets {name!r} end before it begins")
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise malformed(file, f"gives {name!r} a type that is not known")
    if math.prod(shape) * DTYPE_BYTES[dtype] != end - begin:
        raise malformed(
            file, f"gives {name!r} {end - begin:,} bytes, which is not its shape's size"
        )
    return TensorEntry(name, dtype, tuple(shape), begin, end)


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and all(
        type(each) is int and 0 <= each < _MOST_BYTES for each in value
    )


def _is_metadata(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
