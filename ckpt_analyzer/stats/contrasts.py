"""Which parts of a curve certainly fall, and which certainly rise.

In: a series and its noise. Out: arms, a chain of falls and rises each of which is certain against
the flat null, simultaneously over all places and lengths. The module knows nothing of the place of
a turning point.

Shape legend: K points along the axis; M contrasts; S simulated curves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from ckpt_analyzer.stats.noise import Noise, correlation_matrix
from ckpt_analyzer.stats.series import Series

#: Longer series are compared at a part of all places and gaps.
_ALL_PAIRS_UP_TO = 40

#: From so many points on, one of them may be left out.
_SPARE_POINTS = 12

#: Level at which a further arm is thought possible.
_LOOSE_ALPHA = 0.3


@dataclass(frozen=True)
class Contrasts:
    """All differences of the mean of an earlier block of points and that of a later one.

    Parameters
    ----------
    weight_MK
        Later minus earlier: positive where the curve rises.
    early_M, late_M
        Centres of the two blocks, in points from 0.
    start_M, end_M
        First point of the earlier block, last point of the later one.
    """

    weight_MK: np.ndarray
    early_M: np.ndarray
    late_M: np.ndarray
    start_M: np.ndarray
    end_M: np.ndarray


@dataclass(frozen=True)
class Arm:
    """One certain fall or rise: its size in units of the metric, and in standard errors.

    `lo` and `hi` bound the size simultaneously for all contrasts, so that choosing the largest
    does no harm.
    """

    effect: float
    effect_se: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Arms:
    """What is certain of the shape of a curve.

    Parameters
    ----------
    directions
        Of the arms in their order, -1 a fall and 1 a rise; the curve has at least these.
    p_flip
        Of the two-arm test: the larger of the two arms' p, at the best split.
    first, second
        The two arms at that split.
    p_rise, p_fall
        Of a rise, and of a fall, anywhere.
    p_least
        The smallest p that so many draws can give.
    may_have_more
        Whether at a looser level the curve has an arm more.
    turn_after, turn_before
        For the U or inverted U at hand: the turn certainly lies after the first and before the
        second of these points, with 95 % for both, whatever the shape of the arms.
    critical
        Standard errors that a fall or rise must exceed.
    contrast_se
        Standard error of a difference of two blocks of a quarter of the points.
    rests_on_one
        Whether the two-arm test fails once the contrasts of some single point are left out.
    largest_change_upper
        Upper bound, at level `alpha`, of every change between two blocks of a third of the
        points: the larger side of two one-sided tests (Schuirmann 1987), no correction for many.
    """

    directions: tuple[int, ...]
    p_flip: float
    is_u: bool
    first: Arm
    second: Arm
    p_rise: float
    p_fall: float
    p_least: float
    may_have_more: bool
    turn_after: int
    turn_before: int
    critical: float
    contrast_se: float
    rests_on_one: bool
    largest_change_upper: float


@dataclass(frozen=True)
class NullOptions:
    """Level of the tests, and how many flat curves are drawn; each counts also upside down."""

    alpha: float = 0.05
    n_draws: int = 2000
    seed: int = 0


def find_arms(series: Series, noise: Noise, options: NullOptions) -> Arms:
    r"""Return the arms of a curve that are certain at level ``options.alpha``.

    Every contrast is divided by its standard error, from items and shocks. The null distribution
    of the largest one is drawn from flat curves of the same noise. A curve that never falls makes
    no fall look larger than a flat one does, so a false fall anywhere has probability at most
    `alpha`, whatever the curve: plateau, saturation or step. A flip needs a fall *and* a rise; p is
    the larger of the two (intersection-union).

    References
    ----------
    Dümbgen and Spokoiny (2001), "Multiscale testing of qualitative hypotheses", Annals of
    Statistics 29, section 2. Berger (1982), "Multiparameter hypothesis testing and acceptance
    sampling", Technometrics 24, for the intersection-union test.
    """
    n_points = len(series.value_K)
    contrasts = block_contrasts(n_points)
    effect_M = contrasts.weight_MK @ series.value_K
    covariance_KK = series.item_covariance_KK + noise.shock_covariance(n_points)
    # A constant curve without any error is flat: no fall or rise may come of 0 / 0.
    least = max(float(np.abs(series.value_K).max()), 1.0) * 1e-9
    se_M = _standard_errors(contrasts, covariance_KK, least)
    null_S = _null_maxima(series, noise, contrasts, se_M, options)
    z_M = effect_M / se_M
    critical = float(np.quantile(null_S, 1 - options.alpha))
    # One-sided critical values: of a loose test, and of both directions at once.
    loose, wide = np.quantile(null_S, [1 - _LOOSE_ALPHA, 1 - options.alpha / 2]).tolist()
    directions = _robust_chain(z_M, contrasts, critical, loose)
    split = _best_split(z_M, contrasts)
    honest = _honest(z_M if split.is_u else -z_M, contrasts, wide)
    quarter = _quarter(contrasts, n_points)
    # Equivalence is intersection-union as well: every change must pass, each at level alpha.
    reach = float(special.ndtri(1 - options.alpha))
    return Arms(
        directions=directions,
        p_flip=_p(null_S, split.statistic),
        is_u=split.is_u,
        first=_arm(effect_M[split.first], se_M[split.first], wide),
        second=_arm(effect_M[split.second], se_M[split.second], wide),
        p_rise=_p(null_S, float(z_M.max())),
        p_fall=_p(null_S, float(-z_M.min())),
        p_least=1 / (1 + len(null_S)),
        may_have_more=len(_chain(z_M, contrasts, loose)) > max(2, len(directions)),
        turn_after=honest.after,
        turn_before=honest.before,
        critical=critical,
        contrast_se=float(np.median(se_M[quarter])),
        rests_on_one=_rests_on_one(z_M, contrasts, critical),
        largest_change_upper=_largest_change(series.value_K, covariance_KK, reach),
    )


@lru_cache(maxsize=64)
def block_contrasts(n_points: int) -> Contrasts:
    """Return the contrasts of pairs of disjoint blocks, of like length, of `n_points`.

    Up to 40 points these are all blocks of 1, 2, 4, ... points with all gaps between them; of more
    points, equal blocks at every half length, with gaps that grow by a factor of four.
    """
    sizes = [2**i for i in range(6) if 2**i <= max(n_points // 2, 1)]
    rows, early, late, start, end = [], [], [], [], []
    for a_size, b_size in itertools.product(sizes, sizes):
        if max(a_size, b_size) > (1 if n_points > _ALL_PAIRS_UP_TO else 2) * min(a_size, b_size):
            continue
        for a_at, b_at in _places(n_points, a_size, b_size):
            row = np.zeros(n_points)
            row[a_at : a_at + a_size] = -1 / a_size
            row[b_at : b_at + b_size] = 1 / b_size
            rows.append(row)
            early.append(a_at + (a_size - 1) / 2)
            late.append(b_at + (b_size - 1) / 2)
            start.append(a_at)
            end.append(b_at + b_size - 1)
    return Contrasts(*(np.array(each) for each in (rows, early, late, start, end)))


def _places(n_points: int, a_size: int, b_size: int) -> Iterator[tuple[int, int]]:
    """Yield where a block of `a_size` and one of `b_size` after it start."""
    stride = max(min(a_size, b_size) // 2, 1)
    sparse = n_points > _ALL_PAIRS_UP_TO
    for a_at in range(0, n_points - a_size - b_size + 1, stride if sparse else 1):
        most = n_points - a_at - a_size - b_size
        gaps = [0, *(stride * 4**i for i in range(8))] if sparse else range(most + 1)
        for gap in gaps:
            if gap <= most:
                yield a_at, a_at + a_size + gap


def _standard_errors(contrasts: Contrasts, covariance_KK: np.ndarray, least: float) -> np.ndarray:
    """Return the standard error of each contrast, shape (M,)."""
    weight_MK = contrasts.weight_MK
    variance_M = np.einsum("mk,mk->m", weight_MK @ covariance_KK, weight_MK)
    errors: np.ndarray = np.sqrt(np.maximum(variance_M, least**2))
    return errors


def _null_maxima(
    series: Series, noise: Noise, contrasts: Contrasts, se_M: np.ndarray, options: NullOptions
) -> np.ndarray:
    """Return the largest rise, in standard errors, of flat curves; falls are its mirror image.

    The size and the correlation of the shocks are drawn from their posterior, so a noise that is
    ill known makes the tail heavier.
    """
    n_points = len(series.value_K)
    white = _white(n_points, noise.weight_TR.shape[1], options)
    cells_S = np.searchsorted(np.cumsum(noise.weight_TR), white.uniform_S)
    at_T, at_R = np.unravel_index(
        np.minimum(cells_S, noise.weight_TR.size - 1), noise.weight_TR.shape
    )
    shock_S = np.sqrt(noise.variance_T[at_T]).astype(np.float32)
    draw_SK = white.item_SK @ _root(series.item_covariance_KK).T.astype(np.float32)
    draw_SK += shock_S[:, None] * white.shock_RSK[at_R, np.arange(options.n_draws)]
    scaled_MK = (contrasts.weight_MK / se_M[:, None]).astype(np.float32)
    z_SM = draw_SK @ scaled_MK.T
    return np.sort(np.concatenate([z_SM.max(axis=1), -z_SM.min(axis=1)]))


@dataclass(frozen=True)
class _White:
    """Draws that all series of a design share: of items, of shocks of variance 1, of their size."""

    item_SK: np.ndarray
    shock_RSK: np.ndarray
    uniform_S: np.ndarray


@lru_cache(maxsize=8)
def _white(n_points: int, n_correlations: int, options: NullOptions) -> _White:
    rng = np.random.default_rng(options.seed)
    shape = (options.n_draws, n_points)
    white_SK = rng.standard_normal(shape, dtype=np.float32)
    lowers = [np.linalg.cholesky(correlation_matrix(n_points, r)) for r in range(n_correlations)]
    return _White(
        item_SK=rng.standard_normal(shape, dtype=np.float32),
        shock_RSK=np.array([white_SK @ lower_KK.T.astype(np.float32) for lower_KK in lowers]),
        uniform_S=rng.uniform(size=options.n_draws),
    )


def _root(covariance_KK: np.ndarray) -> np.ndarray:
    eigenvalue_K, vector_KK = np.linalg.eigh(covariance_KK)
    root_KK: np.ndarray = vector_KK * np.sqrt(np.maximum(eigenvalue_K, 0.0))
    return root_KK


def _p(null_S: np.ndarray, statistic: float) -> float:
    larger = len(null_S) - int(np.searchsorted(null_S, statistic))
    return (1 + larger) / (1 + len(null_S))


def _arm(effect: float, se: float, critical: float) -> Arm:
    effect, reach = float(effect), float(critical * se)
    return Arm(effect, effect / float(se), effect - reach, effect + reach)


@dataclass(frozen=True)
class _Honest:
    after: int
    before: int


def _honest(z_M: np.ndarray, contrasts: Contrasts, critical: float) -> _Honest:
    """Return between which points a U turns: no turn lies before a fall, none after a rise."""
    falls_M, rises_M = z_M < -critical, z_M > critical
    return _Honest(
        int(contrasts.start_M[falls_M].max(initial=0)),
        int(contrasts.end_M[rises_M].min(initial=int(contrasts.end_M.max()))),
    )


@dataclass(frozen=True)
class _Split:
    statistic: float
    is_u: bool
    first: int
    second: int


def _best_split(z_M: np.ndarray, contrasts: Contrasts) -> _Split:
    down_then_up = _split(z_M, contrasts, is_u=True)
    up_then_down = _split(-z_M, contrasts, is_u=False)
    return max(down_then_up, up_then_down, key=lambda split: split.statistic)


def _split(z_M: np.ndarray, contrasts: Contrasts, *, is_u: bool) -> _Split:
    """Return the split at which the weaker of a fall before and a rise after is strongest."""
    # Centres are multiples of a half: twice a centre counts the places of a split.
    late_M, early_M = (2 * contrasts.late_M).astype(int), (2 * contrasts.early_M).astype(int)
    n_places = int(late_M.max()) + 1
    fall_C, rise_C = np.full(n_places, -np.inf), np.full(n_places, -np.inf)
    np.maximum.at(fall_C, late_M, -z_M)
    np.maximum.at(rise_C, early_M, z_M)
    fall_C = np.maximum.accumulate(fall_C)
    rise_C = np.maximum.accumulate(rise_C[::-1])[::-1]
    weaker_C = np.minimum(fall_C, rise_C)
    at = int(weaker_C.argmax())
    return _Split(
        float(weaker_C[at]),
        is_u,
        int(np.where(late_M <= at, -z_M, -np.inf).argmax()),
        int(np.where(early_M >= at, z_M, -np.inf).argmax()),
    )


def _rests_on_one(z_M: np.ndarray, contrasts: Contrasts, critical: float) -> bool:
    if _best_split(z_M, contrasts).statistic < critical:
        return False
    # Without a point that neither arm touches, both arms are as they were.
    best = _best_split(z_M, contrasts)
    touched_MK = contrasts.weight_MK != 0
    at_K = np.flatnonzero(touched_MK[best.first] | touched_MK[best.second])
    without = (np.where(touched_MK[:, k], 0.0, z_M) for k in at_K)
    return any(_best_split(z, contrasts).statistic < critical for z in without)


def _chain(z_M: np.ndarray, contrasts: Contrasts, critical: float) -> tuple[int, ...]:
    """Return the directions of the longest chain of certain arms, one after the other."""
    chains = [_chain_from(first, z_M, contrasts, critical) for first in (-1, 1)]
    return max(chains, key=len)


def _robust_chain(
    z_M: np.ndarray, contrasts: Contrasts, critical: float, loose: float
) -> tuple[int, ...]:
    """Return the chain of arms; a third arm must not rest on a single point, of points enough.

    Without any one point the arms must still be there at the `loose` level: a point less is less
    evidence, and only an arm that is that point vanishes.
    """
    chain = _chain(z_M, contrasts, critical)
    n_points = contrasts.weight_MK.shape[1]
    if len(chain) < 3 or n_points < _SPARE_POINTS:
        return chain
    touched_KM = contrasts.weight_MK.T != 0
    without = (np.where(touched_M, 0.0, z_M) for touched_M in touched_KM)
    return min((chain, *(_chain(z, contrasts, loose) for z in without)), key=len)


def _chain_from(
    direction: int, z_M: np.ndarray, contrasts: Contrasts, critical: float
) -> tuple[int, ...]:
    """Take the arm that ends first, then the first to end of those after it the other way."""
    found: list[int] = []
    since = -np.inf
    while True:
        fits_M = (direction * z_M > critical) & (contrasts.early_M >= since)
        if not fits_M.any():
            return tuple(found)
        found.append(direction)
        since = contrasts.late_M[fits_M].min()
        direction = -direction


def _largest_change(value_K: np.ndarray, covariance_KK: np.ndarray, reach: float) -> float:
    """Return the upper bound of every change between two blocks of a third of the points."""
    n = len(value_K)
    size = max(n // 3, 1)
    block_BK = np.array([np.roll(np.r_[np.ones(size), np.zeros(n - size)] / size, at)
                         for at in range(n - size + 1)])  # fmt: skip
    early_P, late_P = np.nonzero(np.triu(np.ones((len(block_BK),) * 2), size))
    contrast_PK = block_BK[late_P] - block_BK[early_P]
    variance_P = np.einsum("pk,pk->p", contrast_PK @ covariance_KK, contrast_PK)
    bound_P = np.abs(contrast_PK @ value_K) + reach * np.sqrt(np.maximum(variance_P, 0.0))
    return float(bound_P.max())


def _quarter(contrasts: Contrasts, n_points: int) -> np.ndarray:
    """Return the mask of contrasts whose two blocks hold about a quarter of the points each."""
    size = 2 ** int(np.log2(max(n_points // 4, 1)))
    size = min(size, int((contrasts.weight_MK < 0).sum(axis=1).max()))
    negative_M = (contrasts.weight_MK < 0).sum(axis=1)
    positive_M = (contrasts.weight_MK > 0).sum(axis=1)
    mask: np.ndarray = (negative_M == size) & (positive_M == size)
    return mask
