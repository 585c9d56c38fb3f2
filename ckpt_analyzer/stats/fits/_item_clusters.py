"""A quadratic in the logit whose errors are clustered by item, from means and their covariance.

In: a series. Out: the curve, and the turn with the u-test and Fieller interval of the quadratic.
Every item is asked at every checkpoint, so the scores of the items enter the estimating equations
only through their means and the covariance of these, which the series has: no item is read again.

Shape legend: K checkpoints; P = 3 coefficients.

References
----------
Liang and Zeger (1986), "Longitudinal data analysis using generalized linear models", Biometrika 73,
equations 6 to 8. The covariance of the coefficients is their robust one; it needs the working
correlation for nothing but efficiency. AR(1) is not offered: implementations disagree on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ckpt_analyzer.stats.fit import FittedCurve
from ckpt_analyzer.stats.fits._quadratic_turn import Coefficients, fieller, u_test
from ckpt_analyzer.stats.series import Series

_LEAST_POINTS = 4
_MOST_STEPS, _CLOSE = 100, 1e-10
_ASSUMED_ITEMS = 1000  # where their number is unknown: it enters small terms only


@dataclass(frozen=True)
class Estimate:
    """Coefficients of ``1 + x + x²``, their robust covariance, and the fitted means."""

    coefficient_P: np.ndarray
    covariance_PP: np.ndarray
    fitted_K: np.ndarray
    correlation: float


def clustered_curve(series: Series, *, exchangeable: bool) -> FittedCurve:
    """Return the curve with its turn; scores outside [0, 1] are fitted as they are, not as logits.

    Means whose errors are not known have a curve and no turn.

    Parameters
    ----------
    exchangeable
        Whether the scores of an item are taken to correlate equally; otherwise they enter the
        estimate (not its error) as independent: the generalised linear model.
    """
    if len(series.value_K) < _LEAST_POINTS or not np.ptp(series.value_K):
        return FittedCurve(series.value_K.copy())
    origin = series.position_K.mean()
    x_K = series.position_K - origin
    found = estimate(series, x_K, exchangeable=exchangeable)
    quadratic = Coefficients(
        linear=float(found.coefficient_P[1]),
        square=float(found.coefficient_P[2]),
        covariance_22=found.covariance_PP[1:, 1:],
        df=None,
    )
    # Without an error of the items that of the coefficients is one of rounding.
    is_known = series.item_covariance_KK.any() and quadratic.covariance_22[1, 1] >= 1e-24
    if abs(quadratic.square) < 1e-12 or not is_known:
        return FittedCurve(found.fitted_K)
    interval = fieller(quadratic)
    return FittedCurve(
        found.fitted_K,
        turning_point=float(origin + quadratic.turn),
        lo=None if interval.lo is None else float(origin + interval.lo),
        hi=None if interval.hi is None else float(origin + interval.hi),
        p=u_test(quadratic, x_K[[0, -1]]),
        is_u=quadratic.square > 0,
    )


def estimate(series: Series, x_K: np.ndarray, *, exchangeable: bool) -> Estimate:
    """Solve the estimating equations of the quadratic in `x_K` by Fisher scoring."""
    n_items = series.n_items or _ASSUMED_ITEMS
    is_proportion = bool(series.value_K.min() >= 0 and series.value_K.max() <= 1)
    value_K = _inside(series.value_K, n_items) if is_proportion else series.value_K
    design_KP = np.column_stack([np.ones_like(x_K), x_K, x_K**2])
    start_K = special.logit(value_K) if is_proportion else value_K
    coefficient_P = np.linalg.lstsq(design_KP, start_K, rcond=None)[0]
    for _ in range(_MOST_STEPS):
        state = _State.at(coefficient_P, design_KP, value_K, is_proportion=is_proportion)
        spread_KK = (n_items - 1) * series.item_covariance_KK + np.outer(state.miss_K, state.miss_K)
        correlation = _exchangeable(spread_KK, state.variance_K) if exchangeable else 0.0
        score_PK = state.score(design_KP, correlation)
        bread_PP = score_PK @ (design_KP * state.variance_K[:, None])
        step_P = np.linalg.solve(bread_PP, score_PK @ state.miss_K)
        coefficient_P = coefficient_P + step_P
        if np.abs(step_P).max() < _CLOSE:
            break
    half_PK = np.linalg.solve(bread_PP, score_PK)
    covariance_PP = half_PK @ (spread_KK / n_items) @ half_PK.T
    return Estimate(coefficient_P, covariance_PP, state.mean_K, correlation)


def _inside(value_K: np.ndarray, n_items: int) -> np.ndarray:
    """Return proportions strictly inside (0, 1): all right, or none, has no logit."""
    least = 0.5 / (n_items + 1)
    inside_K: np.ndarray = np.clip(value_K, least, 1 - least)
    return inside_K


@dataclass(frozen=True)
class _State:
    mean_K: np.ndarray
    variance_K: np.ndarray  # of one item's score, given the mean; 1 where it is not a proportion
    miss_K: np.ndarray

    @classmethod
    def at(
        cls,
        coefficient_P: np.ndarray,
        design_KP: np.ndarray,
        value_K: np.ndarray,
        *,
        is_proportion: bool,
    ) -> _State:
        linear_K = design_KP @ coefficient_P
        if not is_proportion:
            return cls(linear_K, np.ones_like(linear_K), value_K - linear_K)
        mean_K = special.expit(np.clip(linear_K, -30, 30))
        return cls(mean_K, mean_K * (1 - mean_K), value_K - mean_K)

    def score(self, design_KP: np.ndarray, correlation: float) -> np.ndarray:
        """Return D' V⁻¹ of the estimating equations, shape (P, K), but for the scale."""
        n = len(self.mean_K)
        root_K = np.sqrt(self.variance_K)
        weighted_PK = (design_KP * root_K[:, None]).T
        share = correlation / (1 + (n - 1) * correlation)
        inverse_PK = weighted_PK - share * weighted_PK.sum(axis=1, keepdims=True)
        scored_PK: np.ndarray = inverse_PK / root_K / (1 - correlation)
        return scored_PK


def _exchangeable(spread_KK: np.ndarray, variance_K: np.ndarray) -> float:
    """Return the mean correlation of the Pearson residuals of an item."""
    n = len(variance_K)
    pearson_KK = spread_KK / np.sqrt(np.outer(variance_K, variance_K))
    diagonal = float(np.trace(pearson_KK))
    if diagonal <= 0:
        return 0.0
    between = (float(pearson_KK.sum()) - diagonal) / (n - 1)
    return float(np.clip(between / diagonal, -0.9 / (n - 1), 0.99))
