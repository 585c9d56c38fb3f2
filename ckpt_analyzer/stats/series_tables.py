"""Cut a table into series along an axis.

In: item scores in long form (a column ``score``), or trends (``value`` and ``stderr``). Out: one
``Series`` per curve. The module decides what belongs together and what its errors are; it knows
nothing of shapes or tests.

Shape legend: N items, K points along the axis, P points of several series, R rows of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from ckpt_analyzer.errors import UnknownNameError, UserError
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.table_checks import (
    measure_of,
    names_of,
    no_gap,
    none_below_zero,
    numbers,
    steps_known,
    suspected,
    with_plain_index,
)

Axis = Literal["tokens", "parameters", "flops", "shots"]
AXES: tuple[Axis, ...] = get_args(Axis)

#: Columns that name a series, with what they are when a plain table of scores leaves them out.
KEY_DEFAULTS: dict[str, Any] = {
    "suite": "", "model": "", "size": "", "arm": "base", "parameters": 0, "task": "", "shots": 0,
    "prompt_format": "", "dtype": "", "metric": "",
}  # fmt: skip

#: What a series along an axis does not hold fixed, and what its key says instead.
_VARIES: dict[str, dict[str, Any]] = {
    "tokens": {},
    "parameters": {"model": "(all)", "size": "(all)", "parameters": 0},
    "flops": {"model": "(all)", "size": "(all)", "parameters": 0},
    "shots": {"shots": -1},
}
#: Axes along which a series holds several models: those of one seed.
_JOINS_MODELS = ("parameters", "flops")

#: How the correlation of two points may fall with their distance: reaches, as parts of the axis.
_REACHES = (0.03, 0.06, 0.12, 0.25, 0.5)
#: So many items tell as much of a correlation as one point more among its like.
_ITEMS_PER_POINT = 4.0


@dataclass(frozen=True)
class Cut:
    """How a table is cut: along which axis, and whether suspect checkpoints stay."""

    axis: Axis
    keep_suspect: bool = False


def cut_series(table: pd.DataFrame, cut: Cut) -> list[Series]:
    """Return the series of `table` along ``cut.axis``, sorted by their key.

    Along ``parameters`` there is one series per step; along ``flops`` the last checkpoint of each
    model; each is cut by ``seed`` where the table has it, which its model's name then tells. Along
    ``shots`` there is one series per checkpoint. Rows without a value (NaN: not scored) are
    left out.

    Raises
    ------
    UserError
        If the table has neither ``score`` and an item column nor ``value``, or the axis is unknown.
    """
    return [_series(part, cut, _measure) for part in cut_rows(table, cut)]


def cut_rows(table: pd.DataFrame, cut: Cut) -> list[pd.DataFrame]:
    """Return the rows of each series of ``cut_series``, suspect ones included."""
    if cut.axis not in AXES:
        raise UnknownNameError("axis", str(cut.axis), AXES)
    rows = _measured_rows(table, cut.axis)
    if cut.axis != "tokens":
        steps_known(rows)
    if cut.axis == "flops" and "step" in rows.columns:
        models = [name for name in (*_fixed("tokens"), "model") if name in rows.columns]
        last = rows.groupby(models, dropna=False, observed=True)["step"].transform("max")
        rows = rows[rows["step"] == last]
    groups = _fixed(cut.axis)
    if cut.axis in ("parameters", "shots"):
        groups = [*groups, "step"]
    # Seeds of one size are runs of their own; a suite of one run has none.
    groups = [name for name in (*groups, "seed") if name in rows.columns]
    if not groups:
        return [rows] if len(rows) else []
    found = rows.groupby(groups, sort=True, dropna=False, observed=True)
    return [part for _, part in found]


@dataclass(frozen=True)
class ItemGrid:
    """Scores of the items of one task at several points; a long table would hold names for each.

    Parameters
    ----------
    points
        Rows of ``tables.TRENDS``: whole series as ``cut_rows`` returns them.
    score_PN
        float64, a row per point and a column per item; NaN is *not scored*.
    """

    points: pd.DataFrame
    score_PN: np.ndarray


def cut_grid(grid: ItemGrid, cut: Cut) -> list[Series]:
    """Return what ``cut_series`` does of the same scores as a long table."""
    scored_P = ~np.isnan(grid.score_PN).all(axis=1)
    points = grid.points.assign(_row=np.arange(len(grid.points)))[scored_P]

    def measure(rows: pd.DataFrame, axis: str) -> _Measured:
        return _from_grid(_grid_of(rows, grid.score_PN), axis)

    return [_series(part, cut, measure) for part in cut_rows(points, cut)]


def _fixed(axis: str) -> list[str]:
    return [name for name in KEY_DEFAULTS if name not in _VARIES[axis]]


def _measured_rows(table: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return the rows with a value, their place on the axis, and the model's name.

    Columns that the table leaves out stay out: a million equal values cost more than the rest.
    """
    rows = with_plain_index(table)
    if "item" not in rows.columns:
        rows = rows.rename(columns={"item_id": "item"})
    measured = measure_of(rows)
    scored_R = ~np.isnan(numbers(rows, measured))
    rows = rows if scored_R.all() else rows[scored_R]
    if measured == "score":
        no_gap(rows, "item")
    if "model" not in rows.columns and "size" in rows.columns:
        no_gap(rows, "size")
        rows = rows.assign(model=rows["size"])
    return rows.assign(_axis=_axis_values(rows, axis))


