"""A checkpoint is opened for the plans that it is to be scored by, within a bound of memory.

In: a folder, plans, a budget. Out: a resident model where that fits, else one whose layers are
read when they are needed. ``score_plan`` takes both.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.scoring import Dtype
from ckpt_analyzer.scoring.estimate import product_bytes, resident_bytes
from ckpt_analyzer.scoring.family import family_of
from ckpt_analyzer.scoring.hardware import resolve_device, torch_dtype
from ckpt_analyzer.scoring.layered_model import LayeredModel, open_layered
from ckpt_analyzer.scoring.load import load_model
from ckpt_analyzer.scoring.memory_in_use import free_bytes
from ckpt_analyzer.scoring.model_shape import shape_of_skeleton
from ckpt_analyzer.scoring.parameter_names import ParameterNames
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.skeleton import config_in, skeleton_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """How a model is to compute.

    Parameters
    ----------
    budget_bytes
        Bound of the memory of the whole process, the interpreter and its libraries included; on a
        GPU, of what torch holds of its memory. None: the model is resident, whatever it takes.
    trust_remote_code
        Whether code beside a ``config.json`` may run where transformers has none of its own.
    """

    dtype: Dtype
    device: str = "auto"
    budget_bytes: int | None = None
    trust_remote_code: bool = False


def needs_layers(
    folder: Path, plans: Sequence[ScoringPlan], terms: Terms, *, released_bytes: int = 0
) -> bool:
    """Whether the model in `folder` has to be read layer by layer for `plans` to stay in budget.

    Only its configuration is read. Nothing is said of whether its layers fit: that is for
    ``score_plan``, which knows what is free by then.

    Parameters
    ----------
    released_bytes
        What is held now and will be given back before the model is there.

    Raises
    ------
    CheckpointError
        If the configuration cannot be read.
    ScoringError
        If a resident model does not fit and its family has no description in ``scoring/families``.
    """
    if terms.budget_bytes is None:
        return False
    device = resolve_device(terms.device)
    free = free_bytes(terms.budget_bytes, device) + released_bytes
    trusted = terms.trust_remote_code
    config = config_in(folder, trust_remote_code=trusted)
    model = skeleton_of(config, torch_dtype(terms.dtype), trust_remote_code=trusted)
    family = family_of(model)
    if family is None or not ParameterNames(model).are_one_to_one:
        _check_weights_fit(model, free)
        return False
    shape = shape_of_skeleton(model, family)
    itemsize, widening = model.dtype.itemsize, product_bytes(shape, model.dtype, device)
    needed = max((resident_bytes(plan, shape, itemsize, widening) for plan in plans), default=0)
    if needed > free:
        log.info("the model would take %.3g GB: it is read layer by layer", needed / 1e9)
    return needed > free


def open_model(
    folder: Path, plans: Sequence[ScoringPlan], terms: Terms
) -> PreTrainedModel | LayeredModel:
    """Return the model in `folder`, resident if scoring `plans` on it stays within the budget.

    Peak memory: that of the model.

    Raises
    ------
    CheckpointError
        As ``load_model`` and ``open_layered``.
    ScoringError
        As `needs_layers`.
    """
    if not needs_layers(folder, plans, terms):
        return load_model(
            folder,
            dtype=terms.dtype,
            device=terms.device,
            trust_remote_code=terms.trust_remote_code,
        )
    return open_layered(
        folder, dtype=terms.dtype, device=terms.device, budget_bytes=terms.budget_bytes
    )


def _check_weights_fit(model: PreTrainedModel, free_bytes: int) -> None:
    """Refuse weights that exceed what is free where they have to be resident."""
    weights = sum(parameter.numel() * parameter.dtype.itemsize for parameter in model.parameters())
    if weights > free_bytes:
        raise ScoringError(
            f"the weights take {weights / 10**9:.3g} GB, memory_budget leaves "
            f"{max(0, free_bytes) / 10**9:.3g} GB, and {type(model).__name__} cannot be read layer "
            "by layer: it has no description in scoring/families",
            hint="set a larger memory_budget, or score in bf16",
        )
