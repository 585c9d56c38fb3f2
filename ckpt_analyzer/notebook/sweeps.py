"""Plan and run a sweep from Python.

In: a sweep, in any of the ways in which one can be said. Out: what is to be done, what was done.
Nothing is printed: what happens on the way goes to a listener.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ckpt_analyzer.engines import Terms
from ckpt_analyzer.events import Event, Listener
from ckpt_analyzer.store.place import Place, place_of
from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.suite import Checkpoint
from ckpt_analyzer.sweep.config import Sweep, load_sweep, parse_sweep
from ckpt_analyzer.sweep.cost import Cost, cost_of
from ckpt_analyzer.sweep.execute import execute, run_rounds
from ckpt_analyzer.sweep.from_place import Choices, is_place, sweep_of_place
from ckpt_analyzer.sweep.plan import Plan
from ckpt_analyzer.sweep.prepare import Overrides, overridden, plan_sweep
from ckpt_analyzer.sweep.shipped import find_sweep

#: A sweep as the keys of its file; the path or the name of a file; or a place of checkpoints.
Given = Mapping[str, Any] | Path | str
_UNITS = ("suite", "model", "arm", "revision", "step", "tokens", "tasks", "items", "suspect")
_MISSING = ("suite", "model", "arm", "revision", "step")


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
    """

    units: pd.DataFrame
    missing: pd.DataFrame
    cost: Cost


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
    """

    store: Store
    n_scored: int
    n_stored: int
    failed: pd.DataFrame


def plan(sweep: Given, *, store: Place | str | None = None, endpoint: str | None = None) -> Planned:
    """Return what `sweep` has to do and what that costs; no weights are read.

    Parameters
    ----------
    sweep
        The keys of a sweep file as a mapping; the path of such a file, or the name of a shipped
        one; or a place of checkpoints: a folder, a pattern, ``hub:org/name``.
    store
        Instead of the one that the sweep names.
    endpoint
        Of a Hub other than huggingface.co.

    Raises
    ------
    UserError
        If the sweep, a suite, a task file or the store is wrong; it says where and what to do.
    """
    overrides = _overrides(store, endpoint)
    made = plan_sweep(_sweep(sweep), overrides)
    units = [_unit_row(made, number) for number in range(len(made.units))]
    missing = [_checkpoint_row(each) for each in made.missing]
    return Planned(
        pd.DataFrame(units, columns=list(_UNITS)),
        pd.DataFrame(missing, columns=list(_MISSING)),
        cost_of(made),
    )


def run(
    sweep: Given,
    *,
    store: Place | str | None = None,
    endpoint: str | None = None,
    engine: str = "local",
    terms: Terms | None = None,
    listener: Listener | None = None,
) -> Ran:
    """Score what the store lacks of `sweep`; it may be stopped and run again at any time.

    Parameters
    ----------
    sweep, store, endpoint
        As in ``plan``.
    engine, terms
        Where and how the units run: ``local``, ``slurm``, ``ray``; ``engines.Terms``. By default
        one after the other in this process.
    listener
        Is called with every event of the run (``ckpt_analyzer.events``); ``print`` will do.

    Raises
    ------
    UserError
        If the sweep, the engine, a task file or the store is wrong. A unit that fails is no error:
        it is in ``failed``, and the rest goes on.
    """
    overrides = _overrides(store, endpoint)
    read = overridden(_sweep(sweep), overrides)
    first = plan_sweep(read, overrides)
    summary = run_rounds(
        first,
        run=lambda each: execute(
            each, engine=engine, terms=terms, listener=listener or _unheard, endpoint=endpoint
        ),
        plan_again=lambda: plan_sweep(read, overrides),
    )
    failed = [{"unit": each.unit, "problem": each.problem} for each in summary.failed]
    return Ran(
        store=open_store(read.store),
        n_scored=summary.n_done,
        n_stored=first.n_done,
        failed=pd.DataFrame(failed, columns=["unit", "problem"]),
    )


def _sweep(given: Given) -> Sweep:
    if isinstance(given, Mapping):
        text = yaml.safe_dump(dict(given), sort_keys=False, allow_unicode=True)
        return parse_sweep(text, "the given sweep")
    path = Path(given)
    if is_place(path):
        return sweep_of_place(path, Choices())
    return load_sweep(find_sweep(path))


def _overrides(store: Place | str | None, endpoint: str | None) -> Overrides:
    return Overrides(store=None if store is None else place_of(store), endpoint=endpoint)


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
