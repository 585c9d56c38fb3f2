"""Differences of many tasks and sizes joined: per cause, per size, over all.

In: the paired items of one pair of sides, metric and setting, and the cause of each task. Out: one
row per group with an interval and a p. Models of different sizes answer the same items, so items
are drawn once for all sizes. Tasks are not drawn: an interval holds for the tasks that were scored,
not for others of their cause.

Shape legend: I items, P places (models that the pair was compared at), B draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from ckpt_analyzer.stats.paired import adjusted, is_binary

#: The columns of the table that ``group_differences`` returns, in order.
COLUMNS = (
    "level", "cause", "size", "n_tasks", "n_sizes", "n_items", "difference", "ci_lo", "ci_hi",
    "p", "p_adjusted", "n_draws", "seed",
)  # fmt: skip
#: What a task without a cause is counted as.
NO_CAUSE = "no cause"
#: The levels of grouping, each a family of tests of its own.
LEVELS = ("cause and size", "cause", "size", "all")
_CHUNK = 250


@dataclass(frozen=True)
class Draws:
    """How items are drawn."""

    n_draws: int = 2000
    seed: int = 0
    alpha: float = 0.05


def group_differences(
    sides: pd.DataFrame, causes: Mapping[str, str | None], draws: Draws | None = None
) -> pd.DataFrame:
    """Return the mean difference of each group of tasks and sizes; every task weighs the same.

    Intervals are percentiles of means over items drawn with replacement within each task. Where
    every score is 0 or 1, one item that breaks and one that is mended are added to each task before
    drawing, as Bonett and Price do, so that a task of which every item broke has an interval. p is
    twice the share of the draws on the other side of 0, so that p and interval agree; it is never
    below ``2 / (n_draws + 1)``. It is adjusted (Benjamini-Hochberg) over the groups of one level.
    Peak memory: ``500 * n_items`` numbers of 8 bytes of the largest task.

    Parameters
    ----------
    sides
        ``task``, ``model``, ``size``, ``side``, ``item``, ``score`` of one pair of sides; NaN
        leaves a pair out.
    causes
        Task to cause; None or a missing task counts as ``NO_CAUSE``.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``; ``level`` is one of ``LEVELS``, ``cause`` and ``size`` are empty where
        the level joins them.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 (percentiles) and
    15.4 (tests from them). Bonett & Price (2012), as in ``paired``.
    """
    draws = draws or Draws()
    places = [
        place
        for _, of_task in sides.groupby("task", sort=False)
        for place in _places(of_task, causes, draws)
    ]
    rows = [asdict(group) for level in LEVELS for group in _groups(places, level, draws)]
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.DataFrame(rows)
    table["p_adjusted"] = table.groupby("level")["p"].transform(
        lambda p: pd.Series(adjusted(p.to_numpy(float)), index=p.index)
    )
    return table.assign(n_draws=draws.n_draws, seed=draws.seed)[list(COLUMNS)]


@dataclass(frozen=True)
class _Place:
    """One task at one model: its difference, as observed and as drawn."""

    task: str
    cause: str
    size: str
    n_items: int
    difference: float
    drawn_B: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class _Group:
    level: str
    cause: str
    size: str
    n_tasks: int
    n_sizes: int
    n_items: int
    difference: float
    ci_lo: float
    ci_hi: float
    p: float


def _places(
    of_task: pd.DataFrame, causes: Mapping[str, str | None], draws: Draws
) -> Iterator[_Place]:
    wide = of_task.pivot_table(
        index="item", columns=["model", "size", "side"], values="score", sort=True
    )
    models = [
        key
        for key in dict.fromkeys(tuple(column[:2]) for column in wide.columns.tolist())
        if {(*key, "base"), (*key, "tuned")} <= set(wide.columns)
    ]
    if not models:
        return
    base_IP = np.column_stack([wide[(*key, "base")].to_numpy(float) for key in models])
    tuned_IP = np.column_stack([wide[(*key, "tuned")].to_numpy(float) for key in models])
    change_IP = tuned_IP - base_IP
    kept = ~np.isnan(change_IP)
    binary = is_binary(base_IP[kept]) and is_binary(tuned_IP[kept])
    task = str(of_task["task"].iloc[0])
    drawn_BP = _drawn(change_IP, _generator(task, draws), draws, smoothed=binary)
    for at, (_, size) in enumerate(models):
        if kept[:, at].sum() >= 2:
            yield _Place(
                task, causes.get(task) or NO_CAUSE, str(size), int(kept[:, at].sum()),
                float(np.nanmean(change_IP[:, at])), drawn_BP[:, at],
            )  # fmt: skip


def _generator(task: str, draws: Draws) -> np.random.Generator:
    """Return the generator of a task: what other tasks are there changes nothing."""
    return np.random.default_rng([draws.seed, *task.encode()])


def _drawn(
    change_IP: np.ndarray, generator: np.random.Generator, draws: Draws, *, smoothed: bool
) -> np.ndarray:
    """Return the means of drawn items, shape (B, P); J counts the items that are drawn from."""
    added_P = np.ones((1, change_IP.shape[1]))
    pool_JP = np.concatenate([change_IP, -added_P, added_P]) if smoothed else change_IP
    known_JP, change_JP = (~np.isnan(pool_JP)).astype(float), np.nan_to_num(pool_JP)
    means = []
    for start in range(0, draws.n_draws, _CHUNK):
        n = min(_CHUNK, draws.n_draws - start)
        picked = generator.integers(0, len(pool_JP), (n, len(pool_JP)))
        counts_BJ = np.array([np.bincount(row, minlength=len(pool_JP)) for row in picked], float)
        means.append(counts_BJ @ change_JP / np.maximum(counts_BJ @ known_JP, 1.0))
    return np.concatenate(means)


def _groups(places: list[_Place], level: str, draws: Draws) -> Iterator[_Group]:
    by_cause, by_size = "cause" in level, "size" in level
    members: dict[tuple[str, str], list[_Place]] = {}
    for place in places:
        key = (place.cause if by_cause else "", place.size if by_size else "")
        members.setdefault(key, []).append(place)
    for (cause, size), of_group in members.items():
        yield _group(level, cause, size, of_group, draws)


def _group(level: str, cause: str, size: str, places: list[_Place], draws: Draws) -> _Group:
    by_task: dict[str, list[_Place]] = {}
    for place in places:
        by_task.setdefault(place.task, []).append(place)
    tasks = list(by_task.values())
    difference = float(np.mean([np.mean([p.difference for p in of]) for of in tasks]))
    drawn_B = np.mean([np.mean([p.drawn_B for p in of], axis=0) for of in tasks], axis=0)
    low, high = np.quantile(drawn_B, [draws.alpha / 2, 1 - draws.alpha / 2])
    beyond = 1 + min(np.count_nonzero(drawn_B <= 0), np.count_nonzero(drawn_B >= 0))
    return _Group(
        level, cause, size, len(tasks), len({p.size for p in places}),
        sum(max(p.n_items for p in of) for of in tasks), difference,
        # Added items pull the centre of the draws towards 0; the interval still holds the mean.
        min(float(low), difference), max(float(high), difference),
        min(1.0, 2 * beyond / (1 + len(drawn_B))),
    )  # fmt: skip
