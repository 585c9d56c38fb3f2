"""Weighted regression with heterogeneity: estimates of unlike certainty that also truly differ.

In: estimates, their standard errors and a design. Out: coefficients with their covariance. The
module does not know what was estimated.

Shape legend: K estimates; P coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

_MOST_STEPS, _CLOSE = 500, 1e-12


@dataclass(frozen=True)
class MetaRegression:
    """Coefficients, and how much the estimates differ beyond their own errors.

    Parameters
    ----------
    covariance_PP
        Of Knapp and Hartung: scaled by the weighted residuals, to be read with t of `df`.
    tau2
        Variance between the true values.
    q, q_p
        Cochran's test that they do not differ.
    """

    coefficient_P: np.ndarray
    covariance_PP: np.ndarray
    df: int
    tau2: float
    q: float
    q_p: float

    def interval(self, coefficient: int) -> tuple[float, float]:
        """Return the 95 % interval of one coefficient."""
        half = stats.t.ppf(0.975, self.df) * np.sqrt(self.covariance_PP[coefficient, coefficient])
        at = self.coefficient_P[coefficient]
        return float(at - half), float(at + half)

    def p(self, coefficient: int) -> float:
        """Return the two-sided p of one coefficient."""
        error = np.sqrt(self.covariance_PP[coefficient, coefficient])
        return float(2 * stats.t.sf(abs(self.coefficient_P[coefficient]) / error, self.df))


def meta_regression(
    estimate_K: np.ndarray,
    error_K: np.ndarray,
    design_KP: np.ndarray,
    *,
    method: Literal["DL", "REML"] = "REML",
) -> MetaRegression:
    """Regress estimates on a design, with the variance between them by `method`.

    References
    ----------
    DerSimonian and Laird (1986), "Meta-analysis in clinical trials", Controlled Clinical Trials 7.
    Viechtbauer (2005), "Bias and efficiency of meta-analytic variance estimators", Journal of
    Educational and Behavioral Statistics 30, equation 21 (Fisher scoring of REML).
    Knapp and Hartung (2003), "Improved tests for a random effects meta-regression with a single
    covariate", Statistics in Medicine 22, section 3.
    """
    variance_K = error_K**2
    df = len(estimate_K) - design_KP.shape[1]
    fixed = _weighted(estimate_K, design_KP, 1 / variance_K)
    q = float((fixed.residual_K**2 / variance_K).sum())
    tau2 = max((q - df) / float(np.trace(fixed.projection_KK)), 0.0)
    if method == "REML":
        tau2 = _reml(estimate_K, variance_K, design_KP, tau2)
    fit = _weighted(estimate_K, design_KP, 1 / (variance_K + tau2))
    scale = float((fit.residual_K**2 / (variance_K + tau2)).sum() / df)
    return MetaRegression(
        coefficient_P=fit.coefficient_P,
        covariance_PP=scale * fit.bread_PP,
        df=df,
        tau2=tau2,
        q=q,
        q_p=float(stats.chi2.sf(q, df)),
    )


@dataclass(frozen=True)
class _Weighted:
    coefficient_P: np.ndarray
    bread_PP: np.ndarray
    residual_K: np.ndarray
    projection_KK: np.ndarray  # W - W X (X' W X)⁻¹ X' W


def _weighted(y_K: np.ndarray, design_KP: np.ndarray, weight_K: np.ndarray) -> _Weighted:
    weighted_PK = design_KP.T * weight_K
    bread_PP = np.linalg.inv(weighted_PK @ design_KP)
    coefficient_P = bread_PP @ weighted_PK @ y_K
    projection_KK = np.diag(weight_K) - weighted_PK.T @ bread_PP @ weighted_PK
    return _Weighted(coefficient_P, bread_PP, y_K - design_KP @ coefficient_P, projection_KK)


def _reml(y_K: np.ndarray, variance_K: np.ndarray, design_KP: np.ndarray, start: float) -> float:
    """Return the variance of greatest restricted likelihood, at least 0, by Fisher scoring."""
    tau2 = start
    for _ in range(_MOST_STEPS):
        projection_KK = _weighted(y_K, design_KP, 1 / (variance_K + tau2)).projection_KK
        twice_KK = projection_KK @ projection_KK
        change = (y_K @ twice_KK @ y_K - np.trace(projection_KK)) / np.trace(twice_KK)
        new = max(tau2 + float(change), 0.0)
        if abs(new - tau2) < _CLOSE:
            return new
        tau2 = new
    return tau2
