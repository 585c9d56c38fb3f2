"""Which further checkpoints would place the turns better: ``plan --flips``.

In: a sweep, or a store that anything filled (imported results included). Out: checkpoints with the
reason for each. Nothing is scored; where to look is ``stats/next_steps.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ckpt_analyzer import suites as known_suites
from ckpt_analyzer.checkpoints.listed import listed_models
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.stats.next_steps import Proposal, Search
from ckpt_analyzer.store.mark import is_store
from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.suite import Model, Suite
from ckpt_analyzer.sweep.adaptive import Rounds, one_metric_each, rounds_of_sweep
from ckpt_analyzer.sweep.config import Sweep
from ckpt_analyzer.sweep.plan import SourcedSuite, selected_models
from ckpt_analyzer.sweep.prepare import Overrides, overridden, plan_tasks, source_suites

#: From so many checkpoints on a curve is looked at, however they were chosen.
_LEAST_START = 4
COLUMNS = ("model", "step", "tokens", "why")


@dataclass(frozen=True)
class Wanted:
    """A checkpoint that would place a turn better, and why."""

    suite: str
    model: Model
    proposal: Proposal

    def row(self) -> dict[str, object]:
        """Return it as a row of a table with the columns `COLUMNS`."""
        step = self.proposal.step
        return {
            "model": self.model.name,
            "step": step,
            "tokens": self.model.tokens_at(step),
            "why": self.proposal.reason,
        }


def wanted_by_store(store: Store, metrics: Sequence[str] = ("accuracy",)) -> tuple[Wanted, ...]:
    """Return for every model of `store` the checkpoints to score next, whatever scored the others.

    Raises
    ------
    StoreError
        If no suite of the store is declared: its steps are not known.
    """
    trends = store.trends()
    held = {*trends["suite"]}
    known = (known_suites.load(name) for name in known_suites.names())
    suites = [suite for suite in known if not held.isdisjoint(map(suite.name_of, suite.models))]
    if not suites:
        raise StoreError(
            "the store has no scores of a declared suite, so which steps exist is not known",
            where=str(store.path),
            hint="give the sweep that made it: ckpt-analyzer plan SWEEP --flips",
        )
    rounds = Rounds(one_metric_each(trends, metrics), Search())
    return tuple(
        wanted
        for suite in suites
        for model in suite.models
        if rounds.scored(suite.name_of(model), model)
        for wanted in wanted_of_model(rounds, suite, model)
    )


def wanted_by_sweep(sweep: Sweep, overrides: Overrides) -> tuple[Wanted, ...]:
    """Return for every model of a sweep the checkpoints to score next, by what its store holds.

    Raises
    ------
    UserError
        If the sweep, a suite or the store is wrong.
    """
    sweep = overridden(sweep, overrides)
    store = open_store(sweep.store) if is_store(sweep.store) else None
    rounds = rounds_of_sweep(sweep, [planned.task.name for planned in plan_tasks(sweep)], store)
    return tuple(
        wanted
        for sourced in source_suites(sweep, overrides)
        for model in _listed(sourced, sweep)
        for wanted in wanted_of_model(rounds, sourced.suite, model)
    )


def _listed(sourced: SourcedSuite, sweep: Sweep) -> tuple[Model, ...]:
    """Return the selected models; only those that are open are looked up on their Hub."""
    models = selected_models(sourced, sweep)
    if not any(model.is_open for model in models):
        return models
    return listed_models(sourced.suite, models, sourced.source).models


def wanted_of_model(rounds: Rounds, suite: Suite, model: Model) -> tuple[Wanted, ...]:
    """Return what one more round of `model` would score; what is scored so far is no limit."""
    if model.is_single_state:
        return ()
    available = [s for s in model.steps if suite.suspicion(suite.checkpoint(model, s)) is None]
    n_scored = len({*rounds.scored(suite.name_of(model), model)} & {*available} - {0})
    search = replace(
        rounds.search,
        start=min(rounds.search.start, max(n_scored, _LEAST_START)),
        budget=max(rounds.search.budget, n_scored + rounds.search.per_round),
    )
    proposals = replace(rounds, search=search).proposals(suite.name_of(model), model, available)
    return tuple(Wanted(suite.name_of(model), model, proposal) for proposal in proposals)
