"""Noise from replicates: what seeds of one model say about the shock of a checkpoint.

Runs that differ in their seed only, at the same steps, show a shock directly, where a single run
shows it mixed with the shape of its trend. In: item scores, or means, of the seeds. Out: a variance
with its degrees of freedom, to be pooled with what a series says itself (``noise.py``). The module
knows neither trends nor flips.

Shape legend: N items; R seeds; K checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.series import Series


@dataclass(frozen=True)
class ReplicateNoise:
    """What the seeds scatter about their common trend.

    Parameters
    ----------
    residual_variance
        Of a value about seed mean + checkpoint mean: items and shocks together.
    item_variance
        The part that items explain.
    shock_variance
        The rest, at least 0.
    seed_variance
        Of what a seed shifts its whole curve by, at least 0. It moves no turn.
    df
        Degrees of freedom of `residual_variance`: (R - 1) (K - 1).
    """

    residual_variance: float
    item_variance: float
    shock_variance: float
    seed_variance: float
    df: float


def noise_from_means(value_RK: np.ndarray, item_variance: float) -> ReplicateNoise:
    """Return the noise of seeds of which only means are known.

    The residual mean square of the two-way layout seeds × checkpoints without interaction: a shock
    is what is left once every seed may have its own level. A seed whose curve has another *shape*
    also leaves something, so the shock is too large rather than too small.

    Parameters
    ----------
    value_RK
        Means over items.
    item_variance
        Of such a mean over items, between seeds: its squared standard error, if the items' scores
        of two seeds have nothing in common; that is the most it can be.

    Raises
    ------
    UserError
        If there are fewer than two seeds or two checkpoints, or a value is not finite.
    """
    _check(value_RK)
    n_seeds, n_checkpoints = value_RK.shape
    df = (n_seeds - 1) * (n_checkpoints - 1)
    residual = float((_centred(value_RK) ** 2).sum() / df)
    between = n_checkpoints * float(value_RK.mean(axis=1).var(ddof=1))
    return ReplicateNoise(
        residual_variance=residual,
        item_variance=item_variance,
        shock_variance=max(residual - item_variance, 0.0),
        seed_variance=max((between - residual) / n_checkpoints, 0.0),
        df=float(df),
    )


def noise_from_items(score_NRK: np.ndarray) -> ReplicateNoise:
    """Return the noise of seeds that all answered the same items.

    The items' part is exact: each item's scores are centred over seeds and checkpoints as the means
    are, so that what an item has in common between seeds (it is easy or hard for all) drops out.

    Raises
    ------
    UserError
        If there are fewer than two items, seeds or checkpoints, or a score is NaN.
    """
    if score_NRK.ndim != 3 or len(score_NRK) < 2:
        raise UserError("replicates need two items or more", where=f"shape {score_NRK.shape}")
    n_items, n_seeds, n_checkpoints = score_NRK.shape
    _check(score_NRK.mean(axis=0))
    centred_NRK = np.stack([_centred(score_RK) for score_RK in score_NRK])
    variance_RK = centred_NRK.var(axis=0, ddof=1) / n_items
    df = (n_seeds - 1) * (n_checkpoints - 1)
    return noise_from_means(score_NRK.mean(axis=0), float(variance_RK.sum() / df))


def noise_from_series(series: Sequence[Series]) -> ReplicateNoise | None:
    """Return the noise of the seeds of one curve at the points that all have; None without two.

    What an item has in common at all checkpoints, being easy or hard, drops out of the residual as
    it drops out of the seeds' curves.
    """
    shared = set.intersection(*(set(one.position_K.tolist()) for one in series))
    if len(series) < 2 or len(shared) < 2:
        return None
    at = [np.isin(one.position_K, list(shared)) for one in series]
    value_RK = np.array([one.value_K[k] for one, k in zip(series, at, strict=True)])
    items = [
        float(np.trace(_centred_both(one.item_covariance_KK[np.ix_(k, k)]))) / (len(shared) - 1)
        for one, k in zip(series, at, strict=True)
    ]
    return noise_from_means(value_RK, float(np.mean(items)))


def replicate_groups(series: Sequence[Series]) -> list[list[int]]:
    """Return the places in `series` of curves that differ in their seed (and model) only."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, one in enumerate(series):
        if one.key.get("seed") is not None:
            names = [name for name in sorted(one.key) if name not in ("seed", "model")]
            groups.setdefault(tuple(one.key[name] for name in names), []).append(i)
    return [members for members in groups.values() if len(members) > 1]


def shock_log_likelihood(noise: ReplicateNoise, variance_T: np.ndarray) -> np.ndarray:
    """Return the log likelihood of shock variances: a residual mean square is a scaled χ²."""
    total_T = np.maximum(noise.item_variance + variance_T, 1e-300)
    log_T: np.ndarray = -0.5 * noise.df * (np.log(total_T) + noise.residual_variance / total_T)
    return log_T


def _centred_both(covariance_KK: np.ndarray) -> np.ndarray:
    rows_KK = covariance_KK - covariance_KK.mean(axis=0)
    centred_KK: np.ndarray = rows_KK - rows_KK.mean(axis=1, keepdims=True)
    return centred_KK


def _centred(value_RK: np.ndarray) -> np.ndarray:
    centred_RK: np.ndarray = (
        value_RK - value_RK.mean(axis=1, keepdims=True) - value_RK.mean(axis=0) + value_RK.mean()
    )
    return centred_RK


def _check(value_RK: np.ndarray) -> None:
    if value_RK.ndim != 2 or min(value_RK.shape) < 2:
        raise UserError(
            "replicates need two seeds or more at two checkpoints or more",
            where=f"shape {value_RK.shape}",
        )
    if not np.isfinite(value_RK).all():
        raise UserError(
            "replicates need a score of every seed at every checkpoint",
            hint="leave out the checkpoints that a seed lacks",
        )
