"""Every flip of one view as a row of text: place, interval, both arms, evidence, flags.

In: flips of one view, over any axis. Out: rows for the template, strongest evidence first, and
what holds for nearly all of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ckpt_analyzer.charts._series import TIME_AXIS, TURNING
from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.verdicts import Verdict, flag_words, verdict

_AXIS_WORDS = {
    "parameters": "parameters",
    "flops": "training FLOPs",
    "shots": "shots",
}

#: A flag of so many rows is said once, under the table.
_NEARLY_ALL, _LEAST_ROWS = 0.9, 3


@dataclass(frozen=True)
class FlipKeys:
    """What the columns of a flip are sorted by; empty where a number is not known."""

    parameters: str
    place: str
    width: str
    before: str
    after: str
    p: str
    p_adjusted: str


@dataclass(frozen=True)
class FlipRow:
    """A flip in words."""

    card: TaskCard
    model: str
    arm: str
    axis: str
    verdict: Verdict
    place: str
    interval: str
    before: str
    before_se: str
    after: str
    after_se: str
    p: str
    p_adjusted: str
    flags: str
    opinions: str
    keys: FlipKeys


@dataclass(frozen=True)
class FlipTable:
    """The decided flips of one view.

    Parameters
    ----------
    common
        What holds for all or nearly all rows, said once; the rows keep the other flags.
    """

    rows: tuple[FlipRow, ...]
    common: tuple[str, ...]


def flip_table(flips: pd.DataFrame, cards: Mapping[str, TaskCard]) -> FlipTable:
    """Return the decided flips, smallest adjusted p first."""
    decided = flips[flips["verdict"].isin(TURNING) & flips["task"].isin(set(cards))]
    ordered = decided.sort_values(["p_adjusted", "task", "parameters"], na_position="last")
    counts = Counter(str(flag) for flags in ordered["flags"] for flag in flags)
    enough = max(_LEAST_ROWS, _NEARLY_ALL * len(ordered))
    common = {flag: n for flag, n in counts.items() if n >= enough}
    rows = tuple(_row(flip, cards[flip["task"]], common.keys()) for _, flip in ordered.iterrows())
    return FlipTable(rows, tuple(_common_words(f, n, len(rows)) for f, n in common.items()))


def _common_words(flag: str, n_rows: int, n_all: int) -> str:
    where = "In every row" if n_rows == n_all else f"In {n_rows} of {n_all} rows"
    return f"{where}: {flag_words(flag)}."


def _row(flip: pd.Series, card: TaskCard, said: Collection[str]) -> FlipRow:
    axis = str(flip["axis"])
    lo, hi = (_on_axis(flip[name], axis) for name in ("ci_lo", "ci_hi"))
    return FlipRow(
        card=card,
        model=_model(flip),
        arm=str(flip["arm"]),
        axis=_axis_words(axis, str(flip["arm"])),
        verdict=verdict(str(flip["verdict"])),
        place=_places(flip, axis),
        interval=f"{lo} to {hi}" if numbers.MISSING not in (lo, hi) else numbers.MISSING,
        before=numbers.change(flip["effect_before"]),
        before_se=numbers.stderrs(abs(flip["effect_before_se"])),
        after=numbers.change(flip["effect_after"]),
        after_se=numbers.stderrs(abs(flip["effect_after_se"])),
        p=numbers.p_value(flip["p"]),
        p_adjusted=numbers.p_value(flip["p_adjusted"]),
        flags="; ".join(flag_words(str(flag)) for flag in flip["flags"] if flag not in said),
        opinions=_opinions(flip),
        keys=_keys(flip),
    )


def _keys(flip: pd.Series) -> FlipKeys:
    """Return the numbers of `flip`; of an interval its width in decades."""
    has_interval = pd.notna(flip["ci_lo"]) and pd.notna(flip["ci_hi"]) and flip["ci_lo"] > 0
    return FlipKeys(
        parameters=_key(flip["parameters"]),
        place=_key(flip["flip_at"]),
        width=_key(math.log10(flip["ci_hi"] / flip["ci_lo"])) if has_interval else "",
        before=_key(flip["effect_before"]),
        after=_key(flip["effect_after"]),
        p=_key(flip["p"]),
        p_adjusted=_key(flip["p_adjusted"]),
    )


def _key(number: float | None) -> str:
    return "" if number is None or pd.isna(number) else f"{number:.4g}"


def _opinions(flip: pd.Series) -> str:
    """Return how many other fits see the same turn, and which do not."""
    asked = flip["second_opinions"]
    if asked is None or not len(asked):
        return ""
    differ = [_fit_words(o) for o in asked if o["verdict"] != flip["verdict"]]
    if not differ:
        return f"all {len(asked)} see this turn"
    return f"{len(asked) - len(differ)} of {len(asked)} see this turn, not {', '.join(differ)}"


def _fit_words(opinion: Mapping[str, Any]) -> str:
    return str(opinion["fit"]).replace("-", " ")


def _model(flip: pd.Series) -> str:
    """Return the model; along an axis that joins models, what they have in common."""
    joined = str(flip["model"])
    if not joined.startswith("("):
        return joined
    run = "" if joined == "(all)" else f", {joined.strip('()')}"
    common = "" if flip["size"] == "(all)" else f", {flip['size']}"
    return f"{flip['suite']} {flip['arm']}{run}{common}"


def _axis_words(axis: str, arm: str) -> str:
    if axis == TIME_AXIS:
        return "" if arm == "base" else f"{arm} tokens"
    return _AXIS_WORDS.get(axis, axis)


def _places(flip: pd.Series, axis: str) -> str:
    """Return where the trend turns, each place of a trend that turns more than once."""
    places = list(flip["turning_points"])
    if len(places) < 2:
        places = [flip["flip_at"]]
    return ", ".join(_on_axis(place, axis) for place in places)


def _on_axis(place: float | None, axis: str) -> str:
    if axis == "flops" and place is not None and pd.notna(place):
        return f"{place:.1e}".replace("e+", " × 10^")
    return numbers.count(place)
