"""Two straight lines that meet at a breakpoint: the best breakpoint of all, and its interval.

The sum of squares has several local minima in the breakpoint, so that a search from one start may
end in a wrong one. Here it is minimised exactly: within a gap between two points the minimum is
where the two free lines cross, if they cross in that gap, and at its ends otherwise.

Shape legend: K points; B breakpoints that are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.series import Series

_LEAST_POINTS = 6
_PROFILE_POINTS = 400  # of the interval


@dataclass(frozen=True)
class BrokenLine:
    """The least-squares broken line with a given breakpoint.

    `slope_2` are the slopes before and after it, `error_2` their standard errors.
    """

    breakpoint: float
    fitted_K: np.ndarray
    residual_squares: float
    slope_2: np.ndarray
    error_2: np.ndarray


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit the broken line; it turns where its slopes have opposite signs.

    The p is the larger one of the two slopes, each against the sign that the turn needs, as if the
    breakpoint were known. The interval is the set of breakpoints that an F-test does not reject.

    References
    ----------
    Hudson (1966), "Fitting segmented curves whose join points have to be estimated", Journal of the
    American Statistical Association 61, section 3 (the exact minimum).
    Feder (1975), "On asymptotic distribution theory in segmented regression problems", Annals of
    Statistics 3 (the profile).
    """
    x_K, y_K = series.position_K, series.value_K
    n = len(x_K)
    if n < _LEAST_POINTS or not np.ptp(y_K):
        return FittedCurve(y_K.copy())
    best = best_broken_line(x_K, y_K)
    before, after = best.slope_2
    if before * after >= 0 or best.residual_squares <= 1e-24:
        return FittedCurve(best.fitted_K)
    allowed = best.residual_squares * (1 + stats.f.ppf(0.95, 1, n - 4) / (n - 4))
    tried_B = np.linspace(x_K[1], x_K[-2], _PROFILE_POINTS)
    squares_B = np.array([_broken_line(x_K, y_K, b).residual_squares for b in tried_B])
    kept_B = np.append(tried_B[squares_B <= allowed], best.breakpoint)
    sign = np.array([np.sign(before), np.sign(after)])
    p_2 = stats.t.sf(best.slope_2 * sign / best.error_2, n - 4)
    return FittedCurve(
        best.fitted_K,
        turning_point=best.breakpoint,
        lo=float(kept_B.min()),
        hi=float(kept_B.max()),
        p=float(p_2.max()),
        is_u=bool(before < 0),
    )


def best_broken_line(x_K: np.ndarray, y_K: np.ndarray) -> BrokenLine:
    """Return the broken line of least squares over all breakpoints between x[1] and x[-2]."""
    lines = [_broken_line(x_K, y_K, candidate) for candidate in _candidates(x_K, y_K)]
    return min(lines, key=lambda line: line.residual_squares)


def _candidates(x_K: np.ndarray, y_K: np.ndarray) -> list[float]:
    """Return the points themselves, and the crossings that lie in the gap they belong to."""
    found = [float(x) for x in x_K[1:-1]]
    for first_after in range(2, len(x_K) - 1):
        before = np.polynomial.polynomial.polyfit(x_K[:first_after], y_K[:first_after], 1)
        after = np.polynomial.polynomial.polyfit(x_K[first_after:], y_K[first_after:], 1)
        if before[1] == after[1]:
            continue
        crossing = float((before[0] - after[0]) / (after[1] - before[1]))
        if x_K[first_after - 1] < crossing < x_K[first_after]:
            found.append(crossing)
    return found


def _broken_line(x_K: np.ndarray, y_K: np.ndarray, breakpoint_: float) -> BrokenLine:
    left_K = np.minimum(x_K - breakpoint_, 0.0)
    right_K = np.maximum(x_K - breakpoint_, 0.0)
    design_K3 = np.column_stack([np.ones_like(x_K), left_K, right_K])
    bread_33 = np.linalg.inv(design_K3.T @ design_K3)
    coefficient_3 = bread_33 @ (design_K3.T @ y_K)
    fitted_K = design_K3 @ coefficient_3
    squares = float(((y_K - fitted_K) ** 2).sum())
    variance = squares / max(len(x_K) - 4, 1)
    error_2 = np.sqrt(np.maximum(variance * np.diag(bread_33)[1:], 1e-300))
    return BrokenLine(breakpoint_, fitted_K, squares, coefficient_3[1:], error_2)


FIT = Fit(
    name="segmented",
    title="Broken line",
    assumption="assumes two straight lines that meet, and independent errors",
    decides=False,
    apply=_apply,
)
