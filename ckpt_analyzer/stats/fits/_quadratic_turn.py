"""The turn of a fitted quadratic: its u-test and its interval, whatever fitted the quadratic.

In: the coefficients b and c of ``a + b x + c x²`` and their covariance. Out: place, ends, p. The
module does not know where the covariance comes from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Coefficients:
    """b and c of ``a + b x + c x²`` with their covariance; `df` None for a normal reference."""

    linear: float
    square: float
    covariance_22: np.ndarray
    df: int | None

    @property
    def turn(self) -> float:
        """Where the slope is zero."""
        return -self.linear / (2 * self.square)


@dataclass(frozen=True)
class Interval:
    """Both ends, or None where the interval is unbounded."""

    lo: float | None
    hi: float | None


def u_test(fit: Coefficients, ends_2: np.ndarray) -> float:
    """Return the larger p of the slopes at both ends, each against the sign that a turn needs.

    References
    ----------
    Lind and Mehlum (2010), "With or without U? The appropriate test for a U-shaped relationship",
    Oxford Bulletin of Economics and Statistics 72, section II.
    """
    gradient_22 = np.column_stack([np.ones(2), 2 * ends_2])
    error_2 = np.sqrt(np.einsum("ei,ij,ej->e", gradient_22, fit.covariance_22, gradient_22))
    slope_2 = gradient_22 @ np.array([fit.linear, fit.square])
    z_2 = slope_2 / np.maximum(error_2, 1e-300) * np.array([-1.0, 1.0]) * np.sign(fit.square)
    p_2 = stats.norm.sf(z_2) if fit.df is None else stats.t.sf(z_2, fit.df)
    return float(p_2.max())


def fieller(fit: Coefficients) -> Interval:
    """Return the 95 % Fieller interval of the turn ``-b / (2 c)``.

    It holds every v at which the slope b + 2 c v does not differ from zero; where the curvature
    does not either, that is no bounded interval.
    """
    b, c, cov_22 = fit.linear, fit.square, fit.covariance_22
    quantile = stats.norm.ppf(0.975) if fit.df is None else stats.t.ppf(0.975, fit.df)
    t2 = float(quantile) ** 2
    square = 4 * (c**2 - t2 * cov_22[1, 1])
    linear = 4 * (b * c - t2 * cov_22[0, 1])
    constant = b**2 - t2 * cov_22[0, 0]
    root = linear**2 - 4 * square * constant
    if square <= 0 or root < 0:
        return Interval(None, None)
    half = np.sqrt(root) / (2 * square)
    middle = -linear / (2 * square)
    return Interval(float(middle - half), float(middle + half))
