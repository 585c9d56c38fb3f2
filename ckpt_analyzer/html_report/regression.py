"""The size-by-tokens regression as rows of text: one per task and metric, three effects each.

In: task, effect, t, df, p, p_adjusted, and columns that tell several regressions of a task apart.
Out: rows for the template, in the order of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import TaskCard

EFFECTS = ("parameters", "tokens", "interaction")
_GROUP = ("suite", "arm", "shots", "prompt_format", "dtype", "metric")


@dataclass(frozen=True)
class EffectCell:
    """One effect: its t statistic, its adjusted p, and the direction if it is significant."""

    t: str
    p: str
    sign: str


@dataclass(frozen=True)
class RegressionRow:
    """The regression of one task; `which` tells it from others of the task."""

    card: TaskCard
    which: str
    df: str
    cells: tuple[EffectCell, ...]


def regressed(table: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Return the metrics that were fitted in words; `titles` are those of the page."""
    if "metric" not in table.columns:
        return ["the metric"]
    return [titles.get(name, name).lower() for name in table["metric"].unique()]


def regression_rows(
    table: pd.DataFrame, cards: Mapping[str, TaskCard], titles: Mapping[str, str]
) -> list[RegressionRow]:
    """Return the rows of all tasks of the page that were fitted."""
    differs = [name for name in _GROUP if name in table.columns and table[name].nunique() > 1]
    rows = []
    for name, card in cards.items():
        for key, mine in table[table["task"] == name].groupby([*differs, "task"], sort=False):
            effects = {str(row["effect"]): row for _, row in mine.iterrows()}
            cells = tuple(_cell(effects.get(effect)) for effect in EFFECTS)
            which = " · ".join(map(partial(_part, titles), differs, key))
            rows.append(RegressionRow(card, which, numbers.integer(mine["df"].iloc[0]), cells))
    return rows


def _part(titles: Mapping[str, str], column: str, value: object) -> str:
    if column == "shots":
        return f"{value}-shot"
    return titles.get(str(value), str(value)).lower() if column == "metric" else str(value)


def _cell(row: pd.Series | None) -> EffectCell:
    if row is None:
        return EffectCell(numbers.MISSING, "", "")
    sign = ""
    if row["p_adjusted"] < 0.05:
        sign = "up" if row["t"] > 0 else "down"
    t = f"{row['t']:.2f}".replace("-", "−")
    return EffectCell(t, numbers.p_value(row["p_adjusted"]), sign)
