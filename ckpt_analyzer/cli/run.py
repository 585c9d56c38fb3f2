"""``ckpt-analyzer run SWEEP``: score what the store lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_analyzer import engines
from ckpt_analyzer.cli import run_options as options
from ckpt_analyzer.cli.interrupt import INTERRUPTED, typed_again
from ckpt_analyzer.cli.options import DataFolder, Endpoint, StoreOption
from ckpt_analyzer.cli.output import Json, counted, quoted, talk
from ckpt_analyzer.cli.plan import say_doubts, show_plan
from ckpt_analyzer.cli.progress import progress
from ckpt_analyzer.events import Listener, UnitStatus

if TYPE_CHECKING:
    from ckpt_analyzer.live.following import Running
    from ckpt_analyzer.live.fresh_report import FreshReport
    from ckpt_analyzer.store.place import Place
    from ckpt_analyzer.sweep.config import Sweep
    from ckpt_analyzer.sweep.execute import RunSummary
    from ckpt_analyzer.sweep.follow import Followed
    from ckpt_analyzer.sweep.from_place import Choices
    from ckpt_analyzer.sweep.plan import Plan
    from ckpt_analyzer.sweep.prepare import Overrides

NAME = "run"
FAILURES_SHOWN = 5


def command(
    sweep: Annotated[
        Path,
        typer.Argument(
            metavar="SWEEP",
            help="A sweep file (YAML), the name of a shipped one, or a place of checkpoints: a "
            "folder, a pattern like 'runs/*/step_{step}', hub:org/name, or a suite.",
        ),
    ],
    store: StoreOption = None,
    data: DataFolder = None,
    endpoint: Endpoint = None,
    engine: Annotated[
        str, typer.Option(help="Where the units run: local, slurm or ray.")
    ] = "local",
    workers: options.Workers = None,
    unit_timeout: options.UnitTimeout = None,
    detach: options.Detach = False,
    partition: options.Partition = "",
    gres: options.Gres = "",
    cpus: options.Cpus = None,
    memory_gb: options.MemoryGb = None,
    minutes: options.Minutes = None,
    ray_address: options.RayAddress = "",
    gpus: options.Gpus = 0.0,
    spool: Annotated[
        Path | None,
        typer.Option(help="Let downloaded weights go through this folder, not through memory."),
    ] = None,
    max_gb: Annotated[
        float | None,
        typer.Option("--max-gb", min=0.001, help="The most that --spool may hold, in GB."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", "-o", help="Write the report here when done, or while following."),
    ] = None,
    follow: options.Follow = False,
    follow_every: options.FollowEvery = None,
    settle: options.Settle = 10.0,
    until_step: options.UntilStep = None,
    until_file: options.UntilFile = None,
    idle_minutes: options.IdleMinutes = None,
    tasks: options.Tasks = None,
    shots: options.Shots = None,
    sizes: options.Sizes = None,
    steps: options.Steps = None,
    limit: options.Limit = None,
    tokens_per_step: options.TokensPerStep = None,
    revision: options.Revision = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score every checkpoint of a sweep that the store lacks. Resumes by itself."""
    from ckpt_analyzer.checkpoints.spool import SpoolPlace
    from ckpt_analyzer.live.following import Following, Running, follow_sweep, polite_seconds
    from ckpt_analyzer.live.fresh_report import FreshReport
    from ckpt_analyzer.sweep.follow import Terms
    from ckpt_analyzer.sweep.from_place import Choices
    from ckpt_analyzer.sweep.prepare import Overrides, overridden, plan_sweep

    if max_gb is not None and spool is None:
        raise typer.BadParameter(
            "it bounds a spool: give --spool DIR as well", param_hint="--max-gb"
        )
    if detach and engines.load(engine).states is None:
        raise typer.BadParameter(
            f"the units of {engine} end with this command; only --engine slurm goes on alone",
            param_hint="--detach",
        )
    _check_follow_options(follow, (follow_every, until_step, until_file, idle_minutes))
    place = None if spool is None else SpoolPlace(spool, _bytes(max_gb))
    choices = Choices(
        tasks=_listed(tasks),
        shots=_numbers(shots),
        sizes=_listed(sizes),
        steps=steps,
        limit=limit,
        tokens_per_step=tokens_per_step,
        revision=revision,
    )
    overrides = Overrides(store, data, endpoint, place)
    read = overridden(_sweep(sweep, choices), overrides)
    page = report or read.report
    terms = engines.Terms(
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
    fresh = None if page is None else FreshReport(read.store, page, _say_no_report)
    running = Running(engine, endpoint, terms, fresh)
    if follow and not dry_run:
        idle = None if idle_minutes is None else 60 * idle_minutes
        every = follow_every or polite_seconds(read)
        until = Terms(every, until_step, until_file, idle)
        with progress(as_json=as_json) as listener:
            following = Following(until, listener, running, talk, settle)
            followed = follow_sweep(read, overrides, following)
        _report_on_followed(followed, read.store)
        return
    plan = plan_sweep(read, overrides)
    if dry_run:
        show_plan(plan, as_json=as_json)
        return
    _run_once(plan, read, overrides, running, as_json=as_json)


def _run_once(
    plan: Plan, sweep: Sweep, overrides: Overrides, running: Running, *, as_json: bool
) -> None:
    from ckpt_analyzer.sweep.execute import run_rounds
    from ckpt_analyzer.sweep.prepare import plan_sweep

    say_doubts(plan)
    with progress(as_json=as_json) as listener:
        summary = run_rounds(
            plan,
            run=lambda each: run_plan(each, listener, running),
            plan_again=lambda: plan_sweep(sweep, overrides),
        )
    if plan.units and not running.terms.waits:
        talk(f"{counted(len(plan.units), 'unit')} handed over to {running.engine}")
        talk(f"next: ckpt-analyzer status {quoted(plan.sweep.store)}")
        return
    if running.page is not None:
        running.page.note()
        running.page.write()
    if plan.units:
        report_on(summary, plan.sweep.store, running.page)
    else:
        talk(f"nothing to do: all {plan.n_done} units are in {plan.sweep.store}")
        _say_next(plan.sweep.store, running.page)


def _check_follow_options(follow: bool, given: tuple[object, ...]) -> None:
    if not follow and any(each is not None for each in given):
        raise typer.BadParameter(
            "--follow-every, --until-step, --until-file and --idle-minutes are of --follow",
            param_hint="--follow",
        )


def _sweep(given: Path, choices: Choices) -> Sweep:
    from ckpt_analyzer.sweep.config import load_sweep
    from ckpt_analyzer.sweep.from_place import is_place, require_something, sweep_of_place
    from ckpt_analyzer.sweep.shipped import find_sweep

    require_something(given)
    if is_place(given):
        return sweep_of_place(given, choices)
    sweep = load_sweep(find_sweep(given))
    if choices.any:
        raise typer.BadParameter(
            f"{given} is no folder of checkpoints: what is scored stands in the sweep file",
            param_hint="--tasks, --shots, --sizes, --steps, --limit, --tokens-per-step, --revision",
        )
    return sweep


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part for each in (text or "").split(",") if (part := each.strip()))


