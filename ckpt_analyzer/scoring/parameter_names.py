"""Which parameter of a model each tensor of a checkpoint fills.

In: a built model, on the meta device or not. Out: for every name in its files, the parameter or
buffer that the tensor belongs to. Files differ from models in names that old releases gave
(``embed_out`` of GPT-NeoX), in the prefix of the model without its head (GPT-2, BLOOM), in tensors
that are stored though the model computes them, and in tied weights, stored once or twice. Names
only: the module reads no file and no value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import torch
from transformers import PreTrainedModel
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

from ckpt_analyzer.errors import CheckpointError

#: Tensors that old releases of transformers stored and that the model computes for itself.
HARMLESS_UNEXPECTED = re.compile(
    r"(^|\.)(attention|attn|self_attn)\.(bias|masked_bias)$"  # causal masks: GPT-NeoX, GPT-2, GPT-J
    r"|(^|\.)attn\.attention\.(bias|masked_bias)$"  # GPT-Neo
    r"|(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$"
    r"|(^|\.)embed_positions$"  # GPT-J's sine table
)


class ParameterNames:
    """The names under which a checkpoint may store the parameters of one model.

    Parameters
    ----------
    model
        A model of transformers; its values are not looked at.

    Attributes
    ----------
    shapes
        Name → shape of all that a checkpoint must fill: parameters and stored buffers. Of tied
        parameters only the one that the others are tied to is among them.
    tied
        Name → the name in `shapes` that it is tied to.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        stored = {name: tensor.shape for name, tensor in model.state_dict().items()}
        self.tied: dict[str, str] = {
            name: source for name, source in model.all_tied_weights_keys.items() if name in stored
        }
        self.shapes: dict[str, torch.Size] = {
            name: shape for name, shape in stored.items() if name not in self.tied
        }
        self._stored = stored
        self._prefix = model.base_model_prefix
        transforms = get_model_conversion_mapping(model)
        self._renamings = [t for t in transforms if isinstance(t, WeightRenaming)]
        self._converters = [t for t in transforms if isinstance(t, WeightConverter)]
        self._ignored = tuple(model._keys_to_ignore_on_load_unexpected or ())
        self._may_be_missing = tuple(model._keys_to_ignore_on_load_missing or ())

    @property
    def are_one_to_one(self) -> bool:
        """Whether each stored tensor fills one parameter as it is.

        Not so where transformers splits or joins tensors, as it does for mixtures of experts.
        """
        return not self._converters

    def filled_by(self, stored_name: str) -> str | None:
        """Return the name in `shapes` that the tensor `stored_name` fills.

        None for a tensor that the model computes for itself. Two stored tensors that fill the same
        name are tied and must be equal.

        Raises
        ------
        CheckpointError
            If the model has no use for the tensor.
        """
        assert self.are_one_to_one, "tensors are split or joined while loading"
        name, _ = rename_source_key(
            stored_name, self._renamings, [], self._prefix, meta_state_dict=self._stored
        )
        if name in self.tied:
            return self.tied[name]
        if name in self.shapes:
            return name
        if self._is_harmless(stored_name):
            return None
        raise misfit(unexpected=[stored_name])

    def check_complete(self, filled: Iterable[str]) -> None:
        """Check that the names `filled` are all that a checkpoint must fill.

        Raises
        ------
        CheckpointError
            If some are missing; it names the first.
        """
        missing = self.shapes.keys() - set(filled)
        missing = {
            name
            for name in missing
            if not any(re.search(pattern, name) for pattern in self._may_be_missing)
        }
        if missing:
            raise misfit(missing=missing)

    def _is_harmless(self, stored_name: str) -> bool:
        if HARMLESS_UNEXPECTED.search(stored_name):
            return True
        return any(re.search(pattern, stored_name) for pattern in self._ignored)


def misfit(
    *,
    missing: Collection[str] = (),
    unexpected: Collection[str] = (),
    misshapen: Collection[str] = (),
    where: str = "",
) -> CheckpointError:
    """Return the error of weights that are not those of the model in config.json."""
    problems = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    listed = [f"{_some(names)} {kind}" for kind, names in problems.items() if names]
    return CheckpointError(
        f"the weights do not fit the model of config.json: {'; '.join(listed)}",
        where=where,
        hint="download the checkpoint again, or see whether config.json belongs to it",
    )


def _some(names: Collection[str]) -> str:
    first, *rest = sorted(names)
    return f"{first} and {len(rest)} more" if rest else first
