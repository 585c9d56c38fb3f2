"""The smoothing spline: the curve that is drawn through the points. It has no test of a turn."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import make_smoothing_spline

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.series import Series

_LEAST_POINTS = 5  # of the spline; below that the points themselves are the curve


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit a cubic spline with the smoothness that generalised cross-validation picks."""
    if len(series.value_K) < _LEAST_POINTS or not np.ptp(series.value_K):
        return FittedCurve(series.value_K.copy())
    variance_K = np.diag(series.item_covariance_KK) + shock_variance
    weight_K = 1.0 / np.maximum(variance_K, variance_K.max() * 1e-3 + 1e-12)
    position_K = series.position_K - series.position_K[0]
    unit = position_K[-1] / (len(position_K) - 1)
    spline = make_smoothing_spline(position_K / unit, series.value_K, w=weight_K / weight_K.mean())
    return FittedCurve(np.asarray(spline(position_K / unit)))


FIT = Fit(
    name="smoothing-spline",
    title="Smoothing spline",
    assumption="assumes a smooth curve; drawn for the eye, decides nothing",
    decides=False,
    apply=_apply,
    sees_turns=False,
)
