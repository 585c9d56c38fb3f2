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
from ckpt_analyzer.scoring.estimate import resident_bytes
from ckpt_analyzer.scoring.family import family_of
from ckpt_analyzer.scoring.hardware import resolve_device, torch_dtype
from ckpt_analyzer.scoring.layered_model import LayeredModel, load_whole, open_layered
from ckpt_analyzer.scoring.load import load_model
from ckpt_analyzer.scoring.memory_in_use import held_bytes
from ckpt_analyzer.scoring.memory_plan import layered_plan
from ckpt_analyzer.scoring.parameter_names import ParameterNames
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.skeleton import config_in, skeleton_of
from ckpt_analyzer.scoring.weight_files import has_safetensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """How a model is to compute.

    Parameters
    ----------
    budget_bytes
        Bound of the memory of the whole process, the interpreter and its libraries included; on a
        GPU, of what torch holds of its memory. None: the model is resident, whatever it takes.
    """

    dtype: Dtype
    device: str = "auto"
    budget_bytes: int | None = None


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
        If neither a resident model nor its largest layer fits.
    """
    if terms.budget_bytes is None:
        return load_model(folder, dtype=terms.dtype, device=terms.device)
    if why_not := _why_not_layered(folder, terms):
        _check_weights_fit(folder, terms, why_not)
        return load_model(folder, dtype=terms.dtype, device=terms.device)
    opened = open_layered(
        folder, dtype=terms.dtype, device=terms.device, budget_bytes=terms.budget_bytes
    )
    shape, itemsize = opened.shape, opened.dtype.itemsize
    needed = max((resident_bytes(plan, shape, itemsize) for plan in plans), default=0)
    if needed <= opened.free_bytes():
        return load_whole(opened)
    for plan in plans:
        layered_plan(opened.frame(plan), opened.free_bytes())
    log.info("the model would take %.3g GB: it is read layer by layer", needed / 1e9)
    return opened


def _why_not_layered(folder: Path, terms: Terms) -> str:
    """Return why the checkpoint has to be resident, or nothing."""
    if not has_safetensors(folder):
        return "its weights are no safetensors"
    model = skeleton_of(config_in(folder), torch_dtype(terms.dtype))
    if family_of(model) is None:
        return f"{type(model).__name__} has no description in scoring/families"
    if not ParameterNames(model).are_one_to_one:
        return "its files hold other tensors than it computes with"
    return ""


def _check_weights_fit(folder: Path, terms: Terms, why_not: str) -> None:
    assert terms.budget_bytes is not None
    model = skeleton_of(config_in(folder), torch_dtype(terms.dtype))
    weights = sum(parameter.numel() * parameter.dtype.itemsize for parameter in model.parameters())
    free = terms.budget_bytes - held_bytes(resolve_device(terms.device))
    if weights > free:
        raise ScoringError(
            f"the weights take {weights / 10**9:.3g} GB and memory_budget leaves "
            f"{max(0, free) / 10**9:.3g} GB; they cannot be read layer by layer: {why_not}",
            where=str(folder),
            hint="set a larger memory_budget, score in bf16, or convert the checkpoint to "
            "safetensors",
        )
