"""Noise between checkpoints: what the scatter along a curve says beyond the error over items.

All items of a checkpoint move together (a *shock*), so averaging over more items does not remove
it, and shocks of neighbouring checkpoints may be alike. In: series. Out: for each a posterior
distribution of the size of its shocks and of their correlation. The module does not know what the
noise is used for.

Shape legend: K points along the axis; T sizes of a shock; R correlations; H kinds of trend; W
points of a window.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from ckpt_analyzer.stats.replicates import (
    noise_from_series,
    replicate_groups,
    shock_log_likelihood,
)
from ckpt_analyzer.stats.series import Series

#: Standard deviations of a shock, in units of the spread of one item, and what is thought of them
#: beforehand: accuracy, whose items spread by about 0.45, with shocks of 0.012, give or take a
#: factor of two.
SHOCK_T: np.ndarray = 0.004 * 1.7 ** np.arange(10)
_PRIOR_CENTRE, _PRIOR_SPREAD = 0.027, 0.4
#: Correlations of the shocks of neighbouring checkpoints, and the prior on them.
CORRELATION_R: np.ndarray = np.array([0.0, 0.35, 0.65])
_CORRELATION_PRIOR_R: np.ndarray = np.array([0.4, 0.35, 0.25])

#: How far shocks may differ, between the tasks of a run and between the series of a task: a
#: standard deviation of the logarithm, and the part that go their own way.
_TASK_SPREAD, _TASK_STRAY = 0.5, 0.15
_SERIES_SPREAD, _SERIES_STRAY = 0.4, 0.05

#: Spread of one item where it is not known.
_USUAL_ITEM_SD, _USUAL_ITEMS = 0.45, 1000

#: Longer series are looked at in windows of about so many points.
_WINDOW = 24


@dataclass(frozen=True)
class _Trend:
    """A kind of smooth trend: its spread, as a part of the range, its reach, of the axis."""

    spread: float
    reach: float
    weight: float


_TRENDS = (
    _Trend(0.0, 1.0, 0.20),
    *(_Trend(0.15, reach, 0.05) for reach in (0.35, 1.0)),
    *(_Trend(0.5, reach, 0.10) for reach in (0.35, 1.0)),
    _Trend(0.5, 0.12, 0.20),
)
#: Curves that turn more than once on few points: there noise would explain them as well.
_ZIGZAG = _Trend(0.5, 0.06, 0.05)
_FEW_POINTS = 8
#: A single jump, at any place, and the smooth trends that may lie under it.
_STEP_WEIGHT = 0.14
_UNDER_A_STEP = (_Trend(0.3, 1.0, 0.7), _Trend(0.5, 0.35, 0.3))


@dataclass(frozen=True)
class Noise:
    """What is known of the shocks of one series.

    Parameters
    ----------
    variance_T
        Possible variances of a shock, in squared units of the metric.
    weight_TR
        Their posterior, jointly with the correlation of neighbours (``CORRELATION_R``).
    item_variance
        Median variance of a value over items.
    """

    variance_T: np.ndarray
    weight_TR: np.ndarray
    item_variance: float

    @property
    def shock_variance(self) -> float:
        """The posterior mean."""
        return float(self.variance_T @ self.weight_TR.sum(axis=1))

    @property
    def correlation(self) -> float:
        """The posterior mean of the correlation of neighbours, weighted by variance."""
        by_R = self.variance_T @ self.weight_TR
        return float(by_R @ CORRELATION_R / max(by_R.sum(), 1e-300))

    def shock_covariance(self, n_points: int) -> np.ndarray:
        """Return the posterior mean covariance of the shocks of `n_points` checkpoints."""
        by_R = self.variance_T @ self.weight_TR
        parts = [v * correlation_matrix(n_points, r) for r, v in enumerate(by_R)]
        covariance_KK: np.ndarray = np.sum(parts, axis=0)
        return covariance_KK


def estimate_noise(series: Sequence[Series]) -> list[Noise]:
    """Return the noise of each series; those of equal metric lend each other strength.

    A trend is taken to be a Gaussian process of unknown smoothness and size, or a jump at an
    unknown place; what is left over and above the covariance of the items are shocks. Integrating
    over trends gives the likelihood of every size of a shock. The tasks of a run share a typical
    shock and its correlation, the sizes of a task share the task's, and each may differ from its
    whole (empirical Bayes on a grid): a task with one label moves as one, one with many does not.

    Residuals round neighbours' lines (Gasser, Sroka and Jennen-Steinmetz 1986) count steep turns as
    noise; residuals round isotonic fits leave no degrees of freedom where a curve is steep. LOG.md
    has the numbers.

    References
    ----------
    Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", equation 5.8, for the
    marginal likelihood, and 4.17 for the kernel.
    """
    noises: dict[int, Noise] = {}
    for metric in {one.key["metric"] for one in series}:
        members = [i for i, one in enumerate(series) if one.key["metric"] == metric]
        for i, noise in zip(members, _of_one_metric([series[i] for i in members]), strict=True):
            noises[i] = noise
    return [noises[i] for i in range(len(series))]


def _of_one_metric(series: Sequence[Series]) -> list[Noise]:
    # Items that all are right or wrong spread little, and say nothing of how far shocks can go.
    own = [item_spread(one) for one in series]
    spreads = np.maximum(own, np.median(own))
    variances = [(SHOCK_T * spread) ** 2 for spread in spreads]
    pairs = list(zip(series, variances, strict=True))
    likelihoods = [_log_likelihood(one, variance_T) for one, variance_T in pairs]
    for members in replicate_groups(series):
        _tell_by_seeds(likelihoods, members, pairs)
    weights = _pooled(likelihoods, [one.key.get("task") for one in series])
    return [
        Noise(variance_T, weight_TR, _median_variance(one))
        for (one, variance_T), weight_TR in zip(pairs, weights, strict=True)
    ]


def _tell_by_seeds(
    likelihoods: list[np.ndarray],
    members: Sequence[int],
    pairs: Sequence[tuple[Series, np.ndarray]],
) -> None:
    """Let seeds say how large shocks are, where there are some, and trends how alike neighbours.

    What seeds scatter about their common curve is not trend, whatever its shape. Each seed carries
    its part, so that nothing is counted twice.
    """
    noise = noise_from_series([pairs[i][0] for i in members])
    if noise is None:
        return
    for i in members:
        told_T = shock_log_likelihood(noise, pairs[i][1]) / len(members)
        alike_R = special.logsumexp(likelihoods[i], axis=0)
        likelihoods[i] = told_T[:, None] + alike_R


def _median_variance(series: Series) -> float:
    variance_K = np.diag(series.item_covariance_KK)
    return float(np.median(variance_K)) if len(variance_K) else 0.0


def item_spread(series: Series) -> float:
    """Return the largest standard deviation of one item, or the usual one if it is not known.

    Values that differ by less than 1, of an unknown number of items, are taken for proportions.
    """
    variance = float(np.diag(series.item_covariance_KK).max(initial=0.0))
    if variance > 0 and series.n_items:
        return float(np.sqrt(variance * series.n_items))
    extent = float(np.ptp(series.value_K)) if len(series.value_K) else 0.0
    if variance > 0 and extent > 1.0:
        return float(np.sqrt(variance * _USUAL_ITEMS))
    return _USUAL_ITEM_SD * max(extent, 1.0)


@lru_cache(maxsize=64)
def correlation_matrix(n_points: int, r: int) -> np.ndarray:
    """Return the (K, K) correlations of shocks whose neighbours have ``CORRELATION_R[r]``."""
    distance_KK = np.abs(np.subtract.outer(np.arange(n_points), np.arange(n_points)))
    matrix_KK: np.ndarray = np.where(distance_KK == 0, 1.0, CORRELATION_R[r] ** distance_KK)
    return matrix_KK


@dataclass(frozen=True)
class _Whitening:
    matrix_WW: np.ndarray
    log_determinant: float


@lru_cache(maxsize=64)
def _whitening(n_points: int, r: int) -> _Whitening:
    lower_WW = np.linalg.cholesky(correlation_matrix(n_points, r))
    return _Whitening(np.linalg.inv(lower_WW), 2 * float(np.log(np.diag(lower_WW)).sum()))


def _log_likelihood(series: Series, variance_T: np.ndarray) -> np.ndarray:
    """Return the log marginal likelihood of every size and correlation of shocks, (T, R)."""
    total_TR = np.zeros((len(SHOCK_T), len(CORRELATION_R)))
    n = len(series.value_K)
    if n < 3:
        return total_TR
    extent = max(
        float(np.ptp(series.value_K)), 1e-9 * max(1.0, float(np.abs(series.value_K).max()))
    )
    edges = np.linspace(0, n, -(-n // _WINDOW) + 1).astype(int)
    for start, end in itertools.pairwise(edges.tolist()):
        total_TR += _in_window(series, slice(start, end), extent, variance_T)
    return total_TR


def _in_window(series: Series, window: slice, extent: float, variance_T: np.ndarray) -> np.ndarray:
    x_W = series.position_K[window]
    x_W = (x_W - x_W.mean()) / np.ptp(series.position_K)
    value_W = series.value_K[window] - series.value_K[window].mean()
    # The level and the slope of a curve say nothing of its noise: their priors are wide.
    straight_WW = extent**2 * (25.0 + 4.0 * np.outer(x_W, x_W))
    base_WW = series.item_covariance_KK[window, window] + straight_WW
    base_WW = base_WW + 1e-9 * extent**2 * np.eye(len(x_W))
    trends = (*_TRENDS, _ZIGZAG)
    trend_HWW = [base_WW + extent**2 * _kernel(x_W, trend) for trend in trends]
    rare = min(1.0, _FEW_POINTS / len(x_W))
    weights = [*(trend.weight for trend in _TRENDS), _ZIGZAG.weight * rare]
    if len(x_W) == len(series.value_K):
        steps = _steps(x_W)
        trend_HWW += [base_WW + extent**2 * step.kernel_WW for step in steps]
        weights += [_STEP_WEIGHT * step.weight for step in steps]
    covariance_HWW, weight_H = np.array(trend_HWW), np.array(weights) / np.sum(weights)
    columns = [
        _over_trends(value_W, covariance_HWW, weight_H, variance_T, _whitening(len(x_W), r))
        for r in range(len(CORRELATION_R))
    ]
    return np.stack(columns, axis=1)


def _kernel(x_W: np.ndarray, trend: _Trend) -> np.ndarray:
    """Return the Matérn 3/2 kernel of a trend, in units of the squared range."""
    distance_WW = np.sqrt(3) * np.abs(np.subtract.outer(x_W, x_W)) / trend.reach
    kernel_WW: np.ndarray = trend.spread**2 * (1 + distance_WW) * np.exp(-distance_WW)
    return kernel_WW


@dataclass(frozen=True)
class _Step:
    kernel_WW: np.ndarray
    weight: float


def _steps(x_W: np.ndarray) -> list[_Step]:
    """Return a jump between each two points, on each of the smooth trends that may lie under it."""
    n = len(x_W)
    after = [np.arange(n) > j for j in range(n - 1)]
    return [
        _Step(_kernel(x_W, smooth) + np.outer(after_W, after_W), smooth.weight / (n - 1))
        for smooth in _UNDER_A_STEP
        for after_W in after
    ]


def _over_trends(
    value_W: np.ndarray,
    covariance_HWW: np.ndarray,
    weight_H: np.ndarray,
    variance_T: np.ndarray,
    whitening: _Whitening,
) -> np.ndarray:
    """Return the log likelihood of each shock variance, integrated over trends, shape (T,)."""
    white_WW = whitening.matrix_WW
    eigenvalue_HW, vector_HWW = np.linalg.eigh(white_WW @ covariance_HWW @ white_WW.T)
    turned_HW = (white_WW @ value_W) @ vector_HWW
    total_HTW = np.maximum(eigenvalue_HW, 0.0)[:, None, :] + variance_T[None, :, None]
    fit_HT = (np.log(total_HTW) + turned_HW[:, None, :] ** 2 / total_HTW).sum(axis=2)
    log_HT = -0.5 * (fit_HT + whitening.log_determinant)
    log_T: np.ndarray = special.logsumexp(log_HT, axis=0, b=weight_H[:, None])
    return log_T


def _pooled(likelihoods: Sequence[np.ndarray], groups: Sequence[object]) -> list[np.ndarray]:
    """Return the posterior of each series, given its own likelihood and those of its run.

    A tree: a run has a typical shock, its tasks differ from that, and the series of a task, its
    sizes, differ from the task's. Messages go up to the run and down again (Pearl 1988).

    Parameters
    ----------
    groups
        The task of each series.
    """
    own = [np.exp(log_TR - log_TR.max()) for log_TR in likelihoods]
    of_series = _Kernel.of(_SERIES_SPREAD, _SERIES_STRAY)
    of_task = _Kernel.of(_TASK_SPREAD, _TASK_STRAY)
    seen = [of_series.up(likelihood_TR) for likelihood_TR in own]
    tasks = {group: np.sum(_members(seen, groups, group), axis=0) for group in groups}
    told = {group: of_task.up(_scaled(log_TR)) for group, log_TR in tasks.items()}
    run_TR = _log_prior() + np.sum(list(told.values()), axis=0)
    posteriors = []
    for likelihood_TR, mine_TR, group in zip(own, seen, groups, strict=True):
        from_run_TR = of_task.down(_scaled(run_TR - told[group]))
        from_task_TR = from_run_TR * _scaled(tasks[group] - mine_TR)
        weight_TR = likelihood_TR * of_series.down(from_task_TR)
        posteriors.append(weight_TR / weight_TR.sum())
    return posteriors


def _members(
    seen: Sequence[np.ndarray], groups: Sequence[object], wanted: object
) -> list[np.ndarray]:
    return [each for each, group in zip(seen, groups, strict=True) if group == wanted]


def _scaled(log_TR: np.ndarray) -> np.ndarray:
    scaled_TR: np.ndarray = np.exp(log_TR - log_TR.max())
    return scaled_TR


def _log_prior() -> np.ndarray:
    log_T = -0.5 * (np.log(SHOCK_T / _PRIOR_CENTRE) / _PRIOR_SPREAD) ** 2
    log_TR: np.ndarray = log_T[:, None] + np.log(_CORRELATION_PRIOR_R)
    return log_TR


@dataclass(frozen=True)
class _Kernel:
    """p(shock of a part | typical shock of the whole), rows by part, columns by whole."""

    apart_TT: np.ndarray

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, spread: float, stray: float) -> _Kernel:
        """Return the kernel of a log-normal spread and a part that goes its own way."""
        log_T = np.log(SHOCK_T)
        near_TT = np.exp(-0.5 * (np.subtract.outer(log_T, log_T) / spread) ** 2)
        near_TT /= near_TT.sum(axis=0)
        return cls((1 - stray) * near_TT + stray / len(SHOCK_T))

    def up(self, likelihood_TR: np.ndarray) -> np.ndarray:
        """Return the log likelihood of the typical shock."""
        log_TR: np.ndarray = np.log(self.apart_TT.T @ likelihood_TR)
        return log_TR

    def down(self, prior_TR: np.ndarray) -> np.ndarray:
        """Return the prior of the part."""
        of_part_TR: np.ndarray = self.apart_TT @ prior_TR
        return of_part_TR
