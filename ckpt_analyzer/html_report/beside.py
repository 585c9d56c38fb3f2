"""What other stores differ in from the first, at the last checkpoint that both hold.

In: the tables of a comparison of stores. Out: rows of text for one view. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.verdicts import verdict
from ckpt_analyzer.html_report.views import View

_LEVEL = 0.05


@dataclass(frozen=True)
class Beside:
    """Stores side by side.

    Parameters
    ----------
    points
        task, arm, size, parameters, metric, shots, prompt_format, dtype (of the reference),
        reference, store, tokens_base, value_base, value_tuned, difference, ci_lo, ci_hi,
        n_broken, n_mended, p_adjusted, is_paired: one row per series and other store.
    shapes
        The same key, verdict_base, flip_at_base, verdict_tuned, flip_at_tuned, change.
    notes
        What a reader must know of the data behind them.
    """

    points: pd.DataFrame
    shapes: pd.DataFrame
    notes: Sequence[str]


@dataclass(frozen=True)
class BesideRow:
    """One series of another store beside that of the first.

    Parameters
    ----------
    n_fell, n_rose
        Items whose score is lower and higher in the other store.
    change
        What becomes of the verdict over training.
    """

    card: TaskCard
    store: str
    size: str
    arm: str
    tokens: str
    reference: str
    other: str
    difference: str
    interval: str
    n_fell: str
    n_rose: str
    p_adjusted: str
    direction: str
    is_paired: bool
    change: str


def beside_rows(
    beside: Beside | None, view: View, cards: Mapping[str, TaskCard]
) -> list[BesideRow]:
    """Return the rows of `view` in the order of the page, one store after the other."""
    if beside is None or beside.points.empty:
        return []
    points = view.rows(beside.points)
    place = {name: i for i, name in enumerate(cards)}
    ordered = points.assign(place=points["task"].map(place)).sort_values(
        ["store", "place", "parameters", "arm"], kind="stable"
    )
    shapes = {_key(row): row for _, row in view.rows(beside.shapes).iterrows()}
    better = view.metric.higher_is_better
    return [
        _row(row, shapes.get(_key(row)), cards[row["task"]], better)
        for _, row in ordered.iterrows()
    ]


def _key(row: pd.Series) -> tuple[object, ...]:
    return tuple(row[name] for name in ("store", "task", "arm", "model_base", "model_tuned"))


def _row(
    row: pd.Series, shape: pd.Series | None, card: TaskCard, higher_is_better: bool | None
) -> BesideRow:
    low, high = numbers.change(row["ci_lo"]), numbers.change(row["ci_hi"])
    return BesideRow(
        card=card,
        store=str(row["store"]),
        size=str(row["size"]),
        arm=str(row["arm"]),
        tokens=numbers.count(row["tokens_base"]),
        reference=numbers.value(row["value_base"]),
        other=numbers.value(row["value_tuned"]),
        difference=numbers.change(row["difference"]),
        interval=f"{low} to {high}" if numbers.MISSING not in (low, high) else numbers.MISSING,
        n_fell=numbers.integer(row["n_broken"]),
        n_rose=numbers.integer(row["n_mended"]),
        p_adjusted=numbers.p_value(row["p_adjusted"]),
        direction=_direction(row, higher_is_better),
        is_paired=bool(row["is_paired"]),
        change="" if shape is None else _change(shape),
    )


def _direction(row: pd.Series, higher_is_better: bool | None) -> str:
    if not row["p_adjusted"] < _LEVEL:
        return ""
    if higher_is_better is None:
        return "higher" if row["difference"] > 0 else "lower"
    return "better" if (row["difference"] > 0) == higher_is_better else "worse"


def _change(shape: pd.Series) -> str:
    """Return both verdicts with their turns, once where they are the same word."""
    words = [
        f"{verdict(str(shape[f'verdict_{side}'])).short} {_turn(shape[f'flip_at_{side}'])}".strip()
        for side in ("base", "tuned")
    ]
    return words[0] if words[0] == words[1] else " → ".join(words)


def _turn(place: float | None) -> str:
    return "" if place is None or pd.isna(place) else f"at {numbers.count(place)}"
