"""The matrix of verdicts: task by model, a group of columns per suite and arm.

In: flips and trends of one view. Out: cells in words, ready for the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ckpt_analyzer.charts._series import TIME_AXIS, TURNING, Panel, size_labels
from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import CauseGroup, TaskCard
from ckpt_analyzer.html_report.verdicts import UNKNOWN, Verdict, verdict

#: The level that adjusted p values are read at.
_LEVEL = 0.05


@dataclass(frozen=True)
class Column:
    """A model of the matrix."""

    suite: str
    arm: str
    model: str
    label: str


@dataclass(frozen=True)
class ColumnGroup:
    """The models of one panel."""

    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Cell:
    """One verdict.

    Parameters
    ----------
    strength
        0 to 3: how far the weaker arm stands out of its standard error.
    panel
        The place of its chart among those of the task.
    turn_at, stderrs
        What rows are sorted by: tokens of the turn, and how many standard errors the weaker arm
        of a turn, or the change of another trend, stands out.
    is_tentative
        Whether the turn is no longer significant at 5 % once p is adjusted.
    """

    verdict: Verdict
    turn: str
    strength: int
    words: str
    size: str
    first_of_group: bool
    panel: int = 0
    turn_at: int | None = None
    stderrs: float = 0.0
    is_tentative: bool = False


@dataclass(frozen=True)
class Row:
    """A task of the matrix."""

    card: TaskCard
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Matrix:
    """All verdicts of one view; rows come by cause. Tasks without any are named in `left_out`."""

    groups: tuple[ColumnGroup, ...]
    causes: tuple[tuple[str, tuple[Row, ...]], ...]
    left_out: tuple[str, ...] = ()

    @property
    def n_columns(self) -> int:
        """Columns of verdicts, the task's own not counted."""
        return sum(len(group.columns) for group in self.groups)


def column_groups(trends: pd.DataFrame, panels: Sequence[Panel]) -> tuple[ColumnGroup, ...]:
    """Return the models of each panel, fewest parameters first."""
    models = trends.assign(label=size_labels(trends)).drop_duplicates(["suite", "arm", "model"])
    groups = []
    for panel in panels:
        mine = models[(models["suite"] == panel.suite) & (models["arm"] == panel.arm)]
        columns = tuple(
            Column(panel.suite, panel.arm, str(row.model), str(row.label))
            for row in mine.sort_values("parameters").itertuples(index=False)
        )
        groups.append(ColumnGroup(panel.title, columns))
    return tuple(groups)


def matrix(
    flips: pd.DataFrame, groups: tuple[ColumnGroup, ...], causes: Sequence[CauseGroup]
) -> Matrix:
    """Return the verdicts over training time of one view's `flips`."""
    over_time = flips[flips["axis"] == TIME_AXIS]
    found = {
        (row["suite"], row["arm"], row["model"], row["task"]): row
        for _, row in over_time.iterrows()
    }
    judged = {str(task) for *_, task in found}
    by_cause = [(cause.title, [c for c in cause.cards if c.name in judged]) for cause in causes]
    rows = tuple(
        (title, tuple(Row(card, _cells(card, groups, found)) for card in cards))
        for title, cards in by_cause
        if cards
    )
    cards = (card for cause in causes for card in cause.cards)
    return Matrix(groups, rows, tuple(card.title for card in cards if card.name not in judged))


def tally(matrix: Matrix) -> dict[str, dict[str, int]]:
    """Return how often each verdict falls, per column group: arm title to verdict key to count."""
    counts: dict[str, dict[str, int]] = {}
    start = 0
    for group in matrix.groups:
        stop = start + len(group.columns)
        keys = [
            cell.verdict.key
            for _, rows in matrix.causes
            for row in rows
            for cell in row.cells[start:stop]
            if cell.verdict.key
        ]
        counts[group.title] = {key: keys.count(key) for key in dict.fromkeys(keys)}
        start = stop
    return counts


def _cells(
    card: TaskCard,
    groups: tuple[ColumnGroup, ...],
    found: dict[tuple[str, str, str, str], pd.Series],
) -> tuple[Cell, ...]:
    return tuple(
        replace(
            _cell(column, found.get((column.suite, column.arm, column.model, card.name)), i == 0),
            panel=panel,
        )
        for panel, group in enumerate(groups)
        for i, column in enumerate(group.columns)
    )


def _cell(column: Column, row: pd.Series | None, first: bool) -> Cell:
    if row is None:
        return Cell(UNKNOWN, "", 0, f"{column.label}: no verdict", column.label, first)
    shape = verdict(str(row["verdict"]))
    turn = numbers.count(row["flip_at"]) if shape.key in TURNING else ""
    if turn and len(row["turning_points"]) > 1:
        turn += " …"
    words = [f"{column.model}: {shape.words}"]
    if turn:
        lo, hi = numbers.count(row["ci_lo"]), numbers.count(row["ci_hi"])
        words.append(f"turns at {turn} tokens ({lo} to {hi})")
    words += _effects(row)
    if pd.notna(row["p_adjusted"]):
        words.append(f"adjusted p {numbers.p_value(row['p_adjusted'])}")
    tentative = shape.key in TURNING and bool(row["p_adjusted"] >= _LEVEL)
    if tentative:
        words.append("not significant once adjusted")
    return Cell(
        shape, turn, strength(row), "; ".join(words), column.label, first,
        turn_at=int(row["flip_at"]) if turn and pd.notna(row["flip_at"]) else None,
        stderrs=round(_stderrs(row), 1), is_tentative=tentative,
    )  # fmt: skip


def _effects(row: pd.Series) -> list[str]:
    arms = (("before", "effect_before"), ("after", "effect_after"))
    return [
        f"{word} {numbers.change(row[name])} ({numbers.stderrs(row[name + '_se'])})"
        for word, name in arms
        if pd.notna(row[name])
    ]


def strength(row: pd.Series) -> int:
    """Return 0 to 3: the weaker arm's change below 2, 4, 8 standard errors, or above."""
    if row["verdict"] in ("inconclusive", "flat"):
        return 0
    if pd.isna([row["effect_before_se"], row["effect_after_se"]]).all():
        return 1
    return sum(_stderrs(row) >= bar for bar in (2.0, 4.0, 8.0))


def _stderrs(row: pd.Series) -> float:
    """Return the standard errors of the weaker arm of a turn, of the stronger without a turn."""
    changes = [abs(row[name]) for name in ("effect_before_se", "effect_after_se")]
    known = [float(change) for change in changes if pd.notna(change)]
    if not known or row["verdict"] in ("inconclusive", "flat"):
        return 0.0
    return min(known) if row["verdict"] in TURNING else max(known)
