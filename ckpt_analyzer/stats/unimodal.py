"""Unimodal least squares: the best curve that falls to one point and rises after it.

In: values, weights, positions. Out: the fitted curve, and for every point how much worse the fit
gets when the turn must be there. The module knows nothing of tests for a flip; where the turn is
said to be is decided by ``turn_shapes.py``, which also knows how arms are usually formed.

Shape legend: K points along the axis; G = K + 1 gaps before, between and after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ckpt_analyzer.stats.series import Series


@dataclass(frozen=True)
class UnimodalFit:
    """The best curve with one turn.

    Parameters
    ----------
    fitted_K
        The curve.
    deficit_G
        For each of the K + 1 gaps before, between and after the points: the weighted residual sum
        of squares with the turn in it, less the least one.
    """

    fitted_K: np.ndarray
    deficit_G: np.ndarray

    @property
    def turns_inside(self) -> bool:
        """Whether the best curve has both arms."""
        return bool(self.deficit_G[[0, -1]].min() > 0)


def fit_unimodal(series: Series, *, shock_variance: float, is_u: bool) -> UnimodalFit:
    """Return the best curve that turns once, and the profile of its misfit over the gaps.

    The curve falls over the points before a gap and rises over those after it, so a turn anywhere
    in the gap agrees with it: the profile likelihood is constant over a gap.

    Parameters
    ----------
    shock_variance
        Of a shock that all items of a point share.
    is_u
        True for a fall and then a rise.
    """
    weight_K = independent_weights(series.item_covariance_KK, shock_variance)
    sign = 1.0 if is_u else -1.0
    values_K = sign * series.value_K
    none = np.zeros(1)
    before_G = np.concatenate([none, _falling_costs(values_K, weight_K)])
    after_G = np.concatenate([none, _falling_costs(values_K[::-1], weight_K[::-1])])[::-1]
    total_G = before_G + after_G
    deficit_G = total_G - total_G.min()
    # The deficit is zero up to rounding in both gaps beside the lowest point.
    deficit_G[deficit_G < 1e-9 * max(float(total_G.max()), 1.0)] = 0.0
    fitted_K = sign * _curve(values_K, weight_K, int(deficit_G.argmin()))
    return UnimodalFit(fitted_K, deficit_G)


def independent_weights(covariance_KK: np.ndarray, shock_variance: float) -> np.ndarray:
    """Return inverse variances without the part that a point shares with its neighbours.

    What shifts a whole curve (the same items are easy or hard throughout) moves no turn: the
    variance is half that of the differences to the nearest quarter of the points.
    """
    n = len(covariance_KK)
    own_K = np.diag(covariance_KK)
    distance_KK = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    near_KK = (distance_KK > 0) & (distance_KK <= max(n // 4, 2))
    difference_KK = own_K[:, None] + own_K - 2 * covariance_KK
    half_K = (difference_KK * near_KK).sum(axis=1) / np.maximum(near_KK.sum(axis=1), 1) / 2
    variance_K = np.maximum(half_K, 0.01 * own_K) + shock_variance
    weight_K: np.ndarray = 1.0 / np.maximum(variance_K, 1e-18)
    return weight_K


def _curve(values_K: np.ndarray, weight_K: np.ndarray, gap: int) -> np.ndarray:
    left = _falling_fit(values_K[:gap], weight_K[:gap])
    right = _falling_fit(values_K[gap:][::-1], weight_K[gap:][::-1])[::-1]
    return np.concatenate([left, right])


@dataclass
class _Block:
    """Points pooled to one level."""

    mean: float
    weight: float
    count: int
    cost: float  # weighted sum of squares about the mean


class _Pooled(NamedTuple):
    blocks: list[_Block]
    costs: list[float]  # total cost of the points up to each


def _pool(values_K: np.ndarray, weight_K: np.ndarray) -> _Pooled:
    """Pool adjacent violators until the levels fall."""
    blocks: list[_Block] = []
    costs: list[float] = []
    cost = 0.0
    for value, weight in zip(values_K.tolist(), weight_K.tolist(), strict=True):
        new = _Block(value, weight, 1, 0.0)
        while blocks and blocks[-1].mean <= new.mean:
            old = blocks.pop()
            total = old.weight + new.weight
            between = old.weight * new.weight / total * (old.mean - new.mean) ** 2
            mean = (old.mean * old.weight + new.mean * new.weight) / total
            new = _Block(mean, total, old.count + new.count, old.cost + new.cost + between)
            cost += between
        blocks.append(new)
        costs.append(cost)
    return _Pooled(blocks, costs)


def _falling_costs(values_K: np.ndarray, weight_K: np.ndarray) -> np.ndarray:
    """Return the cost of the best falling fit to the first k points, for every k."""
    return np.array(_pool(values_K, weight_K).costs)


def _falling_fit(values_K: np.ndarray, weight_K: np.ndarray) -> np.ndarray:
    blocks = _pool(values_K, weight_K).blocks
    return np.repeat([block.mean for block in blocks], [block.count for block in blocks])
