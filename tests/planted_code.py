"""A checkpoint whose model needs Python code of its own, which leaves a trace when it runs."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load, save

CODE = """\
from pathlib import Path

from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

Path({trace!r}).mkdir(exist_ok=True)


class PlantedConfig(GPTNeoXConfig):
    model_type = "planted"


class PlantedModel(GPTNeoXForCausalLM):
    config_class = PlantedConfig
"""
MODULE = "planted.py"


def plant(files: dict[str, bytes], trace: Path, *, model_type: str = "planted") -> dict[str, bytes]:
    """Return the files of a GPT-NeoX checkpoint with code beside them, which makes `trace`."""
    auto_map = {
        "AutoConfig": "planted.PlantedConfig",
        "AutoModelForCausalLM": "planted.PlantedModel",
    }
    config = json.loads(files["config.json"]) | {"model_type": model_type, "auto_map": auto_map}
    tensors = load(files["model.safetensors"])
    if model_type == "planted":  # transformers knows the old name of the head by the model's type
        tensors["lm_head.weight"] = tensors.pop("embed_out.weight")
    return {
        **files,
        "config.json": json.dumps(config).encode(),
        "model.safetensors": save(tensors),
        MODULE: CODE.format(trace=str(trace)).encode(),
    }
