"""The record of a fit: one way to draw a curve through a series, and its opinion of a turn.

Fits are declared in ``ckpt_analyzer/stats/fits``, one file each, exporting ``FIT``. Only
``find_flips`` decides on flips; a fit describes, and says what it assumes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from ckpt_analyzer.stats.series import Series


@dataclass(frozen=True)
class FittedCurve:
    """What a fit says of one series.

    Parameters
    ----------
    fitted_K
        The curve at the positions of the series.
    turning_point, lo, hi
        Position of the turn on the (logarithmic) axis and its 95 % interval; None where the fit
        sees none, an end None where it is unbounded.
    p
        Of the fit's own test for a turn; None where it has none.
    is_u
        Whether the turn is that of a U rather than of an inverted U; None without a turn.
    """

    fitted_K: np.ndarray
    turning_point: float | None = None
    lo: float | None = None
    hi: float | None = None
    p: float | None = None
    is_u: bool | None = None


@dataclass(frozen=True)
class Fit:
    """A way to fit a series.

    Parameters
    ----------
    assumption
        What must hold for the fit to mean anything, in words for a legend.
    decides
        Whether the verdict of ``find_flips`` rests on this curve; otherwise it is a description.
    apply
        Takes a series and the variance of its shocks.
    sees_turns
        Whether the fit looks for a turn at all; a curve for the eye does not.
    """

    name: str
    title: str
    assumption: str
    decides: bool
    apply: Callable[[Series, float], FittedCurve]
    sees_turns: bool = True