def _axis_values(rows: pd.DataFrame, axis: str) -> np.ndarray:
    if axis == "tokens" and "arm_tokens" in rows.columns:
        return _places_in(rows, "arm_tokens")
    if axis == "flops" and "flops" not in rows.columns:
        return np.asarray(6.0 * _places_in(rows, "parameters") * _places_in(rows, "tokens"))
    if axis == "shots" and axis in rows.columns:
        none_below_zero(rows, axis)
    return _places_in(rows, axis)


def _places_in(rows: pd.DataFrame, column: str) -> np.ndarray:
    if column not in rows.columns:
        raise UserError(f"the table has no column {column!r}", hint=f"axes are: {', '.join(AXES)}")
    no_gap(rows, column)
    return numbers(rows, column)


def _step_of(rows: pd.DataFrame) -> int:
    return int(rows["step"].iloc[0]) if "step" in rows.columns else 0


def _series(
    rows: pd.DataFrame, cut: Cut, measure: Callable[[pd.DataFrame, str], _Measured]
) -> Series:
    key = KEY_DEFAULTS | _VARIES[cut.axis]
    key |= names_of(rows, {name: KEY_DEFAULTS[name] for name in _fixed(cut.axis)})
    if cut.axis == "parameters":
        key["size"] = f"step {_step_of(rows)}"
    if cut.axis == "shots":
        # One curve per checkpoint: without the step, those of one model could not be told apart.
        key["size"] = at_step(str(key["size"]), _step_of(rows))
    if "seed" in rows.columns:
        seed = numbers(rows, "seed")[0]
        key["seed"] = None if np.isnan(seed) else int(seed)
    notes = []
    if cut.axis != "shots" and (rows["_axis"] <= 0).any():
        rows = rows[rows["_axis"] > 0]
        notes.append("zero-left-out")
    if cut.axis in _JOINS_MODELS and len(apart := _one_model_a_place(rows)) < len(rows):
        rows = apart
        notes.append("size-twice-left-out")
    suspect_R = suspected(rows)
    suspect = rows[suspect_R]
    if not cut.keep_suspect and len(suspect):
        rows = rows[~suspect_R]
        notes.append("suspect-left-out")
    measured = measure(rows, cut.axis)
    if cut.axis in _JOINS_MODELS and key.get("seed") is not None:
        key["model"] = f"(seed {key['seed']})"
    return Series(
        key=key,
        axis=cut.axis,
        position_K=_position(measured.axis_K, cut.axis),
        value_K=measured.value_K,
        item_covariance_KK=measured.covariance_KK,
        n_items=measured.n_items,
        notes=(*notes, *measured.notes),
        suspect_position=tuple(_position(np.unique(suspect["_axis"].to_numpy()), cut.axis)),
    )


