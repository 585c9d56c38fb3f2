"""``ckpt-analyzer run SWEEP``: score what the store lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_analyzer.cli import where
from ckpt_analyzer.cli.options import DataFolder, Endpoint, StoreOption, SweepFile
from ckpt_analyzer.cli.output import Json, quoted, talk, typed_again
from ckpt_analyzer.cli.plan import say_doubts, show_plan
from ckpt_analyzer.cli.progress import progress
from ckpt_analyzer.cli.verb import INTERRUPTED
from ckpt_analyzer.engines import Terms
from ckpt_analyzer.events import Listener

if TYPE_CHECKING:
    from ckpt_analyzer.sweep.execute import RunSummary
    from ckpt_analyzer.sweep.plan import Plan

NAME = "run"
FAILURES_SHOWN = 5


def command(
    sweep: SweepFile,
    store: StoreOption = None,
    data: DataFolder = None,
    endpoint: Endpoint = None,
    engine: Annotated[
        str, typer.Option(help="Where the units run: local, slurm or ray.")
    ] = "local",
    workers: where.Workers = None,
    unit_timeout: where.UnitTimeout = None,
    detach: where.Detach = False,
    partition: where.Partition = "",
    gres: where.Gres = "",
    cpus: where.Cpus = None,
    memory_gb: where.MemoryGb = None,
    minutes: where.Minutes = None,
    ray_address: where.RayAddress = "",
    gpus: where.Gpus = 0.0,
    spool: Annotated[
        Path | None,
        typer.Option(help="Let downloaded weights go through this folder, not through memory."),
    ] = None,
    max_gb: Annotated[
        float | None,
        typer.Option("--max-gb", min=0.001, help="The most that --spool may hold, in GB."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score every checkpoint of a sweep that the store lacks. Resumes by itself."""
    from ckpt_analyzer.checkpoints.spool import SpoolPlace
    from ckpt_analyzer.sweep.execute import run_rounds
    from ckpt_analyzer.sweep.prepare import Overrides, prepare_plan

    if max_gb is not None and spool is None:
        raise typer.BadParameter(
            "it bounds a spool: give --spool DIR as well", param_hint="--max-gb"
        )
    place = None if spool is None else SpoolPlace(spool, _bytes(max_gb))
    overrides = Overrides(store, data, endpoint, place)
    plan = prepare_plan(sweep, overrides)
    if dry_run:
        show_plan(plan, as_json=as_json)
        return
    say_doubts(plan)
    terms = Terms(
        workers=workers,
        unit_timeout_seconds=None if unit_timeout is None else 60 * unit_timeout,
        waits=not detach,
        partition=partition,
        gres=gres,
        cpus=cpus,
        memory_gb=memory_gb,
        minutes=minutes,
        address=ray_address,
        gpus=gpus,
    )
    running = Running(engine, endpoint, terms)
    with progress(as_json=as_json) as listener:
        summary = run_rounds(
            plan,
            run=lambda each: run_plan(each, listener, running),
            plan_again=lambda: prepare_plan(sweep, overrides),
        )
    if plan.units and detach:
        talk(f"{len(plan.units)} units handed over to {engine}")
        talk(f"next: ckpt-analyzer status {quoted(plan.sweep.store)}")
    elif plan.units:
        report_on(summary, plan.sweep.store)
    else:
        talk(f"nothing to do: all {plan.n_done} units are in {plan.sweep.store}")
        _say_next(plan.sweep.store)


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else round(gigabytes * 10**9)


@dataclass(frozen=True)
class Running:
    """How a plan is run."""

    engine: str = "local"
    endpoint: str | None = None
    terms: Terms = field(default_factory=Terms)


def run_plan(plan: Plan, listener: Listener, running: Running) -> RunSummary:
    """Run a plan; Ctrl-C says how to go on and exits with 130."""
    from ckpt_analyzer.sweep.execute import execute

    try:
        return execute(
            plan,
            engine=running.engine,
            terms=running.terms,
            listener=listener,
            endpoint=running.endpoint,
        )
    except KeyboardInterrupt:
        talk(f"\nstopped. What is scored is in {plan.sweep.store}; go on with: {typed_again()}")
        raise typer.Exit(INTERRUPTED) from None


def report_on(summary: RunSummary, store: Path) -> None:
    """Say how a run ended; exit 1 if a unit failed."""
    for failed in summary.failed[:FAILURES_SHOWN]:
        talk(f"{failed.unit}: {failed.problem}", mark="failed:", style="red")
    if len(summary.failed) > FAILURES_SHOWN:
        talk(f"… and {len(summary.failed) - FAILURES_SHOWN} more failed")
    talk(f"{summary.n_done} units scored, {len(summary.failed)} failed, in {store}")
    if summary.failed:
        talk(f"try the failed ones again with: {typed_again()}")
        raise typer.Exit(1)
    _say_next(store)


def _say_next(store: Path) -> None:
    talk(f"next: ckpt-analyzer report {quoted(store)} -o report.html")
