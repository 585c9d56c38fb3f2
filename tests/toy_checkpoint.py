"""Write checkpoints of a few bytes, which look complete to everything but a model."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

Shapes = Mapping[str, tuple[int, ...]]

SHAPES: Shapes = {
    "gpt_neox.embed_in.weight": (10, 4),
    "gpt_neox.layers.0.attention.dense.weight": (4, 4),
    "gpt_neox.layers.0.attention.dense.bias": (4,),
    "gpt_neox.layers.0.attention.bias": (1, 1, 8, 8),
    "gpt_neox.layers.0.attention.rotary_emb.inv_freq": (2,),
    "embed_out.weight": (10, 4),
}
PARAMETERS = 40 + 16 + 4 + 40
NON_EMBEDDING_PARAMETERS = 16 + 4


def safetensors_bytes(shapes: Shapes = SHAPES, fill: int = 0) -> bytes:
    """Return a safetensors file of half-precision tensors."""
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
    packed = json.dumps(header).encode()
    return len(packed).to_bytes(8, "little") + packed + bytes([fill]) * end


def tensor_bytes(shapes: Shapes = SHAPES, fill: int = 0) -> dict[str, bytes]:
    """Return what `safetensors_bytes` holds, tensor by tensor."""
    return {name: bytes([fill]) * (2 * math.prod(shape)) for name, shape in shapes.items()}


def files(fill: int = 0) -> dict[str, bytes]:
    """Return the files of a checkpoint; `fill` is what its weights consist of."""
    return {
        "config.json": b'{"model_type": "gpt_neox"}',
        "tokenizer.json": b"{}",
        "README.md": b"not needed",
        "model.safetensors": safetensors_bytes(fill=fill),
    }


def sharded_files(fill: int = 0) -> dict[str, bytes]:
    """Return the files of a checkpoint in two shards."""
    first, second = dict(list(SHAPES.items())[:3]), dict(list(SHAPES.items())[3:])
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    weight_map = dict.fromkeys(first, names[0]) | dict.fromkeys(second, names[1])
    return {
        "config.json": b"{}",
        "model.safetensors.index.json": json.dumps({"weight_map": weight_map}).encode(),
        names[0]: safetensors_bytes(first, fill),
        names[1]: safetensors_bytes(second, fill),
    }


def write(folder: Path, content: Mapping[str, bytes]) -> Path:
    """Write `content` into a new folder and return it."""
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder
