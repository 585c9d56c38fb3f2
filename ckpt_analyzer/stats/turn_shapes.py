"""Where a curve turns, and whether it turns at all, averaged over many shapes of its two arms.

In: a series and the covariance of its values. Out: how well curves that fall and then rise, rise
and then fall, only rise, or only fall explain it, and where they turn. The module knows nothing of
tests or verdicts.

Shape legend: K points along the axis; J shapes, ascending by the place of their turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special
from scipy.stats import qmc

from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.unimodal import fit_unimodal

#: A power of two: the points of a Sobol sequence are even only in such numbers.
#: The second is taken where a weight would rest on few of the first: little noise tells many apart.
_N_SHAPES, _MORE_SHAPES = 4096, 16384
_SEED = 20220
#: The place of its turn, five of both arms, four of each.
_NUMBERS_OF_A_SHAPE = 14
#: Arms are 1 - (1 - u^a)^b of the distance u from the turn: a is how blunt the turn is (1 a corner,
#: 2 a parabola), b how early the arm levels off.
_BLUNT, _LEVEL = (0.9, 3.0), (0.6, 6.0)
#: Shares: both arms are of one form; that form reaches as far to both sides, whatever the range;
#: an arm levels off before it reaches the end of the range.
_ALIKE, _MIRRORED, _SHORT = 0.75, 0.4, 0.2
_MIRRORED_REACH, _SHORT_REACH = (0.1, 1.2), (0.05, 1.0)
#: What no shape hits exactly: a smooth departure of this part of the range, and of this reach.
_MISFIT, _MISFIT_REACH = 0.04, 0.15
#: Power of the room on both sides, x (1 - x), in the prior of a place.
_ROOM = 0.7
#: A place rests on so many shapes at least.
_LEAST_SHAPES = 20
#: Weighted squares by which a turn must fit worse to be ruled out whatever the shape: large, since
#: shocks of neighbours may be alike.
_RULED_OUT = 30.0
#: Prior standard deviation of the level and of an arm, in ranges of the values.
_LEVEL_SPREAD, _ARM_SPREAD = 5.0, 1.0
#: Middle of the posterior that holds the truth in 95 % of simulated series: shapes are more varied
#: than curves are.
_CONTENT = 0.94


class Place(NamedTuple):
    """Position of a turn on the (logarithmic) axis, and the ends of its 95 % set."""

    at: float
    lo: float
    hi: float


@dataclass(frozen=True)
class TurnPosterior:
    """Weights of shapes, before and after the signs of the two arms are chosen.

    Parameters
    ----------
    edge_E
        The E = J + 1 bounds of the turns, as positions: shape j turns between j and j + 1.
    u_J, inverted_u_J
        Log weight of a shape as a U, and as an inverted U, on one scale.
    monotone
        Log weight of all shapes together whose arms rise both or fall both.
    u_possible_J, inverted_u_possible_J
        False where no curve at all that turns there comes near the values, whatever its shape.
    """

    edge_E: np.ndarray
    u_J: np.ndarray
    inverted_u_J: np.ndarray
    monotone: float
    u_possible_J: np.ndarray
    inverted_u_possible_J: np.ndarray

    def probabilities(self, *, is_u: bool) -> np.ndarray:
        """Return the probabilities of the stretches between the edges, for one kind of turn.

        A turn is told only where both arms have room, so one near an end is less likely. The
        probabilities are flattened, by a power of the weights, where few shapes hold nearly all
        weight: then the set of shapes is too coarse for the data, and the best of them is not the
        truth.
        """
        middle_J = (np.arange(len(self.u_J)) + 0.5) / len(self.u_J)
        room_J = np.log(4 * middle_J * (1 - middle_J))
        log_J = (self.u_J if is_u else self.inverted_u_J) + _ROOM * room_J
        possible_J = self.u_possible_J if is_u else self.inverted_u_possible_J
        mass_J = np.zeros(len(log_J))
        mass_J[possible_J] = _spread_out(log_J[possible_J])
        return mass_J

    def place(self, *, is_u: bool) -> Place:
        """Return the mean of the turn, and the middle of its posterior that holds 95 % of turns."""
        mass_J = self.probabilities(is_u=is_u)
        middle_J = (self.edge_E[:-1] + self.edge_E[1:]) / 2
        at = float(mass_J @ middle_J)
        total_E = np.concatenate([np.zeros(1), np.cumsum(mass_J)])
        ends = [(1 - _CONTENT) / 2, (1 + _CONTENT) / 2]
        lo, hi = np.interp(ends, total_E, self.edge_E).tolist()
        return Place(at, min(lo, at), max(hi, at))

    def doubt(self, *, is_u: bool) -> float:
        """Return the p of "only rises or only falls": monotone weight by that of the turn, up to 1.

        The inverse of a Bayes factor is at most α with probability α where the curve is drawn from
        the monotone shapes (Markov's inequality); either kind of turn may be asked for, since rises
        and falls, each a half of the monotone curves, are both counted in full.

        References
        ----------
        Vovk and Wang (2021), "E-values: calibration, combination and applications", Annals of
        Statistics 49, section 2.
        """
        turning = special.logsumexp(self.u_J if is_u else self.inverted_u_J)
        return float(np.exp(min(0.0, self.monotone - turning)))


def _spread_out(log_J: np.ndarray) -> np.ndarray:
    """Return weights that sum to 1, of which no fewer than so many count (Kish's number)."""
    log_J = log_J - log_J.max()
    power, step = 1.0, 0.5
    mass_J: np.ndarray = np.exp(log_J)
    if _kish(log_J) < _LEAST_SHAPES:
        power = 0.0
        for _ in range(20):
            mass_J = np.exp((power + step) * log_J)
            if mass_J.sum() ** 2 >= _LEAST_SHAPES * (mass_J**2).sum():
                power += step
            step /= 2
        mass_J = np.exp(power * log_J)
    share_J: np.ndarray = mass_J / mass_J.sum()
    return share_J


def turn_posterior(series: Series, shock_covariance_KK: np.ndarray) -> TurnPosterior:
    """Return how likely each shape is, all arms' sizes and the level integrated out.

    A curve is level + left arm + right arm, of known shapes and unknown sizes with wide normal
    priors, so its likelihood is a normal integral: generalised least squares with the covariance of
    items, shocks and a small smooth misfit. A turn is as likely beforehand in one part of the range
    as in another. Holds two (J, K) arrays of single precision while it runs.

    References
    ----------
    Hoeting, Madigan, Raftery and Volinsky (1999), "Bayesian model averaging", Statistical Science
    14, for the average. Kumaraswamy (1980), Journal of Hydrology 46, for the form of an arm.
    """
    extent = max(float(np.ptp(series.value_K)), 1e-9 * max(1.0, np.abs(series.value_K).max()))
    position_K = series.position_K
    span = float(np.ptp(position_K))
    x_K = np.round((position_K - position_K[0]) / span, 9)
    covariance_KK = series.item_covariance_KK + shock_covariance_KK + extent**2 * _misfit(x_K)
    whole_KK = covariance_KK / extent**2
    scaled_K = (series.value_K - series.value_K.mean()) / extent
    signed = _signed(_fits(_shapes(tuple(x_K.tolist()), _N_SHAPES), scaled_K, whole_KK))
    if signed.rests_on_few():
        signed = _signed(_fits(_shapes(tuple(x_K.tolist()), _MORE_SHAPES), scaled_K, whole_KK))
    edge_E = position_K[0] + span * np.linspace(0.0, 1.0, len(signed.u_J) + 1)
    shock_variance = float(np.diag(shock_covariance_KK).mean())
    return TurnPosterior(
        edge_E=edge_E,
        u_J=signed.u_J,
        inverted_u_J=signed.inverted_u_J,
        monotone=float(special.logsumexp(signed.monotone_J)),
        u_possible_J=_possible(series, edge_E, shock_variance, is_u=True),
        inverted_u_possible_J=_possible(series, edge_E, shock_variance, is_u=False),
    )


@dataclass(frozen=True)
class _Signed:
    """Log weight of a shape as a U, as an inverted U, and as a rise or a fall throughout."""

    u_J: np.ndarray
    inverted_u_J: np.ndarray
    monotone_J: np.ndarray

    def rests_on_few(self) -> bool:
        """Return whether the likelier turn, or the curves without one, stand on too few shapes."""
        turn_J = max(self.u_J, self.inverted_u_J, key=special.logsumexp)
        return min(_kish(turn_J), _kish(self.monotone_J)) < _LEAST_SHAPES


def _signed(fits: _Fits) -> _Signed:
    log_J = fits.log_weight_J
    early_up_J, early_down_J = special.log_ndtr(-fits.early_z_J), special.log_ndtr(fits.early_z_J)
    late_up_J, late_down_J = special.log_ndtr(fits.late_z_J), special.log_ndtr(-fits.late_z_J)
    return _Signed(
        u_J=log_J + early_down_J + late_up_J,
        inverted_u_J=log_J + early_up_J + late_down_J,
        monotone_J=log_J + np.logaddexp(early_up_J + late_up_J, early_down_J + late_down_J),
    )


def _kish(log_J: np.ndarray) -> float:
    """Return how many shapes of equal weight would tell as much."""
    mass_J = np.exp(log_J - log_J.max())
    return float(mass_J.sum() ** 2 / (mass_J**2).sum())


def _possible(
    series: Series, edge_E: np.ndarray, shock_variance: float, *, is_u: bool
) -> np.ndarray:
    """Return which turns some curve allows that only falls before and only rises after, or so."""
    deficit_G = fit_unimodal(series, shock_variance=shock_variance, is_u=is_u).deficit_G
    gap_J = np.searchsorted(series.position_K, (edge_E[:-1] + edge_E[1:]) / 2)
    allowed_G = deficit_G <= _RULED_OUT
    allowed_J: np.ndarray = allowed_G[gap_J]
    # Where the axis is dense a gap may lie between two shapes: then its nearest ones stand for it.
    nearest_J = np.searchsorted(edge_E, series.position_K[allowed_G[:-1] | allowed_G[1:]])
    allowed_J[np.clip(nearest_J, 1, len(allowed_J)) - 1] = True
    return allowed_J


@dataclass(frozen=True)
class _Shapes:
    """Left arms, which are 1 at most before the turn and 0 after it, and right arms."""

    early_JK: np.ndarray
    late_JK: np.ndarray


@lru_cache(maxsize=16)
def _shapes(x: tuple[float, ...], n_shapes: int) -> _Shapes:
    x_K, drawn = np.array(x), _drawn(n_shapes)
    turn_J = (np.arange(n_shapes) + 0.5) / n_shapes
    mirrored_J = drawn.share() < _MIRRORED
    same_J = (drawn.share() < _ALIKE) | mirrored_J
    blunt_J, level_J = drawn.log_uniform(_BLUNT), drawn.log_uniform(_LEVEL)
    reach_J = drawn.log_uniform(_MIRRORED_REACH)
    arms = []
    for side, room_J in ((-1.0, turn_J), (1.0, 1 - turn_J)):
        a_J = np.where(same_J, blunt_J, drawn.log_uniform(_BLUNT))
        b_J = np.where(same_J, level_J, drawn.log_uniform(_LEVEL))
        short_J = np.where(drawn.share() < _SHORT, drawn.log_uniform(_SHORT_REACH), 1.0)
        scale_J = np.where(mirrored_J, reach_J, room_J * short_J)
        away_JK = np.clip(side * (x_K - turn_J[:, None]) / scale_J[:, None], 0.0, 1.0)
        arm_JK = 1 - (1 - away_JK ** a_J[:, None]) ** b_J[:, None]
        arm_JK /= np.maximum(arm_JK.max(axis=1, keepdims=True), 1e-3)
        arms.append(arm_JK.astype(np.float32))
    return _Shapes(*arms)


@dataclass(frozen=True)
class _Drawn:
    """Numbers of shapes in the order of their turns, one column after the other."""

    columns: Iterator[np.ndarray]

    def share(self) -> np.ndarray:
        """Return numbers from 0 to 1, shape (J,)."""
        return next(self.columns)

    def log_uniform(self, bounds: tuple[float, float]) -> np.ndarray:
        """Return numbers within bounds whose logarithms are even, shape (J,)."""
        low, high = np.log(bounds).tolist()
        number_J: np.ndarray = np.exp(low + (high - low) * self.share())
        return number_J


@lru_cache(maxsize=2)
def _points(n_shapes: int) -> np.ndarray:
    """Return points that are even together with the place of the turn, which is the first number.

    With independent draws the weight of a place rests on what shapes happened to turn there.

    References
    ----------
    Joe and Kuo (2008), "Constructing Sobol sequences with better two-dimensional projections", SIAM
    Journal on Scientific Computing 30, for the directions.
    """
    points_JD = qmc.Sobol(_NUMBERS_OF_A_SHAPE, scramble=True, seed=_SEED).random(n_shapes)
    ordered_DJ: np.ndarray = points_JD[np.argsort(points_JD[:, 0])].T[1:]
    return ordered_DJ


def _drawn(n_shapes: int) -> _Drawn:
    return _Drawn(iter(_points(n_shapes)))


def _misfit(x_K: np.ndarray) -> np.ndarray:
    """Return the Matérn 3/2 covariance of what shapes leave, in squared ranges."""
    distance_KK = np.sqrt(3) * np.abs(np.subtract.outer(x_K, x_K)) / _MISFIT_REACH
    covariance_KK: np.ndarray = _MISFIT**2 * (1 + distance_KK) * np.exp(-distance_KK)
    return covariance_KK + 1e-9 * np.eye(len(x_K))


class _Fits(NamedTuple):
    """Of each shape: log marginal likelihood, and both arms in their posterior deviations."""

    log_weight_J: np.ndarray
    early_z_J: np.ndarray
    late_z_J: np.ndarray


def _fits(shapes: _Shapes, value_K: np.ndarray, covariance_KK: np.ndarray) -> _Fits:
    """Return the normal integral over the level and both arms, by elimination of the level."""
    whiten_KK = np.linalg.inv(np.linalg.cholesky(covariance_KK))
    one_K, white_K = whiten_KK.sum(axis=1), whiten_KK @ value_K
    level = float(one_K @ one_K) + _LEVEL_SPREAD**-2
    narrow_KK = whiten_KK.T.astype(np.float32)
    early_JK, late_JK = shapes.early_JK @ narrow_KK, shapes.late_JK @ narrow_KK
    right_K2 = np.stack([one_K, white_K], axis=1).astype(np.float32)
    early_J2, late_J2 = (early_JK @ right_K2).astype(float), (late_JK @ right_K2).astype(float)
    shared = float(one_K @ white_K) / level
    early_J, late_J = early_J2[:, 0], late_J2[:, 0]
    ee_J = _squares(early_JK, early_JK) - early_J**2 / level + _ARM_SPREAD**-2
    ll_J = _squares(late_JK, late_JK) - late_J**2 / level + _ARM_SPREAD**-2
    el_J = _squares(early_JK, late_JK) - early_J * late_J / level
    early_target_J, late_target_J = (
        early_J2[:, 1] - early_J * shared,
        late_J2[:, 1] - late_J * shared,
    )
    determinant_J = np.maximum(ee_J * ll_J - el_J**2, 1e-9 * ee_J * ll_J)
    early_size_J = (ll_J * early_target_J - el_J * late_target_J) / determinant_J
    late_size_J = (ee_J * late_target_J - el_J * early_target_J) / determinant_J
    fit_J = early_size_J * early_target_J + late_size_J * late_target_J
    return _Fits(
        log_weight_J=(fit_J - np.log(determinant_J)) / 2,
        early_z_J=early_size_J / np.sqrt(ll_J / determinant_J),
        late_z_J=late_size_J / np.sqrt(ee_J / determinant_J),
    )


def _squares(a_JK: np.ndarray, b_JK: np.ndarray) -> np.ndarray:
    product_J: np.ndarray = np.einsum("jk,jk->j", a_JK, b_JK).astype(float)
    return product_J
