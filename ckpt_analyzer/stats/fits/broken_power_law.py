"""The smoothly broken power law with one break (a "broken neural scaling law"): a description.

It can draw what scaling curves do, a double descent and a late decline included. It has no test
for a turn, and its exponents are not to be read on few points.

Shape legend: K points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ckpt_analyzer.stats.fit import Fit, FittedCurve
from ckpt_analyzer.stats.series import Series

_LEAST_POINTS = 8  # six parameters, and something to be fitted
_FINE_POINTS = 400  # on which the turn is looked for
#: Bounds of c0, c1, place and width of the break. The axis runs from 0 to 1, exponents are those of
#: e; a break at the very edge or narrower than that is no break that the points could show.
_LOWER = np.array([-8.0, -16.0, 0.05, 0.02])
_UPPER = np.array([8.0, 16.0, 0.95, 0.5])
_STARTS = [
    (c0, c1, at, 0.1) for c0, c1 in ((1.0, -3.0), (-1.0, 3.0), (3.0, -1.0)) for at in (0.3, 0.7)
]


@dataclass(frozen=True)
class PowerLaw:
    """``a + b x^-c0 (1 + (x / d)^(1/f))^(-c1 f)`` on the unit stretch of a logarithmic axis."""

    offset: float
    factor: float
    shape_4: np.ndarray

    def __call__(self, unit_K: np.ndarray) -> np.ndarray:
        """Return the curve at places between 0 and 1."""
        curve_K: np.ndarray = self.offset + self.factor * _basis(self.shape_4, unit_K)
        return curve_K


def _apply(series: Series, shock_variance: float) -> FittedCurve:
    """Fit the law by bounded least squares from several starts.

    Offset and factor are linear, so that they are solved for at every step and only four
    parameters are searched (variable projection, Golub and Pereyra 1973).

    References
    ----------
    Caballero, Gupta, Rish and Krueger (2023), "Broken neural scaling laws", equation 1, with n = 1.
    """
    n = len(series.value_K)
    if n < _LEAST_POINTS or not np.ptp(series.value_K):
        return FittedCurve(series.value_K.copy())
    first, span = series.position_K[0], np.ptp(series.position_K)
    unit_K = (series.position_K - first) / span
    law = fit_power_law(unit_K, series.value_K)
    fine = np.linspace(0, 1, _FINE_POINTS)
    slope = np.diff(law(fine))
    turns = np.flatnonzero(slope[:-1] * slope[1:] < 0)
    if len(turns) != 1:
        return FittedCurve(law(unit_K))
    turn = int(turns[0])
    return FittedCurve(
        law(unit_K),
        turning_point=float(first + span * fine[turn + 1]),
        is_u=bool(slope[turn] < 0),
    )


def fit_power_law(unit_K: np.ndarray, value_K: np.ndarray) -> PowerLaw:
    """Return the law of least squares over all starts."""
    found = [
        least_squares(
            lambda shape_4: _linear(shape_4, unit_K, value_K)(unit_K) - value_K,
            start,
            bounds=(_LOWER, _UPPER),
            ftol=1e-7,
            max_nfev=60,
        )
        for start in _STARTS
    ]
    best = min(found, key=lambda result: float(result.cost))
    return _linear(best.x, unit_K, value_K)


def _linear(shape_4: np.ndarray, unit_K: np.ndarray, value_K: np.ndarray) -> PowerLaw:
    design_K2 = np.column_stack([np.ones_like(unit_K), _basis(shape_4, unit_K)])
    (offset, factor), *_ = np.linalg.lstsq(design_K2, value_K, rcond=None)
    return PowerLaw(float(offset), float(factor), shape_4)


def _basis(shape_4: np.ndarray, unit_K: np.ndarray) -> np.ndarray:
    c0, c1, at, width = shape_4
    log_K = -c0 * unit_K - c1 * width * np.logaddexp(0.0, (unit_K - at) / width)
    basis_K: np.ndarray = np.exp(log_K)
    return basis_K


FIT = Fit(
    name="broken-power-law",
    title="Broken power law",
    assumption="assumes a smoothly broken power law; a description without a test",
    decides=False,
    apply=_apply,
)