def _numbers(text: str | None) -> tuple[int, ...]:
    parts = _listed(text)
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter("numbers with commas between, like 0,5,25", param_hint="--shots")
    return tuple(int(part) for part in parts)


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else round(gigabytes * 10**9)


def run_plan(plan: Plan, listener: Listener, running: Running) -> RunSummary:
    """Run a plan; Ctrl-C says how to go on and exits with 130."""
    try:
        return running.run(plan, listener)
    except KeyboardInterrupt:
        talk(f"\nstopped. What is scored is in {plan.sweep.store}; go on with: {typed_again()}")
        raise typer.Exit(INTERRUPTED) from None


def report_on(summary: RunSummary, store: Place, page: FreshReport | None = None) -> None:
    """Say how a run ended; exit 1 if a unit failed."""
    _say_failed(summary.failed)
    talk(f"{counted(summary.n_done, 'unit')} scored, {len(summary.failed)} failed, in {store}")
    if summary.failed:
        talk(f"try the failed ones again with: {typed_again()}")
        raise typer.Exit(1)
    _say_next(store, page)


def _report_on_followed(followed: Followed, store: Place) -> None:
    """Say how following ended; exit 1 if a unit failed that is still there."""
    for seen, problem in followed.waiting.items():
        talk(f"{seen.model} step {seen.step}: {problem}", mark="not whole:")
    _say_failed(followed.failed)
    gone = len(followed.gone)
    removed = f", {gone} removed before they could be scored" if gone else ""
    talk(
        f"{counted(followed.n_done, 'unit')} scored, "
        f"{len(followed.failed)} failed{removed}, in {store}"
    )
    if followed.failed:
        talk(f"try the failed ones again with: {typed_again()}")
        raise typer.Exit(1)


def _say_no_report(problem: str) -> None:
    talk(problem, mark="no report:")


def _say_failed(failed: tuple[UnitStatus, ...]) -> None:
    for each in failed[:FAILURES_SHOWN]:
        talk(f"{each.unit}: {each.problem}", mark="failed:", style="red")
    if len(failed) > FAILURES_SHOWN:
        talk(f"… and {len(failed) - FAILURES_SHOWN} more failed")


def _say_next(store: Place, page: FreshReport | None) -> None:
    if page is not None:
        talk(f"wrote {page.page}; open it in a browser")
        return
    talk(f"next: ckpt-analyzer report {quoted(store)} -o report.html")
