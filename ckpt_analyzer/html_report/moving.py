"""How turns move with the size of the model: the fitted lines and the surfaces, in words.

In: the descriptions ``movement`` and ``surface`` of one view. Out: rows of text. Slopes, which are
kept in decades of tokens per decade of parameters, are told as a factor for ten times the size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.verdicts import Verdict, verdict

_LEVEL = 0.05
_Z95 = 1.96
#: What tells several rows of a task apart.
_WHICH = ("suite", "arm")


@dataclass(frozen=True)
class MovementRow:
    """The line through the turning points of one task."""

    card: TaskCard
    which: str
    verdict: Verdict
    n_sizes: str
    factor: str
    interval: str
    p: str
    spread: str
    words: str


@dataclass(frozen=True)
class SurfaceRow:
    """The quadratic surface over size and tokens of one task."""

    card: TaskCard
    which: str
    verdict: Verdict
    turn: str
    factor: str
    interval: str
    r2: str
    n_values: str


def movement_rows(
    movement: pd.DataFrame | None, cards: Mapping[str, TaskCard]
) -> list[MovementRow]:
    """Return the rows of all tasks of the page whose turns were fitted with a line."""
    return [
        MovementRow(
            card=cards[row["task"]],
            which=which,
            verdict=verdict(row["verdict"]),
            n_sizes=_sizes(row),
            factor=numbers.factor(row["slope"]),
            interval=_interval(row["slope_lo"], row["slope_hi"]),
            p=numbers.p_value(row["p"]),
            spread=numbers.factor(row["tau_decades"]),
            words=_words(row),
        )
        for row, which in _rows(movement, cards)
    ]


def surface_rows(surface: pd.DataFrame | None, cards: Mapping[str, TaskCard]) -> list[SurfaceRow]:
    """Return the rows of all tasks of the page whose surface turns where it was observed."""
    return [
        SurfaceRow(
            card=cards[row["task"]],
            which=which,
            verdict=verdict("U" if row["is_u"] else "inverted_U"),
            turn=numbers.count(row["turn_at"]),
            factor=numbers.factor(row["movement"]),
            interval=_interval(*_reach(row)),
            r2=f"{row['r2']:.2f}",
            n_values=numbers.integer(row["n"]),
        )
        for row, which in _rows(surface, cards)
    ]


def _rows(table: pd.DataFrame | None, cards: Mapping[str, TaskCard]) -> list[tuple[pd.Series, str]]:
    """Return the rows in the order of the page, each with what tells it from others."""
    if table is None or table.empty:
        return []
    differs = [name for name in _WHICH if table[name].nunique() > 1]
    place = {name: i for i, name in enumerate(cards)}
    known = table[table["task"].isin(place)]
    ordered = known.sort_values("task", key=lambda names: names.map(place), kind="stable")
    return [(row, " · ".join(str(row[n]) for n in differs)) for _, row in ordered.iterrows()]


def _sizes(row: pd.Series) -> str:
    left_out = int(row["n_left_out"])
    return f"{row['n_sizes']}" + (f", {left_out} at the edge left out" if left_out else "")


def _reach(row: pd.Series) -> tuple[float, float]:
    half = _Z95 * row["movement_se"]
    return row["movement"] - half, row["movement"] + half


def _interval(low: float, high: float) -> str:
    return f"{numbers.factor(low)} to {numbers.factor(high)}"


def _words(row: pd.Series) -> str:
    if not row["p"] < _LEVEL:
        return "no certain movement"
    return f"larger models turn {'later' if row['slope'] > 0 else 'earlier'}"
