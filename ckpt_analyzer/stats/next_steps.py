"""Which checkpoints to score next, so that a turn is placed with few of them.

In: the curves of one model so far, and the steps that exist. Out: a few steps with the reason for
each, or none where every turn is known well enough or the budget is used. The module knows nothing
of models, tasks or stores, and decides no flip: it looks where there may be one.

Shape legend: K scored points of a curve; G narrow stretches of the axis; S steps that exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ckpt_analyzer.stats.opinions import LABEL_BIAS_TOKENS, LONG_RUN
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.turn_shapes import TurnPosterior, turn_posterior
from ckpt_analyzer.stats.unimodal import fit_unimodal

#: A curve may turn where the best monotone one leaves this much more than the best with a turn.
MAY_TURN_ABOVE = 4.0
_QUANTILES = (0.5, 0.25, 0.75)


@dataclass(frozen=True)
class Search:
    """When to stop, and how fast to go.

    Parameters
    ----------
    start
        Checkpoints of the first round, evenly spaced in the logarithm.
    per_round
        Checkpoints that a later round adds at most.
    budget
        Checkpoints of one model at most, those of the first round included.
    look
        A model of which no curve seems to turn is left alone from this number on.
    width_decades
        A place is known when its interval is no wider than this.
    apart
        Steps that exist between two that are scored, at least, while there is room: neighbours tell
        least. Where a turn lies closer between them, it is given up.
    """

    start: int = 8
    per_round: int = 4
    budget: int = 32
    look: int = 12
    width_decades: float = 0.5
    apart: int = 3


@dataclass(frozen=True)
class Grid:
    """The steps of a model that can be scored, ascending, above 0, and their log10 tokens."""

    step_S: np.ndarray
    position_S: np.ndarray

    def sound(self) -> np.ndarray:
        """Return False for the first steps of a long run, shape (S,): scores follow label words.

        No gap before the first sound step is worth filling.
        """
        first = float(np.log10(LABEL_BIAS_TOKENS)) - 1e-9
        if self.position_S[-1] < first + np.log10(LONG_RUN):
            first = -np.inf
        sound_S: np.ndarray = self.position_S >= first
        return sound_S


@dataclass(frozen=True)
class Curve:
    """A series over log10 tokens and the variance of its shocks."""

    series: Series
    shock_variance: float


@dataclass(frozen=True)
class Place:
    """Where a curve may turn.

    Parameters
    ----------
    name
        Of the task.
    at, lo, hi
        Positions: the best one and the ends of the interval.
    evidence
        How much worse, in weighted squares, the best monotone curve fits: large where it turns.
    edge_E, mass_G
        The E = G + 1 bounds of G narrow stretches, and the probability that the turn lies in each.
    """

    name: str
    is_u: bool
    at: float
    lo: float
    hi: float
    evidence: float
    edge_E: np.ndarray = field(repr=False)
    mass_G: np.ndarray = field(repr=False)

    @property
    def may_turn(self) -> bool:
        """Whether the curve looks like one that turns."""
        return self.evidence >= MAY_TURN_ABOVE

    def quantile(self, share: float) -> float:
        """Return the position below which the turn lies with this probability."""
        total_E = np.concatenate([np.zeros(1), np.cumsum(self.mass_G)])
        return float(np.interp(share, total_E, self.edge_E))


@dataclass(frozen=True)
class Proposal:
    """A step to score, and why."""

    step: int
    reason: str


def place_of(curve: Curve) -> Place:
    """Return where `curve` may turn, as a U or as an inverted U, whichever fits better.

    Before anything is scored a turn is as likely in one decade as in another.
    """
    shock_covariance_KK = curve.shock_variance * np.eye(len(curve.series.value_K))
    shapes = turn_posterior(curve.series, shock_covariance_KK)
    places = [_place(curve, shapes, is_u=is_u) for is_u in (True, False)]
    return max(places, key=lambda place: place.evidence)


def _place(curve: Curve, shapes: TurnPosterior, *, is_u: bool) -> Place:
    fit = fit_unimodal(curve.series, shock_variance=curve.shock_variance, is_u=is_u)
    place = shapes.place(is_u=is_u)
    return Place(
        name=str(curve.series.key.get("task", "")),
        is_u=is_u,
        at=place.at,
        lo=place.lo,
        hi=place.hi,
        evidence=float(min(fit.deficit_G[0], fit.deficit_G[-1])),
        edge_E=shapes.edge_E,
        mass_G=shapes.probabilities(is_u=is_u),
    )


def next_steps(
    curves: Sequence[Curve], grid: Grid, scored: Sequence[int], search: Search | None = None
) -> tuple[Proposal, ...]:
    """Return the next steps of `grid` to score; none when the search is over.

    Parameters
    ----------
    curves
        All curves of one model that count; those that may turn share the round.
    scored
        The steps of `grid` that are scored, or about to be.

    Notes
    -----
    A round takes quantiles of the probability of the turn, the widest gap, and the ends of the
    arms, in an order that changes from round to round, and leaves out what is too close to a scored
    step.
    """
    search = search or Search()
    place_S = np.flatnonzero(np.isin(grid.step_S, np.asarray(scored, int)))
    room = min(search.per_round, search.budget - len(place_S), len(grid.step_S) - len(place_S))
    if room <= 0:
        return ()
    wanted = [p for p in map(place_of, _usable(curves)) if p.may_turn]
    open_ = [p for p in wanted if _is_open(p, grid, place_S, search)]
    if wanted and not open_:
        return ()
    if not wanted and len(place_S) >= search.look:
        return ()
    picker = _Picker(grid, [int(i) for i in place_S], search.apart)
    n_round = max(len(place_S) - search.start, 0) // search.per_round
    for wish in _wishes(open_, grid, picker, n_round):
        picker.take(wish)
        if len(picker.proposals) >= room:
            break
    return tuple(picker.proposals)


def _usable(curves: Sequence[Curve]) -> list[Curve]:
    return [curve for curve in curves if len(curve.series.position_K) >= 3]


def _is_open(place: Place, grid: Grid, place_S: np.ndarray, search: Search) -> bool:
    """Return whether the place is too wide, and steps are left that could narrow it."""
    if place.hi - place.lo <= search.width_decades:
        return False
    inside = (grid.position_S > place.lo) & (grid.position_S < place.hi)
    inside[place_S] = False
    return bool(inside.any())


@dataclass(frozen=True)
class _Wish:
    """A position where a step is wanted, within bounds, and why."""

    position: float
    lo: float
    hi: float
    reason: str


@dataclass
class _Picker:
    """Steps taken so far; gives each wish the nearest step that is free."""

    grid: Grid
    taken: list[int]
    apart: int
    proposals: list[Proposal] = field(default_factory=list)

    def take(self, wish: _Wish) -> None:
        """Propose the step nearest to `wish`, as far from those taken as there is room for."""
        position_S = self.grid.position_S
        inside_S = (position_S > wish.lo) & (position_S < wish.hi)
        for apart in range(self.apart, 0, -1):
            free_S = inside_S & (self._steps_away() >= apart)
            if free_S.any():
                distance_S = np.where(free_S, np.abs(position_S - wish.position), np.inf)
                nearest = int(distance_S.argmin())
                self.taken.append(nearest)
                self.proposals.append(Proposal(int(self.grid.step_S[nearest]), wish.reason))
                return

    def _steps_away(self) -> np.ndarray:
        """Return for every step how many steps away the nearest one taken is."""
        index_S = np.arange(len(self.grid.step_S))
        if not self.taken:
            return np.full(len(index_S), len(index_S))
        distance_S: np.ndarray = np.abs(index_S[:, None] - np.array(self.taken)).min(axis=1)
        return distance_S

    def widest_gap(self) -> _Wish | None:
        """Return the wish for the middle of the widest gap after the first steps."""
        sound_S = np.flatnonzero(self.grid.sound())
        first = int(sound_S[0]) if len(sound_S) > 1 else 0
        bounds = sorted({first, len(self.grid.step_S) - 1, *(i for i in self.taken if i >= first)})
        gaps = [(a, b) for a, b in pairwise(bounds) if b - a > 1]
        if not gaps:
            return None
        pairs = [(a, b) for a, b in gaps if b - a >= 2 * self.apart] or gaps
        position_S = self.grid.position_S
        low, high = max(pairs, key=lambda pair: float(position_S[pair[1]] - position_S[pair[0]]))
        lo, hi = float(position_S[low]), float(position_S[high])
        return _Wish((lo + hi) / 2, lo, hi, "widest gap")


def _wishes(places: Sequence[Place], grid: Grid, picker: _Picker, n_round: int) -> Iterator[_Wish]:
    """Yield wishes, the most useful first: turns of all curves in turn, then a gap or an end."""
    if not places:
        yield from _gaps(picker, len(grid.step_S))
        return
    sound_S = grid.position_S[grid.sound()]
    first, last = float(sound_S.min(initial=np.inf)), float(grid.position_S[-1])
    for share in _QUANTILES:
        for place in places:
            reason = f"{place.name} may turn here ({'U' if place.is_u else 'inverted U'})"
            yield _Wish(place.quantile(share), place.lo, place.hi, reason)
    if n_round % 2 == 0:
        gap = picker.widest_gap()
        if gap is not None:
            yield gap
    for place in places:
        yield _Wish(last, place.hi, np.inf, f"end of an arm of {place.name}")
        yield _Wish(first, np.nextafter(first, -np.inf), place.lo, f"end of an arm of {place.name}")


def _gaps(picker: _Picker, most: int) -> Iterator[_Wish]:
    for _ in range(most):
        gap = picker.widest_gap()
        if gap is None:
            return
        yield gap
