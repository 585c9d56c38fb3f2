"""Run a plan: units to an engine, scores to the store.

In: a plan. Out: a summary of how its units ended. The module knows neither how a unit is scored
(``workbench.py``) nor where it runs (``engines``).
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer import engines
from ckpt_analyzer.events import Listener, RunStarted, UnitStatus
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.auditing import audit_plan
from ckpt_analyzer.sweep.memory import check_memory
from ckpt_analyzer.sweep.plan import Plan
from ckpt_analyzer.sweep.prepare import load_tasks


@dataclass(frozen=True)
class RunSummary:
    """How the units of a run ended."""

    n_done: int
    failed: tuple[UnitStatus, ...]


def execute(
    plan: Plan, *, listener: Listener, engine: str = "local", endpoint: str | None = None
) -> RunSummary:
    """Score every unit of `plan` into its store.

    A unit that fails is reported and the rest goes on.

    Raises
    ------
    UserError
        If the engine is unknown, a model does not fit into memory, this machine lacks the device,
        a task file cannot be had, or the store cannot be written.
    """
    run = engines.load(engine)
    if plan.units:
        check_memory(plan)
        _check_device(plan.sweep.device)
    tasks = load_tasks(plan.sweep, endpoint) if plan.units else {}
    store = open_store(plan.sweep.store, create=True)
    listener(RunStarted(len(plan.units), plan.n_done, plan.n_items))
    if not plan.units:
        return RunSummary(0, ())
    for items in tasks.values():
        store.save_items(items.task.name, items.sha256, items.items)

    plan = audit_plan(plan, store, listener)

    from ckpt_analyzer.workbench import Settings, Workbench  # torch: only when there is work

    sweep = plan.sweep
    settings = Settings(sweep.dtype, sweep.device, store.add_sweep(sweep.text), tasks)
    bench = Workbench(settings, store, listener)
    statuses = list(run(plan.units, bench.work))
    failed = tuple(status for status in statuses if status.state == "failed")
    return RunSummary(len(statuses) - len(failed), failed)


def _check_device(device: str) -> None:
    """Refuse a device that is not here once, instead of once per unit."""
    if device in ("auto", "cpu"):
        return
    from ckpt_analyzer.scoring.hardware import resolve_device  # torch

    resolve_device(device)
