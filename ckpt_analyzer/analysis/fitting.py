"""Fit a store: from item scores to trends, flips and regressions, kept in the store.

In: a store. Out: what was fitted, written into it. How a flip is decided is ``stats/flips.py``.
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.stats.flips import LEAST_POINTS, FlipOptions, decide_flips
from ckpt_analyzer.stats.movement import COLUMNS as MOVEMENT_COLUMNS
from ckpt_analyzer.stats.movement import movement_with_size
from ckpt_analyzer.stats.opinions import with_opinions
from ckpt_analyzer.stats.regression import COLUMNS, regressable, size_tokens_regression
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.series_tables import (
    Axis,
    Cut,
    ItemGrid,
    cut_grid,
    cut_rows,
    cut_series,
)
from ckpt_analyzer.stats.surface import size_tokens_surface
from ckpt_analyzer.store.given import check_store
from ckpt_analyzer.store.store import Store

#: The columns that tell the points of a task apart.
_POINT = ("suite", "model", "arm", "step", "shots", "prompt_format", "dtype")
#: Why a store that can be read cannot be written.
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
#: Item scores that are read at once: 400 MB while they are put in place.
MOST_SCORES = 2**24


@dataclass(frozen=True)
class Fitted:
    """What ``fit`` found."""

    trends: pd.DataFrame
    flips: pd.DataFrame
    regression: pd.DataFrame
    movement: pd.DataFrame
    surface: pd.DataFrame


def axes_of(trends: pd.DataFrame) -> tuple[Axis, ...]:
    """Return the axes along which a verdict on `trends` is possible; tokens always come first."""
    axes: list[Axis] = ["tokens"]
    if trends.groupby(["suite", "arm"])["parameters"].nunique().max() >= LEAST_POINTS:
        axes += ["parameters", "flops"]
    if trends["shots"].nunique() >= LEAST_POINTS:
        axes.append("shots")
    return tuple(axes)


def fit(store: Store, *, alpha: float = 0.05, seed: int = 0, with_suspects: bool = False) -> Fitted:
    """Fit every series of `store` and write the result into it.

    Parameters
    ----------
    alpha, seed
        Level of the tests for a flip, and seed of the null curves.
    with_suspects
        Whether checkpoints under suspicion take part. By default they do not.

    Returns
    -------
    Fitted
        The frames ``trends``, ``flips`` (the columns of ``find_flips``), ``regression``,
        ``movement`` and ``surface``.

    Raises
    ------
    StoreError
        If the store holds no scores, or cannot be written.
    """
    check_store(store)
    content_id = store.content_id()
    trends = store.trends()
    if with_suspects:
        trends = trends.assign(suspect=None)
    if trends.empty:
        raise StoreError(
            "the store holds no scores",
            where=str(store.path),
            hint="score something first: ckpt-analyzer run SWEEP, or ckpt-analyzer import",
        )
    options = FlipOptions(alpha=alpha, seed=seed, keep_suspect=with_suspects)
    flips = pd.concat(
        [_flips(store, trends, axis, options) for axis in axes_of(trends)],
        ignore_index=True,
    )
    fitted = Fitted(
        trends=trends,
        flips=flips,
        regression=_regression(trends),
        movement=movement_with_size(flips),
        surface=size_tokens_surface(trends),
    )
    try:
        _keep(store, fitted)
        store.mark_fitted(content_id, with_suspects=with_suspects)
    except StoreError as error:
        if not (isinstance(cause := error.__cause__, OSError) and cause.errno in _FORBIDDEN):
            raise
        place = shlex.quote(str(store.path))
        raise StoreError(
            f"what is fitted is kept in the store, and {error.problem}",
            where=error.where,
            hint=f"go on with a copy that you may write to: cp -r {place} COPY",
        ) from error
    return fitted


def _keep(store: Store, fitted: Fitted) -> None:
    store.write_flips(fitted.flips)
    store.write_description("regression", fitted.regression)
    store.write_description("movement", fitted.movement)
    store.write_description("surface", fitted.surface)


def _flips(store: Store, trends: pd.DataFrame, axis: Axis, options: FlipOptions) -> pd.DataFrame:
    """Return the flips along `axis`; series that were scored here are judged by their items."""
    cut = Cut(axis, options.keep_suspect)
    series = {_key(one): one for one in cut_series(trends, cut)}
    for one in item_series(store, trends, cut):
        if _key(one) in series:
            series[_key(one)] = one
    judged = list(series.values())
    return with_opinions(decide_flips(judged, axis, options), judged, alpha=options.alpha)


def item_series(store: Store, trends: pd.DataFrame, cut: Cut) -> Iterator[Series]:
    """Yield the series of the tasks and metrics of `trends` of which all points have items.

    A task is read once for all its metrics. Peak memory: 24 bytes for each of `MOST_SCORES`, or of
    one series where that has more.
    """
    selection = store.selection()
    by_kind = trends.groupby(["task", "metric"])["has_items"].all().reset_index()
    for task, names in by_kind[by_kind["has_items"]].groupby("task")["metric"]:
        rows = trends[(trends["task"] == task) & trends["metric"].isin(names)]
        for batch in _batches(rows, cut):
            at = batch.drop_duplicates(list(_POINT), ignore_index=True)
            scores = store.scores_at(at, list(names), selection)
            for name, score_PN in scores.items():
                of_metric = at[list(_POINT)].reset_index(names="_at")
                mine = batch[batch["metric"] == name].merge(of_metric, on=list(_POINT))
                yield from cut_grid(ItemGrid(mine, score_PN[mine["_at"]]), cut)


def _batches(rows: pd.DataFrame, cut: Cut) -> Iterator[pd.DataFrame]:
    """Yield `rows` in parts of whole series, as many together as their scores may be in memory.

    Series that differ in nothing but their metric stay together: they are of the same items.
    """
    parts: dict[tuple[object, ...], list[pd.DataFrame]] = {}
    for part in cut_rows(rows, cut):
        points = frozenset(part[list(_POINT)].itertuples(index=False, name=None))
        parts.setdefault(tuple(sorted(points)), []).append(part)
    batch: list[pd.DataFrame] = []
    held = 0
    for alike in parts.values():
        size = sum(int((part["n_items"] + part["n_unscored"]).sum()) for part in alike)
        if batch and held + size > MOST_SCORES:
            yield pd.concat(batch)
            batch, held = [], 0
        batch += alike
        held += size
    if batch:
        yield pd.concat(batch)


def _key(series: Series) -> tuple[object, ...]:
    return tuple(series.key.values())


def fit_if_needed(store: Store) -> None:
    """Fit `store` unless its verdicts, with or without suspects, are of what it holds now."""
    if not (is_current(store) or is_current(store, with_suspects=True)):
        fit(store)


def is_current(store: Store, *, with_suspects: bool = False) -> bool:
    """Return whether the fits of `store` are of what it holds now, and made by this version."""
    described = set(store.description("movement").columns)
    return store.is_fitted(with_suspects=with_suspects) and set(MOVEMENT_COLUMNS) <= described


def _regression(trends: pd.DataFrame) -> pd.DataFrame:
    """Return the regressions that can be made: none of a single model, one's own run for one."""
    rows = regressable(trends[trends["suspect"].isna()])
    return pd.DataFrame(columns=list(COLUMNS)) if rows.empty else size_tokens_regression(rows)
