"""The quadratic with the u-test of Lind and Mehlum: a description, and the usual rival.

A saturating curve gives a significant quadratic, and often a significant u-test. It never makes a
flip here.
"""

from __future__ import annotations

import numpy as np

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.fits._quadratic_turn import Coefficients, fieller, u_test
from ckpt_analyzer.stats.series import Series


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit ``value ~ 1 + x + x²`` by least squares; the error comes from its residuals.

    References
    ----------
    Lind and Mehlum (2010), "With or without U? The appropriate test for a U-shaped relationship",
    Oxford Bulletin of Economics and Statistics 72, section II: the slopes at both ends of the range
    must be significant and of opposite signs, and the Fieller interval of the turn follows.
    """
    n = len(series.value_K)
    if n < 4:
        return FittedCurve(series.value_K.copy())
    origin = series.position_K.mean()
    x_K = series.position_K - origin
    design_K3 = np.column_stack([np.ones(n), x_K, x_K**2])
    bread_33 = np.linalg.inv(design_K3.T @ design_K3)
    coefficient_3 = bread_33 @ design_K3.T @ series.value_K
    fitted_K = design_K3 @ coefficient_3
    residual_variance = float(((series.value_K - fitted_K) ** 2).sum() / (n - 3))
    if coefficient_3[2] == 0 or residual_variance <= 1e-24:
        return FittedCurve(fitted_K)
    quadratic = Coefficients(
        linear=float(coefficient_3[1]),
        square=float(coefficient_3[2]),
        covariance_22=residual_variance * bread_33[1:, 1:],
        df=n - 3,
    )
    interval = fieller(quadratic)
    return FittedCurve(
        fitted_K,
        turning_point=float(origin + quadratic.turn),
        lo=None if interval.lo is None else float(origin + interval.lo),
        hi=None if interval.hi is None else float(origin + interval.hi),
        p=u_test(quadratic, x_K[[0, -1]]),
        is_u=quadratic.square > 0,
    )


FIT = Fit(
    name="quadratic",
    title="Quadratic (u-test)",
    assumption="assumes a quadratic; description only",
    decides=False,
    apply=_apply,
)
