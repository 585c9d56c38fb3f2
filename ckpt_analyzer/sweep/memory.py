"""Whether the models of a plan fit into memory, said before the first is read.

In: a plan. Out: the models that are too large, and an error. The estimate is that of ``cost.py``;
the module does not know torch: what a GPU holds is not compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.store.near import near_folder
from ckpt_analyzer.suite import Model
from ckpt_analyzer.sweep.config import Sweep
from ckpt_analyzer.sweep.cost import least_bytes_of, memory_bytes_of, resident_bytes, stored_bytes
from ckpt_analyzer.sweep.plan import Plan

#: What ``auto`` takes of the machine's memory: the rest is for the system and for reading files.
AUTO_SHARE = 0.9
#: The part of the budget from which on a model counts as one that might not fit.
NEARLY = 0.9
#: What scoring takes beside the weights.
WORKING_BYTES = 350 * 2**20
#: Where a container's bound stands: cgroup version 2, then 1.
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class TooLarge:
    """A model that needs more memory than there is even layer by layer, both in bytes."""

    model: str
    needed_bytes: int
    allowed_bytes: int


def machine_bytes() -> int:
    """Return the memory of this machine, or of the container that it is seen from."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_container_limits()]
    return min(limits)


def allowed_bytes(sweep: Sweep) -> int:
    """Return what a process that scores `sweep` may take: for ``auto`` most of the machine."""
    return budget_here_bytes(sweep.memory_budget_bytes)


def budget_here_bytes(budget: int | None) -> int:
    """Return `budget`, or most of what this machine has if that is None."""
    return budget or round(AUTO_SHARE * machine_bytes())


def needs_disk(model: Model, sweep: Sweep) -> bool:
    """Whether the weights of `model` are to lie on disk while it is scored.

    So they are read layer by layer there; nearly so large is large enough, since what decides in
    the end is what the process holds by then.
    """
    return resident_bytes(model, sweep.dtype) > NEARLY * allowed_bytes(sweep)


def own_spool(sweep: Sweep) -> Path:
    """Return the folder through which such weights go where the user names none.

    At most two checkpoints are in it: the one that is scored, and the next.
    """
    return near_folder(sweep.store) / "scratch" / "spool"


def spool_bytes(plan: Plan) -> int:
    """Return what of downloaded weights is on disk at a time, at most, where no spool is named."""
    remote = (unit for unit in plan.units if not isinstance(unit.source, LocalSource))
    models = {unit.checkpoint.model for unit in remote}
    sizes = (stored_bytes(model) for model in models if needs_disk(model, plan.sweep))
    return 2 * max(sizes, default=0)


def layered_models(plan: Plan) -> tuple[str, ...]:
    """Return the models of `plan` that are to be read layer by layer, as far as can be foreseen."""
    allowed = allowed_bytes(plan.sweep)
    needed = {
        unit.checkpoint.model.name: memory_bytes_of(unit, plan.sweep.dtype) for unit in plan.units
    }
    return tuple(name for name, n_bytes in needed.items() if n_bytes > allowed)


def too_large(plan: Plan, allowed: int | None = None) -> tuple[TooLarge, ...]:
    """Return the models of `plan` of which not even one layer fits, the largest first.

    Layers are known only with the model's configuration: here they are taken to be small, so that
    no model is refused that fits. One that passes may still fail when it is opened.

    Parameters
    ----------
    allowed
        Bytes instead of the budget of the sweep.
    """
    bound = allowed_bytes(plan.sweep) if allowed is None else allowed
    needed = {
        unit.checkpoint.model.name: least_bytes_of(unit, plan.sweep.dtype) for unit in plan.units
    }
    found = (TooLarge(name, n, bound) for name, n in needed.items() if n > bound)
    return tuple(sorted(found, key=lambda each: -each.needed_bytes))


def check_memory(plan: Plan) -> None:
    """Refuse a plan of which a model exceeds the memory budget even when read layer by layer.

    With ``memory_budget: auto`` and ``device: cuda`` nothing is refused: the weights are not in
    the machine's own memory.

    Raises
    ------
    SweepError
        If a model does not fit; it names all that do not.
    """
    if plan.sweep.memory_budget == "auto" and plan.sweep.device == "cuda":
        return
    if not (found := too_large(plan)):
        return
    largest = found[0]
    budget = "this machine has" if plan.sweep.memory_budget == "auto" else "memory_budget allows"
    raise SweepError(
        f"{largest.model} needs about {_gb(largest.needed_bytes)} of memory at {plan.sweep.dtype} "
        f"even layer by layer, and {budget} {_gb(largest.allowed_bytes)}",
        where=plan.sweep.where("memory_budget"),
        hint=f"leave out {', '.join(each.model for each in found)}, score in bf16, "
        "or set a larger memory_budget",
    )


def needed_bytes(plan: Plan) -> int:
    """Return what the largest model of `plan` takes when it is resident."""
    return max((memory_bytes_of(unit, plan.sweep.dtype) for unit in plan.units), default=0)


def room_bytes(needed: int, budget: int | None) -> int:
    """Return how much of the next checkpoint may wait in memory while one is scored.

    What the budget leaves beside the largest model and `WORKING_BYTES`; where it is None, no more
    than half of what is free now, since others use the machine as well.
    """
    room = (budget or machine_bytes()) - needed - WORKING_BYTES
    if budget is None:
        room = min(room, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") // 2)
    return max(room, 0)


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 10**9:.3g} GB"


def _container_limits() -> Iterator[int]:
    for path in _CGROUP_LIMITS:
        if path.is_file() and (text := path.read_text().strip()).isdecimal():
            yield int(text)
