"""Run a plan: units to an engine, scores to the store.

In: a plan. Out: a summary of how its units ended. The module knows neither how a unit is scored
(``unit/workbench.py``) nor where it runs (``engines``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ckpt_analyzer import engines
from ckpt_analyzer.engines import Job, Terms
from ckpt_analyzer.events import Listener, RunStarted, UnitStatus
from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.sweep.auditing import audit_plan
from ckpt_analyzer.sweep.cost import unit_costs
from ckpt_analyzer.sweep.memory import check_memory, needed_bytes
from ckpt_analyzer.sweep.plan import Plan
from ckpt_analyzer.sweep.prepare import check_unchanged, load_tasks
from ckpt_analyzer.task_data import TaskItems


@dataclass(frozen=True)
class RunSummary:
    """How the units of a run ended."""

    n_done: int
    failed: tuple[UnitStatus, ...]


def execute(
    plan: Plan,
    *,
    listener: Listener,
    engine: str = "local",
    terms: Terms | None = None,
    endpoint: str | None = None,
) -> RunSummary:
    """Score every unit of `plan` into its store.

    A unit that fails is reported and the rest goes on.

    Parameters
    ----------
    engine, terms
        Where and how the units run; one after the other in this process by default.

    Raises
    ------
    UserError
        If the engine is unknown, a model does not fit into memory, this machine lacks the device,
        a task file cannot be had or was edited, or the store cannot be written.
    """
    chosen = engines.load(engine)
    if plan.units and chosen.is_here:
        check_memory(plan)
        _check_device(plan.sweep.device)
    tasks = load_tasks(plan.sweep, endpoint) if plan.units else {}
    if plan.units:
        check_unchanged(plan, tasks)
    store = open_store(plan.sweep.store, create=True)
    listener(RunStarted(len(plan.units), plan.n_done, plan.n_items))
    if not plan.units:
        return RunSummary(0, ())
    for items in tasks.values():
        store.save_items(items.task.name, items.sha256, items.items)

    plan = audit_plan(plan, store, listener)

    statuses = list(chosen.run(_job(plan, tasks, store, terms or Terms()), listener))
    failed = tuple(status for status in statuses if status.state == "failed")
    return RunSummary(len(statuses) - len(failed), failed)


def run_rounds(
    plan: Plan, *, run: Callable[[Plan], RunSummary], plan_again: Callable[[], Plan]
) -> RunSummary:
    """Run `plan`; where the steps are adaptive, plan again and go on until nothing is left to do.

    A round with failures is the last: what failed would be planned again without end.
    """
    summary = run(plan)
    while plan.sweep.is_adaptive and plan.units and not summary.failed:
        plan = plan_again()
        if not plan.units:
            break
        round_ = run(plan)
        summary = RunSummary(summary.n_done + round_.n_done, round_.failed)
    return summary


def _job(plan: Plan, tasks: Mapping[str, TaskItems], store: Store, terms: Terms) -> Job:
    sweep = plan.sweep
    return Job(
        units=plan.units,
        costs=unit_costs(plan),
        tasks=tasks,
        dtype=sweep.dtype,
        device=sweep.device,
        sweep_sha256=store.add_sweep(sweep.text),
        store=store.path,
        budget_bytes=sweep.memory_budget_bytes,
        needed_bytes=needed_bytes(plan),
        trust_remote_code=sweep.trust_remote_code,
        terms=terms,
    )


def _check_device(device: str) -> None:
    """Refuse a device that is not here once, instead of once per unit."""
    if device in ("auto", "cpu"):
        return
    from ckpt_analyzer.scoring.hardware import resolve_device  # torch

    resolve_device(device)
