"""The unimodal isotonic fit: the curve that assumes one turn, and nothing else of its arms."""

from __future__ import annotations

import numpy as np

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.turn_shapes import turn_posterior
from ckpt_analyzer.stats.unimodal import fit_unimodal


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit a U and an inverted U, and return the one that leaves less."""
    fits = {
        is_u: fit_unimodal(series, shock_variance=shock_variance, is_u=is_u)
        for is_u in (True, False)
    }
    is_u = min(fits, key=lambda u: float(((fits[u].fitted_K - series.value_K) ** 2).sum()))
    best = fits[is_u]
    if not best.turns_inside:
        return FittedCurve(best.fitted_K)
    shock_covariance_KK = shock_variance * np.eye(len(series.value_K))
    place = turn_posterior(series, shock_covariance_KK).place(is_u=is_u)
    return FittedCurve(best.fitted_K, turning_point=place.at, lo=place.lo, hi=place.hi, is_u=is_u)


FIT = Fit(
    name="isotonic",
    title="Unimodal isotonic",
    assumption="assumes one turn at most, and no shape beyond that",
    decides=True,
    apply=_apply,
)
