"""Generalised estimating equations of a quadratic, the scores of an item equally correlated.

The robust covariance is that of ``item_clustered_glm``, and so is its blindness to shocks; the
estimate weighs the checkpoints by the correlation within items.
"""

from __future__ import annotations

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.fits._item_clusters import clustered_curve
from ckpt_analyzer.stats.series import Series


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Solve the estimating equations; see ``_item_clusters``."""
    return clustered_curve(series, exchangeable=True)


FIT = Fit(
    name="item-exchangeable-gee",
    title="Logistic quadratic, GEE by item",
    assumption="assumes a quadratic in the logit and no shocks between checkpoints",
    decides=False,
    apply=_apply,
)
