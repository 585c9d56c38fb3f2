"""Decide whether, and where, each trend of a table flips.

In: item scores, or means with standard errors. Out: one row per series, ``tables.FLIPS``. A flip is
a certain change in one direction and, after it, a certain change in the other, against the noise of
items *and* of checkpoints; a significant quadratic is never one. The module knows nothing of
models, files or charts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from statsmodels.stats.multitest import multipletests

from ckpt_analyzer import tables
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.contrasts import Arm, Arms, NullOptions, find_arms
from ckpt_analyzer.stats.frames import as_pandas
from ckpt_analyzer.stats.noise import Noise, estimate_noise
from ckpt_analyzer.stats.opinions import with_opinions
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.series_tables import Axis, Cut, cut_series
from ckpt_analyzer.stats.turn_shapes import turn_posterior
from ckpt_analyzer.stats.turning_points import Turn, find_turns

Verdict = Literal[
    "monotone_up", "monotone_down", "flat", "U", "inverted_U", "other", "inconclusive"
]

_METHOD = "block contrasts, intersection-union, joined with shapes of two arms averaged"
#: A series of fewer points has no verdict: two arms with a turn inside, and a residual to spare.
LEAST_POINTS = 4
_FEW_POINTS = 8
#: By how much the p of the arms alone, and the bound on that of the shape, may be larger where both
#: agree. On few points the noise is known by its prior mostly, and so is what a shape explains.
_ROOM_OF_ARMS, _ROOM_OF_SHAPE = 3.0, 2.7
_ROOM_OF_ARMS_FEW, _ROOM_OF_SHAPE_FEW = 2.0, 1.5
_ENOUGH_POINTS = 12
#: Up to this p the room is given in full.
_ROOM_UP_TO = 0.15
_POWER_Z = 0.8416  # normal quantile of 80 % power


@dataclass(frozen=True)
class FlipOptions:
    """How flips are decided.

    Parameters
    ----------
    alpha
        Level of the test for a flip. A monotone verdict is held to half of it in each direction.
    flat_within
        A series is ``flat`` where every change is certainly smaller than this, in units of its
        metric.
    keep_suspect
        Whether checkpoints that are not trusted take part. By default they carry no flip.
    seed, n_draws
        Of the null curves; each draw counts twice, as itself and as its mirror image.
    """

    alpha: float = 0.05
    flat_within: float = 0.05
    keep_suspect: bool = False
    seed: int = 0
    n_draws: int = 2000

    def __post_init__(self) -> None:
        """Refuse a level that is none."""
        if not 0 < self.alpha < 1:
            raise UserError(
                f"alpha is {self.alpha:g}, and a level lies between 0 and 1", hint="alpha=0.05"
            )


def find_flips(
    table: IntoFrame,
    *,
    axis: Axis = "tokens",
    alpha: float = 0.05,
    seed: int = 0,
    options: FlipOptions | None = None,
    opinions: bool = False,
) -> pd.DataFrame:
    """Return one row per series of `table`: its shape and, for a flip, the place.

    Parameters
    ----------
    table
        Item scores in long form (columns ``task``, ``metric``, ``size``, ``step``, ``tokens``,
        ``item`` and ``score``, further key columns optional), or rows of ``tables.TRENDS``: means
        with standard errors. With items, the covariance of the means over items is used: the same
        items are asked at every checkpoint. A frame of polars, pyarrow or any other library that
        narwhals knows is taken as well. With a column ``seed`` each seed is a series of its own
        (its number is in the result), and their scatter tells shocks from the trend. Several scores
        of one item at one place of a series are averaged, and so are several means. An unknown
        standard error among known ones is taken to be the largest of these.
    axis
        ``tokens``, ``parameters``, ``flops`` or ``shots``. Fits see its logarithm; step 0 has none,
        is left out and flagged ``zero-left-out``.
    alpha, seed
        Short for the fields of `options`, which take their place when given.
    opinions
        Whether ``second_opinions`` is filled: what other fits say of a series that turns. It takes
        longer than the verdicts.

    Returns
    -------
    pandas.DataFrame
        The columns of ``tables.FLIPS``, and ``flip_tokens`` (``flip_`` and the name of the axis),
        which is ``flip_at`` under its public name.

        ``verdict``
            ``U`` and ``inverted_U`` have two certain arms, ``other`` three or more (their
            ``turning_points`` are listed), ``monotone_up`` and ``monotone_down`` one; ``flat``
            certainly changes by less than ``flat_within``; ``inconclusive`` is none of these.
        ``ci_lo``, ``ci_hi``
            The set of turns that holds the true one in 95 % of simulated series.
        ``honest_lo``, ``honest_hi``
            Between the last certain change before the turn and the first after it: 95 % whatever
            the shape of the arms, and wider.
        ``p``
            Of a flip: the larger p of its two arms, joined with that of a monotone curve
            (``_joined``).
        ``p_adjusted``, ``p_adjusted_by``
            Corrected by Benjamini and Hochberg, and by Benjamini and Yekutieli, over the family:
            the tasks and models that share axis, metric, arm, number of shots, prompt format and
            dtype.
        ``effect_before``, ``effect_after``
            Change over each arm, between the blocks of checkpoints at which it is clearest; with
            ``_lo`` and ``_hi`` its simultaneous interval, with ``_se`` its size in standard errors.
        ``mde_80``
            The smallest change between two blocks of a quarter of the points that would be found
            with 80 % power.
        ``flags``
            ``at-edge``, ``few-checkpoints`` (the noise is known by its prior mostly),
            ``metrics-disagree`` (another metric of the series has no flip),
            ``no-item-error``, ``p-at-floor``, ``possible-third-arm``, ``shock-dominated``,
            ``single-checkpoint``, ``size-twice-left-out``, ``suspect-in-reach``,
            ``suspect-left-out``, ``zero-left-out``.

    Raises
    ------
    UserError
        If the table is none, lacks columns, holds what is no number where one must be, or names
        nothing in a column that it has; if the axis is unknown, or `alpha` no level.
    """
    options = options or FlipOptions(alpha=alpha, seed=seed)
    series = cut_series(as_pandas(table), Cut(axis, options.keep_suspect))
    flips = decide_flips(series, axis, options)
    return with_opinions(flips, series, alpha=options.alpha) if opinions else flips


def decide_flips(series: Sequence[Series], axis: Axis, options: FlipOptions) -> pd.DataFrame:
    """Return what ``find_flips`` does, of series that are cut already."""
    noises = estimate_noise(series)
    decided = [_decide(one, noise, options) for one, noise in zip(series, noises, strict=True)]
    rows = pd.DataFrame(
        [_row(one, noise, d) for one, noise, d in zip(series, noises, decided, strict=True)],
        columns=list(tables.FLIPS.names),
    )
    flips = _adjusted(rows.astype({"n_items": "Int64"}))
    seeds = pd.Series([one.key.get("seed") for one in series], dtype="Int64")
    flips["flags"] = pd.Series(_with_disagreement(flips, seeds), dtype=object)
    tables.conform(flips, tables.FLIPS)
    if any("seed" in one.key for one in series):
        flips = flips.assign(seed=seeds)
    return flips.assign(**{f"flip_{axis}": flips["flip_at"]})


@dataclass(frozen=True)
class _Decision:
    verdict: Verdict
    arms: Arms | None = None
    p: float | None = None
    turns: tuple[Turn, ...] = ()
    honest: Turn | None = None
    flags: tuple[str, ...] = field(default=())


def _decide(series: Series, noise: Noise, options: FlipOptions) -> _Decision:
    n_points = len(series.value_K)
    flags = list(series.notes)
    if n_points < _FEW_POINTS:
        flags.append("few-checkpoints")
    if n_points < LEAST_POINTS:
        return _Decision("inconclusive", flags=tuple(flags))
    null = NullOptions(alpha=options.alpha, n_draws=options.n_draws, seed=options.seed)
    arms = find_arms(series, noise, null)
    shock_covariance_KK = noise.shock_covariance(n_points)
    doubt = turn_posterior(series, shock_covariance_KK).doubt(is_u=arms.is_u)
    p = _joined(arms.p_flip, doubt, n_points)
    verdict = _verdict(arms, p, options)
    turns = _turns(series, shock_covariance_KK, verdict, arms)
    if noise.shock_variance > noise.item_variance:
        flags.append("shock-dominated")
    if turns:
        flags.extend(_arm_flags(arms))
    flags.extend(_place_flags(series, turns))
    honest = _honest(series, arms, turns[0]) if verdict in ("U", "inverted_U") else None
    return _Decision(verdict, arms, p, turns, honest, tuple(sorted(flags)))


def _arm_flags(arms: Arms) -> list[str]:
    flags = ["single-checkpoint"] if arms.rests_on_one else []
    if arms.may_have_more:
        flags.append("possible-third-arm")
    if arms.p_flip <= arms.p_least:
        flags.append("p-at-floor")
    return flags


def _honest(series: Series, arms: Arms, turn: Turn) -> Turn:
    """Return the set that holds whatever the arms look like; never narrower than the other."""
    position_K = series.position_K
    return replace(
        turn,
        lo=min(float(position_K[arms.turn_after]), turn.lo),
        hi=max(float(position_K[arms.turn_before]), turn.hi),
    )


def _joined(p_arms: float, p_shape: float, n_points: int) -> float:
    """Return the p of a flip that both the arms and the shape of the curve must support.

    Each of the two is rarely small where the other is so by chance: blocks of one or two points
    make arms that no curve with two arms explains, and a slow bend looks like a turn without a
    certain second arm. Asking for both leaves room for a looser level of each. There is less room
    where the two are no longer small: then both are large by chance, and p grows to 1.
    ``benchmarks/false_p.py`` prints how often p is small by chance.
    """
    few = n_points < _ENOUGH_POINTS
    of_arms = _ROOM_OF_ARMS_FEW if few else _ROOM_OF_ARMS
    of_shape = _ROOM_OF_SHAPE_FEW if few else _ROOM_OF_SHAPE
    p = max(p_arms / of_arms, p_shape / of_shape)
    most = 1 / min(of_arms, of_shape)
    return float(np.interp(p, [0.0, _ROOM_UP_TO, most], [0.0, _ROOM_UP_TO, 1.0]))


def _verdict(arms: Arms, p: float, options: FlipOptions) -> Verdict:
    if len(arms.directions) >= 3:
        return "other"
    if p < options.alpha:
        return "U" if arms.is_u else "inverted_U"
    if min(arms.p_rise, arms.p_fall) < options.alpha / 2:
        return "monotone_up" if arms.p_rise < arms.p_fall else "monotone_down"
    if arms.largest_change_upper < options.flat_within:
        return "flat"
    return "inconclusive"


def _turns(
    series: Series, shock_covariance_KK: np.ndarray, verdict: Verdict, arms: Arms
) -> tuple[Turn, ...]:
    directions = {"U": (-1, 1), "inverted_U": (1, -1), "other": arms.directions}.get(verdict, ())
    if not directions:
        return ()
    return find_turns(series, directions, shock_covariance_KK)


def _place_flags(series: Series, turns: tuple[Turn, ...]) -> list[str]:
    """Return what makes the place of the first turn doubtful."""
    if not turns:
        return []
    turn, position_K = turns[0], series.position_K
    flags = []
    if turn.lo < position_K[1] or turn.hi > position_K[-2]:
        flags.append("at-edge")
    below = position_K[position_K <= turn.lo]
    above = position_K[position_K >= turn.hi]
    reach_lo = below[-1] if below.size else position_K[0]
    reach_hi = above[0] if above.size else position_K[-1]
    if any(reach_lo <= suspect <= reach_hi for suspect in series.suspect_position):
        flags.append("suspect-in-reach")
    return flags


def _row(series: Series, noise: Noise, decision: _Decision) -> dict[str, Any]:
    n_points = len(series.value_K)
    row = dict.fromkeys(tables.FLIPS.names) | series.key
    row |= {
        "axis": series.axis,
        "verdict": decision.verdict,
        "item_se": float(np.median(np.sqrt(np.diag(series.item_covariance_KK))))
        if n_points
        else None,
        "shock_sd": float(np.sqrt(noise.shock_variance)),
        "n_items": series.n_items,
        "n_checkpoints": n_points,
        "turning_points": [series.place(turn.at) for turn in decision.turns],
        "method": _METHOD,
        "flags": list(decision.flags),
    }
    if decision.turns:
        turn = decision.turns[0]
        place = series.place
        row |= {"flip_at": place(turn.at), "ci_lo": place(turn.lo), "ci_hi": place(turn.hi)}
    if decision.honest is not None:
        honest = decision.honest
        row |= {"honest_lo": series.place(honest.lo), "honest_hi": series.place(honest.hi)}
    if decision.arms is not None:
        row |= {"p": decision.p} | _arm_columns(decision.arms, is_flip=bool(decision.turns))
    return row


def _arm_columns(arms: Arms, *, is_flip: bool) -> dict[str, Any]:
    columns = {"mde_80": (arms.critical + _POWER_Z) * arms.contrast_se}
    if is_flip:
        columns |= _one_arm("effect_before", arms.first) | _one_arm("effect_after", arms.second)
    return columns


def _one_arm(name: str, arm: Arm) -> dict[str, float]:
    return {name: arm.effect, f"{name}_se": arm.effect_se,
            f"{name}_lo": arm.lo, f"{name}_hi": arm.hi}  # fmt: skip


def _adjusted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with p corrected within each family of tasks and models."""
    rows = rows.copy()
    numbers = [f.name for f in tables.FLIPS if f.type == tables.FLIPS.field("p").type]
    rows[numbers] = rows[numbers].astype(float)
    tested = rows[rows["p"].notna()]
    for _, part in tested.groupby(["metric", "arm", "shots", "prompt_format", "dtype"]):
        for column, method in (("p_adjusted", "fdr_bh"), ("p_adjusted_by", "fdr_by")):
            rows.loc[part.index, column] = multipletests(part["p"], method=method)[1]
    return rows


def _with_disagreement(flips: pd.DataFrame, seeds: pd.Series[int]) -> list[list[str]]:
    """Return the flags, with one on each flip of which another metric says there is none."""
    same = [name for name in tables.SERIES if name != "metric"]
    turns = flips["verdict"].isin(("U", "inverted_U"))
    settled = flips["verdict"].isin(("flat", "monotone_up", "monotone_down", "other"))
    run = [*(flips[name] for name in [*same, "size"]), seeds.fillna(-1)]
    denied = settled.groupby(run).transform("any")
    return [
        sorted([*flags, "metrics-disagree"]) if flag else flags
        for flags, flag in zip(flips["flags"], turns & denied, strict=True)
    ]
