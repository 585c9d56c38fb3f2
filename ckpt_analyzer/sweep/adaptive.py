"""``steps: adaptive``: the steps of a model follow from what the store says of it so far.

In: the trends of a store. Out: for each model the steps of its next round. Nothing is remembered
between rounds but the scores themselves, so that a search goes on where it stopped, however it
stopped. Where to look next is ``stats/next_steps.py``; this module joins it with store and suites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ckpt_analyzer.stats.next_steps import Curve, Grid, Proposal, Search, next_steps
from ckpt_analyzer.stats.noise import estimate_noise
from ckpt_analyzer.stats.series_tables import Cut, cut_series
from ckpt_analyzer.suite import Model
from ckpt_analyzer.sweep.config import Sweep
from ckpt_analyzer.sweep.steps import select_steps

if TYPE_CHECKING:
    import pandas as pd

    from ckpt_analyzer.store.store import Store


@dataclass(frozen=True)
class Rounds:
    """What is known so far, and how the search goes on.

    Parameters
    ----------
    trends
        Rows of ``tables.TRENDS``: one metric for each task, one row per series and step.
    search
        When to stop.
    """

    trends: pd.DataFrame
    search: Search

    def scored(self, suite: str, model: Model) -> tuple[int, ...]:
        """Return the steps of `model` at which every series of it has a value."""
        rows = self._rows(suite, model)
        if rows.empty:
            return ()
        counts = rows.groupby("step")["task"].size()
        return tuple(int(step) for step in counts.index[counts == counts.max()])

    def proposals(self, suite: str, model: Model, available: Sequence[int]) -> tuple[Proposal, ...]:
        """Return the next steps of `model` to score; none when its search is over.

        The first round is spaced evenly in the logarithm.
        """
        grid = _grid(model, available)
        scored = [step for step in self.scored(suite, model) if step in set(grid.step_S.tolist())]
        first = select_steps(f"log:{self.search.start}", [int(step) for step in grid.step_S])
        if len(scored) < min(self.search.start, len(first)):
            return tuple(Proposal(step, "first round") for step in first if step not in scored)
        return next_steps(self._curves(suite, model), grid, scored, self.search)

    def steps(self, suite: str, model: Model, available: Sequence[int]) -> tuple[int, ...]:
        """Return what is scored of `model` and its next round, ascending."""
        if model.is_single_state:
            return tuple(available)
        proposed = [p.step for p in self.proposals(suite, model, available)]
        scored = [step for step in self.scored(suite, model) if step in set(available)]
        return tuple(sorted({*scored, *proposed}))

    def _rows(self, suite: str, model: Model) -> pd.DataFrame:
        rows: pd.DataFrame = self.trends[
            (self.trends["suite"] == suite) & (self.trends["model"] == model.name)
        ]
        return rows

    def _curves(self, suite: str, model: Model) -> list[Curve]:
        series = cut_series(self._rows(suite, model), Cut("tokens"))
        noises = estimate_noise(series)
        return [Curve(s, n.shock_variance) for s, n in zip(series, noises, strict=True)]


def _grid(model: Model, available: Sequence[int]) -> Grid:
    step_S = np.array([step for step in available if step > 0], dtype=int)
    tokens_S = np.array([model.tokens_at(int(step)) for step in step_S], dtype=float)
    return Grid(step_S, np.log10(tokens_S))


def rounds_of_sweep(sweep: Sweep, tasks: Sequence[str], store: Store | None) -> Rounds:
    """Return the rounds of `sweep`, whose tasks are called `tasks`; `store` None before the first.

    Of each task the first metric counts that the sweep names and the task has.
    """
    from ckpt_analyzer.tables import TRENDS

    options = sweep.adaptive
    search = Search(
        start=options.start,
        per_round=options.per_round,
        budget=options.budget,
        width_decades=options.width_decades,
    )
    empty: pd.DataFrame = TRENDS.empty_table().to_pandas()
    trends = empty if store is None else store.trends()
    ours = trends[
        trends["task"].isin(list(tasks))
        & trends["shots"].isin(list(sweep.shots))
        & (trends["dtype"] == sweep.dtype)
        & trends["prompt_format"].isin(_formats(sweep))
    ]
    return Rounds(one_metric_each(ours, sweep.metrics), search)


def _formats(sweep: Sweep) -> set[str]:
    own = (each.prompt_format or () for each in sweep.suites)
    return {"raw", *sweep.prompt_format, *(name for names in own for name in names)}


def one_metric_each(trends: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of one metric for each task: the first of `metrics`, else the first known."""
    rank = {name: place for place, name in enumerate(metrics)}
    order = trends["metric"].map(lambda name: (rank.get(name, len(rank)), name))
    kept: pd.DataFrame = trends[order == order.groupby(trends["task"]).transform("min")]
    return kept
