"""Where a curve of known arms turns.

In: a series and the directions of its arms. Out: one place with its interval per turn. The module
takes the arms as decided.

Shape legend: K points along the axis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.turn_shapes import turn_posterior


@dataclass(frozen=True)
class Turn:
    """One turn: its position on the (logarithmic) axis and the ends of its 95 % set."""

    at: float
    lo: float
    hi: float


def find_turns(
    series: Series, directions: tuple[int, ...], shock_covariance_KK: np.ndarray
) -> tuple[Turn, ...]:
    """Return the turns between successive arms of these directions (-1 falls, 1 rises).

    Two arms are placed by an average over many shapes of arms (``turn_shapes.py``). With more arms,
    each turn is placed the same way in the stretch from the turn before it to the one after.
    """
    if len(directions) == 2:
        whole = slice(0, len(series.value_K))
        return (_turn(series, whole, shock_covariance_KK, is_u=directions[0] < 0),)
    cuts = _piecewise_monotone(series.value_K, directions)
    bounds = [0, *cuts, len(series.value_K) - 1]
    return tuple(
        _turn(
            series,
            slice(bounds[i], bounds[i + 2] + 1),
            shock_covariance_KK,
            is_u=directions[i] < 0,
        )
        for i in range(len(cuts))
    )


def _turn(series: Series, stretch: slice, shock_covariance_KK: np.ndarray, *, is_u: bool) -> Turn:
    part = replace(
        series,
        position_K=series.position_K[stretch],
        value_K=series.value_K[stretch],
        item_covariance_KK=series.item_covariance_KK[stretch, stretch],
    )
    place = turn_posterior(part, shock_covariance_KK[stretch, stretch]).place(is_u=is_u)
    return Turn(place.at, place.lo, place.hi)


def _piecewise_monotone(value_K: np.ndarray, directions: tuple[int, ...]) -> list[int]:
    """Return the points at which the path with these directions gains most, by dynamic programming.

    The gain of an arm is its change in its direction, so the best turns are the extrema of greatest
    total rise and fall.
    """
    n = len(value_K)
    gain_K = np.zeros(n)
    gain_K[1:] = -np.inf
    back: list[np.ndarray] = []
    for direction in directions:
        step_KK = direction * (value_K[None, :] - value_K[:, None])
        total_KK = np.where(np.triu(np.ones((n, n), bool), 1), gain_K[:, None] + step_KK, -np.inf)
        back.append(total_KK.argmax(axis=0))
        gain_K = total_KK.max(axis=0)
    at = n - 1
    cuts = []
    for came_from in reversed(back[1:]):
        at = int(came_from[at])
        cuts.append(at)
    return cuts[::-1]
