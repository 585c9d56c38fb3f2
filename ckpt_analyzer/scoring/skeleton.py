"""A model without weights: its modules, its configuration, and what it computes for itself.

In: a folder with a ``config.json``. Out: a model of transformers whose parameters are on the meta
device, where they take no memory, and whose buffers outside its layers are real. The module knows
nothing of weight files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring.load import UNREADABLE, unreadable
from ckpt_analyzer.scoring.repository_code import load_with_code_if_needed

_LAYERS = ("num_hidden_layers", "num_layers", "n_layers", "n_layer")
#: A configuration is not believed beyond that.
_MOST_LAYERS = 10_000


def config_in(folder: Path, *, trust_remote_code: bool = False) -> PretrainedConfig:
    """Return the configuration in `folder`.

    Raises
    ------
    CheckpointError
        If there is none, or it cannot be read.
    """

    def load(with_code: bool) -> PretrainedConfig:
        read: Any = AutoConfig.from_pretrained
        config: PretrainedConfig = read(folder, local_files_only=True, trust_remote_code=with_code)
        return config

    try:
        _check_layers(folder)
        return load_with_code_if_needed(load, folder, is_allowed=trust_remote_code)
    except UNREADABLE as error:
        raise unreadable("config.json cannot be read", folder, error) from error


def _check_layers(folder: Path) -> None:
    """Refuse a number of layers that no model has, before lists of that length are made."""
    path = folder / "config.json"
    described = json.loads(path.read_bytes()) if path.is_file() else {}
    for part in (described, *described.values()):
        for key in _LAYERS:
            n_layers = part.get(key) if isinstance(part, dict) else None
            if isinstance(n_layers, int | float) and not n_layers <= _MOST_LAYERS:
                raise ValueError(f"{key} is {str(n_layers)[:20]}")


def config_text(folder: Path) -> bytes | None:
    """Return what ``config.json`` holds, if it alone says what the configuration is, else None.

    Where code takes part, equal texts may mean unequal models.
    """
    path = folder / "config.json"
    content = path.read_bytes() if path.is_file() else b"auto_map"
    return None if b"auto_map" in content else content


def skeleton_of(
    config: PretrainedConfig, dtype: torch.dtype, *, trust_remote_code: bool = False
) -> PreTrainedModel:
    """Return the causal model of `config` in evaluation mode, all of it on the meta device.

    Peak memory: modules, no numbers.

    Raises
    ------
    CheckpointError
        If there is no such model, or it needs code of its repository, and that may not run.
    """
    maker: Any = AutoModelForCausalLM

    def load(with_code: bool) -> Any:  # noqa: ANN401
        with torch.device("meta"):
            return maker.from_config(config, dtype=dtype, trust_remote_code=with_code)

    folder = Path(config.name_or_path or ".")
    try:
        made = load_with_code_if_needed(load, folder, is_allowed=trust_remote_code)
    except UNREADABLE as error:
        raise unreadable("config.json describes no model", folder, error) from error
    model: PreTrainedModel = made.eval().requires_grad_(False)
    return model


class _Buffer(NamedTuple):
    module: torch.nn.Module
    name: str


def fill_buffers(model: PreTrainedModel, device: torch.device, outside: set[str]) -> None:
    """Make real what no file holds: rotary frequencies, the scale of embeddings.

    Parameters
    ----------
    outside
        Names of modules whose buffers stay on the meta device, those of their parts included.

    Raises
    ------
    CheckpointError
        If transformers does not say how a buffer is filled.
    """
    buffers = list(_meta_buffers(model, outside))
    for module, name in buffers:
        meta = getattr(module, name)
        fill = torch.nan if meta.is_floating_point() else 0
        setattr(module, name, torch.full_like(meta, fill, device=device))
    for module in {id(one.module): one.module for one in buffers}.values():
        model._init_weights(module)  # type: ignore[no-untyped-call]
    for module, name in buffers:
        if getattr(module, name).isnan().any():
            raise CheckpointError(
                f"{type(model).__name__} has a buffer that cannot be built without weights: {name}",
                hint="allow a memory_budget that holds the whole model",
            )


def _meta_buffers(model: PreTrainedModel, outside: set[str]) -> Iterator[_Buffer]:
    for path, module in model.named_modules():
        if any(path == one or path.startswith(one + ".") for one in outside):
            continue
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                yield _Buffer(module, name)


def place(model: PreTrainedModel, name: str, tensor: torch.Tensor) -> None:
    """Let the parameter or buffer called `name` be `tensor`."""
    path, _, attribute = name.rpartition(".")
    module = model.get_submodule(path)
    is_parameter = attribute in module._parameters
    setattr(module, attribute, torch.nn.Parameter(tensor, False) if is_parameter else tensor)


def tensor_of(model: PreTrainedModel, name: str) -> torch.Tensor:
    """Return the parameter or buffer called `name`."""
    path, _, attribute = name.rpartition(".")
    tensor: torch.Tensor = getattr(model.get_submodule(path), attribute)
    return tensor.data
