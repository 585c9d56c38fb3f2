"""Plan and run a sweep from Python.

In: a sweep, in any of the ways in which one can be said. Out: what is to be done, what was done.
Nothing is printed: what happens on the way goes to a listener.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ckpt_analyzer.checkpoints.spool import SpoolPlace
from ckpt_analyzer.engines import Terms
from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.events import Event, Listener, UnitStatus
from ckpt_analyzer.live.following import (
    SETTLE_SECONDS,
    Following,
    Running,
    follow_sweep,
    polite_seconds,
)
from ckpt_analyzer.live.fresh_report import FreshReport
from ckpt_analyzer.notebook.stores import OpenedStore, open_store
from ckpt_analyzer.store.place import Place, place_of
from ckpt_analyzer.suite import Checkpoint
from ckpt_analyzer.sweep.config import Sweep, load_sweep, parse_sweep
from ckpt_analyzer.sweep.cost import Cost, cost_of
from ckpt_analyzer.sweep.execute import run_rounds
from ckpt_analyzer.sweep.follow import Terms as FollowTerms
from ckpt_analyzer.sweep.from_place import Choices, is_place, require_something, sweep_of_place
from ckpt_analyzer.sweep.plan import Plan
from ckpt_analyzer.sweep.prepare import Overrides, overridden, plan_sweep
from ckpt_analyzer.sweep.shipped import find_sweep
from ckpt_analyzer.sweep.unverified import unverified_facts
from ckpt_analyzer.sweep.wanted import COLUMNS as FURTHER
from ckpt_analyzer.sweep.wanted import wanted_by_sweep

#: A sweep as the keys of its file; the path or the name of a file; or a place of checkpoints.
Given = Mapping[str, Any] | Path | str
_UNITS = ("suite", "model", "arm", "revision", "step", "tokens", "tasks", "items", "suspect")
_MISSING = ("suite", "model", "arm", "revision", "step")
_NOT_WHOLE = ("model", "step", "problem")
_GONE = ("model", "step")


@dataclass(frozen=True)
class Planned:
    """What a sweep has to do.

    Parameters
    ----------
    units
        One row per checkpoint to score: suite, model, arm, revision, step, tokens, tasks (how many
        cells are missing), items, suspect (why, or None).
    missing
        Checkpoints that the suite declares and the source does not have.
    cost
        Bytes, requests, tokens, FLOPs, disk and memory.
    unverified
        What its suites say without having been checked: suite, about, source.
    further
        Where it was asked for: model, step, tokens and why of the checkpoints to score next.
    """

    units: pd.DataFrame
    missing: pd.DataFrame
    cost: Cost
    unverified: pd.DataFrame
    further: pd.DataFrame


@dataclass(frozen=True)
class Follow:
    """How a run at work is followed; with no end given, an interrupt is the end.

    Parameters
    ----------
    every_seconds
        Between two looks; None for 30, and 60 where a Hub is asked.
    settle_seconds
        How long a checkpoint must stay unchanged to count as whole.
    until_step
        Stop once this step, or a later one, of every model is dealt with.
    until_file
        Stop once this file exists and all is scored.
    idle_seconds
        Stop when nothing new was scored for so long.
    report
        The page to keep fresh; else the one that the sweep names, if it does.
    tell
        Is told in a sentence what you may wonder about; ``print`` will do.
    """

    every_seconds: float | None = None
    settle_seconds: float = SETTLE_SECONDS
    until_step: int | None = None
    until_file: Path | str | None = None
    idle_seconds: float | None = None
    report: Path | str | None = None
    tell: Callable[[str], None] = lambda _sentence: None


@dataclass(frozen=True)
class Ran:
    """How a run ended.

    Parameters
    ----------
    store
        Where the scores are.
    n_scored
        Checkpoints that were scored now.
    n_stored
        Checkpoints of which everything was there before.
    failed
        One row per checkpoint that failed: unit, problem. A second run tries them again.
    not_whole, gone
        Of a run that was followed: checkpoints that were not whole by the end (model, step,
        problem), and those that were removed before they could be scored (model, step).
    """

    store: OpenedStore
    n_scored: int
    n_stored: int
    failed: pd.DataFrame
    not_whole: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_NOT_WHOLE)))
    gone: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_GONE)))


def plan(
    sweep: Given,
    *,
    store: Place | str | None = None,
    data: Path | str | None = None,
    endpoint: str | None = None,
    choices: Choices | None = None,
    flips: bool = False,
) -> Planned:
    """Return what `sweep` has to do and what that costs; no weights are read.

    Parameters
    ----------
    sweep
        The keys of a sweep file as a mapping; the path of such a file, or the name of a shipped
        one; or a place of checkpoints: a folder, a pattern, ``hub:org/name``, a suite.
    store, data
        Instead of those that the sweep names: the store, and the folder with the task files.
    endpoint
        Of a Hub other than huggingface.co.
    choices
        Of a place: tasks, shots, sizes, steps, limit and so on.
    flips
        Whether ``further`` of the result is filled: checkpoints that would place turns better.

    Raises
    ------
    UserError
        If the sweep, a suite, a task file or the store is wrong; it says where and what to do.
    """
    overrides = _overrides(store, data, endpoint)
    read = _sweep(sweep, choices)
    made = plan_sweep(read, overrides)
    units = [_unit_row(made, number) for number in range(len(made.units))]
    missing = [_checkpoint_row(each) for each in made.missing]
    further = [each.row() for each in wanted_by_sweep(read, overrides)] if flips else []
    return Planned(
        pd.DataFrame(units, columns=list(_UNITS)),
        pd.DataFrame(missing, columns=list(_MISSING)),
        cost_of(made),
        unverified=unverified_facts(made),
        further=pd.DataFrame(further, columns=list(FURTHER)),
    )


def run(  # noqa: PLR0913  (one parameter per group of options of the verb)
    sweep: Given,
    *,
    store: Place | str | None = None,
    data: Path | str | None = None,
    endpoint: str | None = None,
    choices: Choices | None = None,
    engine: str = "local",
    terms: Terms | None = None,
    spool: SpoolPlace | None = None,
    follow: Follow | None = None,
    listener: Listener | None = None,
) -> Ran:
    """Score what the store lacks of `sweep`; it may be stopped and run again at any time.

    Parameters
    ----------
    sweep, store, data, endpoint, choices
        As in ``plan``.
    engine, terms
        Where and how the units run: ``local``, ``slurm``, ``ray``; ``engines.Terms``. By default
        one after the other in this process.
    spool
        Lets downloaded weights go through a folder (``checkpoints.spool.SpoolPlace``), not through
        memory.
    follow
        Goes on: scores checkpoints as a run writes them, until one of the ends that it names or an
        interrupt.
    listener
        Is called with every event of the run (``ckpt_analyzer.events``); ``print`` will do.

    Raises
    ------
    UserError
        If the sweep, the engine, a task file or the store is wrong. A unit that fails is no error:
        it is in ``failed``, and the rest goes on.
    """
    overrides = replace(_overrides(store, data, endpoint), spool=spool)
    read = overridden(_sweep(sweep, choices), overrides)
    running = Running(engine, endpoint, terms or Terms())
    hear = listener or _unheard
    if follow is not None:
        return _followed(read, overrides, running, follow, hear)
    first = plan_sweep(read, overrides)
    summary = run_rounds(
        first,
        run=lambda each: running.run(each, hear),
        plan_again=lambda: plan_sweep(read, overrides),
    )
    return Ran(open_store(read.store), summary.n_done, first.n_done, _failed(summary.failed))


def _followed(
    sweep: Sweep, overrides: Overrides, running: Running, follow: Follow, listener: Listener
) -> Ran:
    page = follow.report or sweep.report
    if page is not None:
        fresh = FreshReport(sweep.store, Path(page), follow.tell)
        running = replace(running, page=fresh)
    until_file = None if follow.until_file is None else Path(follow.until_file)
    terms = FollowTerms(
        follow.every_seconds or polite_seconds(sweep),
        follow.until_step,
        until_file,
        follow.idle_seconds,
    )
    following = Following(terms, listener, running, follow.tell, follow.settle_seconds)
    ended = follow_sweep(sweep, overrides, following)
    not_whole = [(seen.model, seen.step, problem) for seen, problem in ended.waiting.items()]
    return Ran(
        store=open_store(sweep.store),
        n_scored=ended.n_done,
        n_stored=0,
        failed=_failed(ended.failed),
        not_whole=pd.DataFrame(not_whole, columns=list(_NOT_WHOLE)),
        gone=pd.DataFrame([(each.model, each.step) for each in ended.gone], columns=list(_GONE)),
    )


def _failed(failed: Sequence[UnitStatus]) -> pd.DataFrame:
    rows = [{"unit": each.unit, "problem": each.problem} for each in failed]
    return pd.DataFrame(rows, columns=["unit", "problem"])


def _sweep(given: Given, choices: Choices | None = None) -> Sweep:
    if isinstance(given, Mapping):
        text = yaml.safe_dump(dict(given), sort_keys=False, allow_unicode=True)
        return _without(choices, parse_sweep(text, "the given sweep", is_file=False))
    path = Path(given)
    require_something(path)
    if is_place(path):
        return sweep_of_place(path, choices or Choices())
    return _without(choices, load_sweep(find_sweep(path)))


def _without(choices: Choices | None, sweep: Sweep) -> Sweep:
    if choices is not None and choices.any:
        raise SweepError(
            "`choices` are of a place of checkpoints, and this is a sweep",
            where=sweep.name,
            hint="write them into the sweep: tasks, shots, sizes, steps, limit",
        )
    return sweep


def _overrides(
    store: Place | str | None, data: Path | str | None, endpoint: str | None
) -> Overrides:
    return Overrides(
        store=None if store is None else place_of(store),
        data=None if data is None else Path(data),
        endpoint=endpoint,
    )


def _unit_row(plan: Plan, number: int) -> dict[str, Any]:
    unit = plan.units[number]
    return _checkpoint_row(unit.checkpoint) | {
        "tokens": unit.checkpoint.tokens,
        "tasks": len(unit.cells),
        "items": plan.items_of(unit),
        "suspect": unit.suspicion,
    }


def _checkpoint_row(checkpoint: Checkpoint) -> dict[str, Any]:
    model = checkpoint.model
    return {
        "suite": checkpoint.suite,
        "model": model.name,
        "arm": model.arm,
        "revision": checkpoint.revision,
        "step": checkpoint.step,
    }


def _unheard(_event: Event) -> None:
    """Take no notice of an event."""