def _one_model_a_place(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of places with one model: of two, a curve through sizes cannot choose."""
    if "model" not in rows.columns:
        return rows
    return rows[rows.groupby("_axis")["model"].transform("nunique") == 1]


def at_step(size: str, step: int) -> str:
    """Return what a verdict over shots has for a size: ``410m, step 1000``."""
    return f"{size}, step {step}"


def _position(axis_K: np.ndarray, axis: str) -> np.ndarray:
    return np.asarray(np.log10(axis_K + 1.0) if axis == "shots" else np.log10(axis_K))


@dataclass(frozen=True)
class _Measured:
    axis_K: np.ndarray
    value_K: np.ndarray
    covariance_KK: np.ndarray
    n_items: int | None
    notes: tuple[str, ...] = ()


def _measure(rows: pd.DataFrame, axis: str) -> _Measured:
    return _from_grid(_grid(rows), axis) if "score" in rows.columns else _from_means(rows)


def _from_grid(grid: _Grid, axis: str) -> _Measured:
    """Return means and their covariance over items; an item may be unscored at some points."""
    score_NK = grid.score_NK
    scored_NK = ~np.isnan(score_NK)
    count_K = scored_NK.sum(axis=0)
    value_K = np.nansum(score_NK, axis=0) / np.maximum(count_K, 1)
    centred_NK = np.where(scored_NK, score_NK - value_K, 0.0)
    both_KK = scored_NK.T.astype(float) @ scored_NK if not scored_NK.all() else len(score_NK)
    covariance_KK = centred_NK.T @ centred_NK / np.maximum(both_KK - 1.0, 1.0)
    position_K = _position(grid.axis_K, axis)
    covariance_KK = _shrunk(covariance_KK, position_K, len(score_NK))
    # The means of two points share the items that both have.
    covariance_KK = covariance_KK * both_KK / np.outer(count_K, count_K)
    if not scored_NK.all():
        covariance_KK = _fitted_together(covariance_KK)
    present = score_NK[scored_NK]
    if present.size and np.isin(present, (present.min(), present.max())).all():
        span = float(np.ptp(present)) or 1.0
        floor_K = span**2 * _least_proportion_variance(count_K)
        np.fill_diagonal(covariance_KK, np.maximum(np.diag(covariance_KK), floor_K))
    return _Measured(grid.axis_K, value_K, (covariance_KK + covariance_KK.T) / 2, len(score_NK))


def _fitted_together(covariance_KK: np.ndarray) -> np.ndarray:
    """Return the nearest covariance: over the items of each pair of points, one need not exist."""
    eigenvalue_K, vector_KK = np.linalg.eigh(covariance_KK)
    if eigenvalue_K.min(initial=0.0) >= 0:
        return covariance_KK
    nearest_KK: np.ndarray = (vector_KK * np.maximum(eigenvalue_K, 0.0)) @ vector_KK.T
    return nearest_KK


@dataclass(frozen=True)
class _Grid:
    axis_K: np.ndarray
    score_NK: np.ndarray


def _grid(rows: pd.DataFrame) -> _Grid:
    """Return items by points; several scores of one item at one point are averaged."""
    item_of_row, names = pd.factorize(rows["item"], sort=True)
    if "part" in rows.columns:
        # The parts of a task count their items anew.
        part_of_row, _ = pd.factorize(rows["part"], sort=True, use_na_sentinel=False)
        item_of_row = np.unique(part_of_row * len(names) + item_of_row, return_inverse=True)[1]
    n_items = int(item_of_row.max(initial=-1)) + 1
    point_of_row, axis_K = pd.factorize(rows["_axis"].to_numpy(float), sort=True)
    cell_of_row = item_of_row * len(axis_K) + point_of_row
    n_cells = n_items * len(axis_K)
    count = np.bincount(cell_of_row, minlength=n_cells)
    total = np.bincount(cell_of_row, weights=rows["score"].to_numpy(float), minlength=n_cells)
    score = np.full(n_cells, np.nan)
    np.divide(total, count, out=score, where=count > 0)
    return _Grid(axis_K, score.reshape(n_items, len(axis_K)))


def _grid_of(rows: pd.DataFrame, score_PN: np.ndarray) -> _Grid:
    """Return items by points of those rows of `score_PN`; like ``_grid``, and in its order."""
    point_of_row, axis_K = pd.factorize(rows["_axis"].to_numpy(float), sort=True)
    score_RN = score_PN[rows["_row"].to_numpy()]
    scored_RN = ~np.isnan(score_RN)
    count_KN = np.zeros((len(axis_K), score_PN.shape[1]))
    total_KN = np.zeros_like(count_KN)
    for row, point in enumerate(point_of_row):
        count_KN[point] += scored_RN[row]
        total_KN[point] += np.where(scored_RN[row], score_RN[row], 0.0)
    score_KN = np.full_like(total_KN, np.nan)
    np.divide(total_KN, count_KN, out=score_KN, where=count_KN > 0)
    known_N = (count_KN > 0).any(axis=0)
    return _Grid(axis_K, np.ascontiguousarray(score_KN[:, known_N].T))


def _shrunk(covariance_KK: np.ndarray, position_K: np.ndarray, n_items: int) -> np.ndarray:
    """Return a covariance drawn towards one that depends on the distance of points alone.

    With N items and K points the share of the latter is K / (N / 4 + K): little where items abound.
    Variances stay as they are. The result has an inverse that can be trusted: that of 100 items at
    153 points has none of its own.
    """
    n = len(covariance_KK)
    deviation_K = np.sqrt(np.diag(covariance_KK))
    scale_KK = np.outer(deviation_K, deviation_K)
    known_KK = scale_KK > 0
    correlation_KK = np.divide(
        covariance_KK, scale_KK, out=np.zeros_like(covariance_KK), where=known_KK
    )
    share = n / max(n + n_items / _ITEMS_PER_POINT, 1.0)  # of no points and no items: none
    mixed_KK = (1 - share) * correlation_KK + share * _smooth(correlation_KK, known_KK, position_K)
    np.fill_diagonal(mixed_KK, 1.0)
    shrunk_KK: np.ndarray = mixed_KK * scale_KK
    return shrunk_KK


def _smooth(correlation_KK: np.ndarray, known_KK: np.ndarray, position_K: np.ndarray) -> np.ndarray:
    """Return the nearest sum of a constant and a falling exponential of the distance.

    Both parts are positive, so the result is a correlation whatever the points.
    """
    distance_KK = np.abs(np.subtract.outer(position_K, position_K))
    early_P, late_P = np.nonzero(np.triu(known_KK, 1))
    if not early_P.size:
        return np.zeros_like(correlation_KK)
    found_P, least, best_KK = correlation_KK[early_P, late_P], np.inf, correlation_KK
    for reach in _REACHES:
        near_KK = np.exp(-distance_KK / (reach * max(float(np.ptp(position_K)), 1e-12)))
        columns_P2 = np.stack([np.ones(len(found_P)), near_KK[early_P, late_P]], axis=1)
        root_22 = np.linalg.cholesky(columns_P2.T @ columns_P2 + 1e-9 * len(found_P) * np.eye(2))
        part_2, _ = nnls(root_22.T, np.linalg.solve(root_22, columns_P2.T @ found_P))
        misfit = float(((columns_P2 @ part_2 - found_P) ** 2).sum())
        if misfit < least:
            least, best_KK = misfit, (part_2[0] + part_2[1] * near_KK) / max(part_2.sum(), 1.0)
    return best_KK


def _from_means(rows: pd.DataFrame) -> _Measured:
    points = _points_of(rows)
    variance_K, items_K = points["variance"].to_numpy(), points["items"].to_numpy()
    floor_K = np.nan_to_num(_least_proportion_variance(items_K))
    if not floor_K.any():
        positive = variance_K[variance_K > 0]
        floor_K = np.full(len(points), positive.min() if positive.size else 0.0)
    known_K = ~np.isnan(variance_K)
    notes = () if known_K.all() else ("no-item-error",)
    # Where no error is known the shocks tell of it; among known ones, it is no less than those.
    filled_K = np.where(known_K, variance_K, variance_K[known_K].max(initial=0.0))
    filled_K = np.where(known_K | known_K.any(), np.maximum(filled_K, floor_K), 0.0)
    known_items = items_K[~np.isnan(items_K)]
    return _Measured(
        points.index.to_numpy(float),
        points["value"].to_numpy(),
        np.diag(filled_K),
        int(np.median(known_items)) if known_items.size else None,
        notes,
    )


def _points_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return value, variance and items of each place; several rows of one place are averaged."""
    unknown = np.full(len(rows), np.nan)
    columns = {
        "value": numbers(rows, "value"),
        "variance": numbers(rows, "stderr") ** 2 if "stderr" in rows else unknown,
        "items": numbers(rows, "n_items") if "n_items" in rows else unknown,
    }
    points: pd.DataFrame = pd.DataFrame(columns).groupby(rows["_axis"].to_numpy(float)).mean()
    return points


def _least_proportion_variance(count_K: np.ndarray) -> np.ndarray:
    """Return the least variance of a proportion of `count_K` items: all right is not certainty.

    The variance at one success more than was seen, p = 1 / (n + 2), as Agresti and Coull (1998)
    add to each side.
    """
    p = 1.0 / (count_K + 2.0)
    least: np.ndarray = p * (1.0 - p) / np.maximum(count_K, 1.0)
    return least
