"""``ckpt-analyzer plan SWEEP``: what a sweep will do and cost, before anything is downloaded."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ckpt_analyzer.cli.options import DataFolder, Endpoint, StoreOption, SweepFile
from ckpt_analyzer.cli.output import (
    Json,
    counted,
    readable_bytes,
    readable_count,
    show,
    show_json,
    talk,
)
from ckpt_analyzer.store.place import Place

if TYPE_CHECKING:
    from ckpt_analyzer.sweep.cost import Cost
    from ckpt_analyzer.sweep.plan import Plan
    from ckpt_analyzer.sweep.prepare import Overrides

NAME = "plan"


def command(
    sweep: SweepFile,
    store: StoreOption = None,
    data: DataFolder = None,
    endpoint: Endpoint = None,
    flips: Annotated[
        bool,
        typer.Option(
            "--flips",
            help="Propose further checkpoints that would place the turns better; "
            "SWEEP may then be a store.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what a sweep will do and cost. Downloads nothing."""
    from ckpt_analyzer.sweep.prepare import Overrides, prepare_plan

    if flips:
        show(wanted_rows(sweep, Overrides(store, data, endpoint)), as_json=as_json)
        return
    show_plan(prepare_plan(Path(str(sweep)), Overrides(store, data, endpoint)), as_json=as_json)


def wanted_rows(sweep_or_store: Place, overrides: Overrides) -> list[dict[str, Any]]:
    """Return one row per checkpoint that would place a turn better, with the reason."""
    from ckpt_analyzer.store.mark import is_store
    from ckpt_analyzer.store.store import open_store
    from ckpt_analyzer.sweep.config import load_sweep
    from ckpt_analyzer.sweep.shipped import find_sweep
    from ckpt_analyzer.sweep.wanted import wanted_by_store, wanted_by_sweep

    if is_store(sweep_or_store):
        wanted = wanted_by_store(open_store(sweep_or_store))
    else:
        wanted = wanted_by_sweep(load_sweep(find_sweep(Path(str(sweep_or_store)))), overrides)
    return [each.row() for each in wanted]


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan and its cost; what is missing is said on stderr."""
    from ckpt_analyzer.sweep.cost import cost_of
    from ckpt_analyzer.sweep.memory import spool_bytes, too_large
    from ckpt_analyzer.sweep.unverified import unverified_facts

    cost = cost_of(plan)
    if as_json:
        units = [{"unit": unit.label, "tasks": [c.task for c in unit.cells]} for unit in plan.units]
        known = {
            "n_suspect": plan.n_suspect,
            "n_equal": plan.n_equal,
            "spool_bytes": spool_bytes(plan),
            "trust_remote_code": plan.sweep.trust_remote_code,
            "unverified": unverified_facts(plan).to_dict("records"),
        }
        show_json({"sweep": plan.sweep.name, **asdict(cost), **known, "units": units})
    else:
        rows = [{"": name, " ": value} for name, value in _readable(cost, plan).items()]
        show(rows, as_json=False, title=f"{plan.sweep.name}\n")
    say_suspects(plan)
    say_doubts(plan)
    say_unverified(plan)
    if plan.sweep.trust_remote_code:
        talk(
            "Python code that the repositories bring along may run here", mark="trust_remote_code:"
        )
    for model in too_large(plan):
        needed, allowed = readable_bytes(model.needed_bytes), readable_bytes(model.allowed_bytes)
        talk(f"{model.model} needs {needed} of memory, allowed are {allowed}", mark="too large:")


def _memory(cost: Cost, plan: Plan) -> str:
    from ckpt_analyzer.sweep.memory import allowed_bytes, layered_models

    needed = f"{readable_bytes(cost.memory_bytes)} at {plan.sweep.dtype}"
    if not (layered := layered_models(plan)):
        return needed
    allowed = readable_bytes(allowed_bytes(plan.sweep))
    return f"{needed}; within {allowed} layer by layer: {', '.join(layered)}"


def _disk(cost: Cost, plan: Plan) -> str:
    from ckpt_analyzer.sweep.memory import own_spool, spool_bytes

    kept = readable_bytes(cost.disk_bytes)
    if not (spooled := spool_bytes(plan)):
        return kept
    folder = own_spool(plan.sweep)
    return f"{kept}; weights read layer by layer take up to {readable_bytes(spooled)} in {folder}"


def say_suspects(plan: Plan) -> None:
    """Say which checkpoints are suspect and why, those with the same reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for unit in plan.units:
        if unit.suspicion:
            by_reason.setdefault(unit.suspicion, []).append(unit.label)
    for reason, labels in by_reason.items():
        more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
        talk(f"{', '.join(labels[:3])}{more}: {reason}", mark="suspect:")


def say_unverified(plan: Plan) -> None:
    """Say which facts of the suites nobody has checked, a line per suite."""
    from ckpt_analyzer.sweep.unverified import unverified_facts

    for suite, facts in unverified_facts(plan).groupby("suite", sort=False):
        talk(f"{suite}: {', '.join(facts['about'])}", mark="unverified:")


def say_doubts(plan: Plan) -> None:
    """Say which checkpoints are not there, and which units of the store are scored again."""
    for damage in plan.damaged:
        talk(f"{damage.path}: {damage.reason}", mark="scored again if wanted:")
    if plan.missing:
        labels = ", ".join(checkpoint.label for checkpoint in plan.missing[:5])
        more = f" and {len(plan.missing) - 5} more" if len(plan.missing) > 5 else ""
        talk(f"{counted(len(plan.missing), 'checkpoint')}: {labels}{more}", mark="not there:")


def _readable(cost: Cost, plan: Plan) -> dict[str, Any]:
    models = {unit.checkpoint.model.name for unit in plan.units}
    return {
        "units to do": f"{counted(cost.n_units, 'checkpoint')} of {counted(len(models), 'model')}",
        "units done": f"{cost.n_done:,}",
        "units missing": f"{cost.n_missing:,}",
        "units suspect": f"{plan.n_suspect:,}, left out of flips",
        "units with equal weights": f"{plan.n_equal:,}, not scored again",
        "tasks": f"{len(plan.tasks)} ({', '.join(p.task.name for p in plan.tasks)})",
        "items to score": f"{cost.n_items:,}",
        "to download": readable_bytes(cost.download_bytes),
        "requests": f"{cost.requests:,}",
        "tokens to score": f"about {readable_count(cost.tokens)}, what texts share counted once",
        "FLOPs": readable_count(cost.flops),
        "disk": _disk(cost, plan),
        "memory": _memory(cost, plan),
        "store": str(plan.sweep.store),
    }
