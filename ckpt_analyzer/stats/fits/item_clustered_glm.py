"""Logistic regression of the scores on a quadratic, its errors clustered by item.

What it calls certain is certain of these items at these checkpoints. A shock that all items of a
checkpoint share is no error to it, so it finds turns where there are only shocks.
"""

from __future__ import annotations

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.fits._item_clusters import clustered_curve
from ckpt_analyzer.stats.series import Series


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit the generalised linear model; see ``_item_clusters``."""
    return clustered_curve(series, exchangeable=False)


FIT = Fit(
    name="item-clustered-glm",
    title="Logistic quadratic, clustered by item",
    assumption="assumes a quadratic in the logit and no shocks between checkpoints",
    decides=False,
    apply=_apply,
)
