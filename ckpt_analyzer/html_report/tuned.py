"""What tuning did beyond single tasks: per cause and size, to flips, and to single items.

In: the tables of a comparison. Out: rows of text for one view. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.verdicts import Verdict, verdict
from ckpt_analyzer.html_report.views import View

_LEVEL = 0.05
#: Items that are shown of each task, broken and mended ones each, and the length of their texts.
_SHOWN, _MOST_CHARACTERS = 3, 600
_LEVELS = {"cause": "cause", "size": "size", "all": "all"}


@dataclass(frozen=True)
class Question:
    """A question of the literature and its answer, or what would have to be scored."""

    question: str
    answer: str
    is_answered: bool


@dataclass(frozen=True)
class TuningTables:
    """What a page shows of tuning; every table has ``suite`` and the columns of a view.

    Parameters
    ----------
    groups
        level, cause, size, base, tuned, n_tasks, n_sizes, difference, ci_lo, ci_hi, p_adjusted.
    shapes
        task, size, base, tuned, verdict_base, flip_at_base, difference, p_adjusted, change.
    items
        task, base, tuned, item, change, n_broken, n_mended, n_models, context, choices, gold.
    """

    groups: pd.DataFrame
    shapes: pd.DataFrame
    items: pd.DataFrame


@dataclass(frozen=True)
class GroupRow:
    """The mean difference over a group of tasks and sizes."""

    pair: str
    over: str
    n_tasks: int
    n_sizes: int
    difference: str
    interval: str
    p_adjusted: str
    direction: str


@dataclass(frozen=True)
class ShapeRow:
    """What the end of tuning makes of a flip of training."""

    card: TaskCard
    size: str
    pair: str
    verdict: Verdict
    turn: str
    difference: str
    change: str


@dataclass(frozen=True)
class ItemRow:
    """An item that tuning broke or mended."""

    card: TaskCard
    pair: str
    change: str
    where: str
    context: str
    choices: tuple[str, ...]
    gold: int


@dataclass(frozen=True)
class TunedView:
    """All of it for one metric and setting."""

    groups: list[GroupRow]
    shapes: list[ShapeRow]
    items: list[ItemRow]


def tuned_view(
    tables: TuningTables | None,
    view: View,
    cards: Mapping[str, TaskCard],
    sizes: Sequence[str] = (),
) -> TunedView:
    """Return the rows of `view`, in the order of `cards` and `sizes`; none without tables."""
    if tables is None:
        return TunedView([], [], [])
    return TunedView(
        groups=_group_rows(
            _grouped(view.rows(tables.groups), cards, sizes), view.metric.higher_is_better
        ),
        shapes=_shape_rows(_ordered(view.rows(tables.shapes), cards), cards),
        items=_item_rows(_ordered(view.rows(tables.items), cards), cards),
    )


def _ordered(rows: pd.DataFrame, cards: Mapping[str, TaskCard]) -> pd.DataFrame:
    place = {name: i for i, name in enumerate(cards)}
    return rows.sort_values("task", key=lambda names: names.map(place), kind="stable")


def _grouped(
    groups: pd.DataFrame, cards: Mapping[str, TaskCard], sizes: Sequence[str]
) -> pd.DataFrame:
    """Return causes in the order of the page, the tasks without one last, then sizes, then all."""
    levels = {level: i for i, level in enumerate(_LEVELS)}
    known = [*dict.fromkeys(card.cause for card in cards.values() if card.cause), *sizes]
    place = {name: i for i, name in enumerate(known)}
    key = groups["cause"].where(groups["level"] == "cause", groups["size"])
    order = pd.DataFrame(
        {"level": groups["level"].map(levels), "place": key.map(place).fillna(len(place))}
    )
    return groups.loc[order.sort_values(["level", "place"], kind="stable").index]


def _pair(row: Mapping[str, object], suites: Sequence[str]) -> str:
    words = f"{row['base']} → {row['tuned']}"
    return f"{row['suite']}: {words}" if len(suites) > 1 else words


def _group_rows(groups: pd.DataFrame, higher_is_better: bool | None) -> list[GroupRow]:
    suites = list(groups["suite"].unique())
    rows = []
    for row in groups[groups["level"].isin(_LEVELS)].to_dict("records"):
        named = str(row["cause"] or row["size"] or "all tasks and sizes")
        rows.append(
            GroupRow(
                pair=_pair({str(k): v for k, v in row.items()}, suites),
                over=named.capitalize() if row["level"] != "size" else named,
                n_tasks=int(row["n_tasks"]),
                n_sizes=int(row["n_sizes"]),
                difference=numbers.change(row["difference"]),
                interval=f"{numbers.change(row['ci_lo'])} to {numbers.change(row['ci_hi'])}",
                p_adjusted=numbers.p_value(row["p_adjusted"]),
                direction=_direction(row["difference"], row["p_adjusted"], higher_is_better),
            )
        )
    return rows


def _direction(difference: float, p_adjusted: float, higher_is_better: bool | None) -> str:
    if not p_adjusted < _LEVEL:
        return ""
    if higher_is_better is None:
        return "higher" if difference > 0 else "lower"
    return "better" if (difference > 0) == higher_is_better else "worse"


def _shape_rows(shapes: pd.DataFrame, cards: Mapping[str, TaskCard]) -> list[ShapeRow]:
    suites = list(shapes["suite"].unique())
    turned = shapes[shapes["verdict_base"].isin(("U", "inverted_U"))]
    return [
        ShapeRow(
            card=cards[str(row["task"])],
            size=str(row["size"]),
            pair=_pair({str(k): v for k, v in row.items()}, suites),
            verdict=verdict(str(row["verdict_base"])),
            turn=numbers.count(row["flip_at_base"]),
            difference=numbers.change(row["difference"]),
            change=str(row["change"]),
        )
        for row in turned.to_dict("records")
    ]


def _item_rows(items: pd.DataFrame, cards: Mapping[str, TaskCard]) -> list[ItemRow]:
    suites = list(items["suite"].unique())
    known = items[items["context"].notna()]
    shown = known.groupby(["suite", "base", "tuned", "task", "change"], sort=False).head(_SHOWN)
    rows = []
    for row in shown.to_dict("records"):
        n = int(row["n_broken"] if row["change"] == "broken" else row["n_mended"])
        rows.append(
            ItemRow(
                card=cards[str(row["task"])],
                pair=_pair({str(k): v for k, v in row.items()}, suites),
                change=str(row["change"]),
                where=f"at {n} of {row['n_models']} models",
                context=_cut(str(row["context"])),
                choices=tuple(_cut(str(text)) for text in row["choices"]),
                gold=int(row["gold"]),
            )
        )
    return rows


def _cut(text: str) -> str:
    """Return the end of a long text: the question stands there."""
    shown = text.replace("\r", "␍")
    return shown if len(shown) <= _MOST_CHARACTERS else f"… {shown[-_MOST_CHARACTERS:]}"
