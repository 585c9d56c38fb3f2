"""Simonsohn's two lines: a straight line on either side of a breakpoint set by the Robin Hood rule.

Both slopes must be significant and of opposite signs. The breakpoint is put where it takes from the
surer line and gives to the weaker one; it is no estimate of the turn, so it has no interval.

Shape legend: K points, F of them in the flat stretch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.interpolate import make_smoothing_spline

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.series import Series

_LEAST_POINTS = 6


@dataclass(frozen=True)
class Line:
    """One of the two lines: its slope and the t and two-sided p of that."""

    slope: float
    t: float
    p: float


@dataclass(frozen=True)
class TwoLines:
    """The line up to the breakpoint and the line from it on."""

    before: Line
    after: Line
    fitted_K: np.ndarray


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit both lines; p is the larger of the two, and 1 where the slopes have one sign.

    References
    ----------
    Simonsohn (2018), "Two lines: a valid alternative to the invalid testing of U-shaped
    relationships with quadratic regressions", Advances in Methods and Practices in Psychological
    Science 1, pages 544 to 546. His smoother is that of mgcv; here it is the smoothing spline of
    scipy, whose flat stretch may differ by a point.
    """
    x_K, y_K = series.position_K, series.value_K
    if len(x_K) < _LEAST_POINTS or np.ptp(y_K) < 1e-12:
        return FittedCurve(y_K.copy())
    flat_F = _flat_stretch(x_K, y_K)
    middle = interrupted(x_K, y_K, float(np.median(flat_F)))
    breakpoint_ = robin_hood(flat_F, middle.before.t, middle.after.t)
    lines = interrupted(x_K, y_K, breakpoint_)
    before, after = lines.before, lines.after
    if before.slope * after.slope >= 0:
        return FittedCurve(lines.fitted_K, p=1.0)
    return FittedCurve(
        lines.fitted_K,
        turning_point=breakpoint_,
        p=max(before.p, after.p),
        is_u=before.slope < 0,
    )


def robin_hood(flat_F: np.ndarray, t_before: float, t_after: float) -> float:
    """Return the breakpoint: the quantile of the flat stretch that favours the weaker line."""
    total = abs(t_before) + abs(t_after)
    share = abs(t_after) / total if total > 0 else 0.5
    return float(np.quantile(flat_F, share))


def interrupted(x_K: np.ndarray, y_K: np.ndarray, breakpoint_: float) -> TwoLines:
    """Return two free lines; the point at the breakpoint itself belongs to the line in question."""
    before = _ordinary(x_K, y_K, breakpoint_, x_K > breakpoint_)
    after = _ordinary(x_K, y_K, breakpoint_, x_K >= breakpoint_)
    return TwoLines(before.line(1), after.line(2), before.fitted_K)


@dataclass(frozen=True)
class _Ordinary:
    coefficient_4: np.ndarray
    error_4: np.ndarray
    fitted_K: np.ndarray
    df: int

    def line(self, place: int) -> Line:
        slope, error = float(self.coefficient_4[place]), float(self.error_4[place])
        t = slope / error if error > 0 else 0.0
        return Line(slope, t, float(2 * stats.t.sf(abs(t), self.df)))


def _ordinary(
    x_K: np.ndarray, y_K: np.ndarray, breakpoint_: float, is_high_K: np.ndarray
) -> _Ordinary:
    """Regress on the distance below, the distance above and a jump, with errors HC3.

    HC3 does not exist where a point decides its own fitted value; HC1 takes its place then.
    """
    distance_K = x_K - breakpoint_
    low_K, high_K = np.where(is_high_K, 0.0, distance_K), np.where(is_high_K, distance_K, 0.0)
    design_K4 = np.column_stack([np.ones_like(x_K), low_K, high_K, is_high_K.astype(float)])
    bread_44 = np.linalg.pinv(design_K4.T @ design_K4)
    coefficient_4 = bread_44 @ (design_K4.T @ y_K)
    fitted_K = design_K4 @ coefficient_4
    leverage_K = np.einsum("ki,ij,kj->k", design_K4, bread_44, design_K4)
    residual_K = y_K - fitted_K
    n, df = len(x_K), len(x_K) - 4
    if leverage_K.max() < 1 - 1e-9:
        squares_K = (residual_K / (1 - leverage_K)) ** 2
    else:
        squares_K = residual_K**2 * n / df
    half_4K = bread_44 @ design_K4.T
    covariance_44 = (half_4K * squares_K) @ half_4K.T
    return _Ordinary(coefficient_4, np.sqrt(np.diag(covariance_44)), fitted_K, df)


def _flat_stretch(x_K: np.ndarray, y_K: np.ndarray) -> np.ndarray:
    """Return the points of the middle 80 % whose smooth value is within its error of the extreme.

    Whether the extreme is a maximum or a minimum is read from a quadratic, as Simonsohn does.
    """
    smooth = _smooth(x_K, y_K)
    is_u = np.polynomial.polynomial.polyfit(x_K - x_K.mean(), y_K, 2)[2] > 0
    height_K = -smooth.fitted_K if is_u else smooth.fitted_K
    lower, upper = np.quantile(x_K, [0.1, 0.9])
    middle_K = (x_K > lower) & (x_K < upper)
    reaches_K = height_K + smooth.error_K >= height_K[middle_K].max()
    flat_F: np.ndarray = x_K[middle_K & reaches_K]
    return flat_F


@dataclass(frozen=True)
class _Smooth:
    fitted_K: np.ndarray
    error_K: np.ndarray


def _smooth(x_K: np.ndarray, y_K: np.ndarray) -> _Smooth:
    """Return the smoothing spline and its standard error, ``σ √ diag(S)`` (Wahba 1983).

    The smoother matrix S is linear in the values once its penalty is chosen, so it is found by
    smoothing each unit vector at the penalty that generalised cross-validation picks.
    """
    n = len(x_K)
    unit_K = (x_K - x_K[0]) * (n - 1) / (x_K[-1] - x_K[0])
    penalties = np.logspace(-3, 6, 19)
    best, best_score = _Smooth(y_K, np.zeros(n)), np.inf
    for penalty in penalties:
        smoother_KK = make_smoothing_spline(unit_K, np.eye(n), lam=penalty)(unit_K)
        fitted_K = smoother_KK @ y_K
        residual_df = n - np.trace(smoother_KK)
        squares = float(((y_K - fitted_K) ** 2).sum())
        score = n * squares / residual_df**2
        if score < best_score:
            variance_K = squares / residual_df * np.diag(smoother_KK)
            best, best_score = _Smooth(fitted_K, np.sqrt(np.maximum(variance_K, 0.0))), score
    return best


FIT = Fit(
    name="two-lines",
    title="Two lines (Robin Hood)",
    assumption="assumes independent errors; places no turn, tests for one",
    decides=False,
    apply=_apply,
)
