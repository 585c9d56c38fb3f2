"""Trends over in-context examples: a table per metric, a row per task and model.

In: trends and flips of all settings. Out: rows in words for the template, at the last trusted
checkpoint of each model. Empty where there is one number of shots alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.verdicts import UNKNOWN, Verdict, verdict
from ckpt_analyzer.html_report.views import View

_SERIES = ["suite", "model", "arm", "task"]


@dataclass(frozen=True)
class ShotRow:
    """One curve over shots: its values, in the order of the table's columns, and its verdict."""

    card: TaskCard
    model: str
    step: str
    values: tuple[str, ...]
    verdict: Verdict
    turn: str


@dataclass(frozen=True)
class ShotTable:
    """The curves of one metric, prompt format and dtype."""

    shots: tuple[int, ...]
    rows: tuple[ShotRow, ...]


@dataclass(frozen=True)
class ShotTables:
    """What the tables are read from; each is made when the page asks for it."""

    trends: pd.DataFrame
    flips: pd.DataFrame
    cards: Mapping[str, TaskCard]

    def __bool__(self) -> bool:
        """Whether any curve over shots has more than one point."""
        return bool(self.trends["shots"].nunique() > 1)

    def of(self, view: View) -> ShotTable:
        """Return the table of the metric, prompt format and dtype of `view`.

        A model that was scored with one number of shots alone has no trend over them, and no row.
        """
        trends = _of(self.trends, view)
        trends = trends[trends["suspect"].isna() & trends["task"].isin(set(self.cards))]
        flips = _of(self.flips, view)
        flips = flips[flips["axis"] == "shots"]
        trends = trends[trends["step"] == trends.groupby(_SERIES)["step"].transform("max")]
        trends = trends[trends.groupby(_SERIES)["shots"].transform("nunique") > 1]
        shots = tuple(sorted(int(n) for n in trends["shots"].unique()))
        groups = _from_smallest_base(trends).groupby(_SERIES, sort=False)
        rows = (self._row(rows, flips, shots) for _, rows in groups)
        order = {name: place for place, name in enumerate(self.cards)}
        return ShotTable(shots, tuple(sorted(rows, key=lambda row: order[row.card.name])))

    def _row(self, rows: pd.DataFrame, flips: pd.DataFrame, shots: tuple[int, ...]) -> ShotRow:
        first = rows.iloc[0]
        values = dict(zip(rows["shots"], rows["value"], strict=True))
        step = int(first["step"])
        place = f"{first['size']}, step {step}"
        of_series = (flips[_SERIES] == first[_SERIES]).all(axis=1) & (flips["size"] == place)
        found = flips[of_series]
        at = None if found.empty else found["flip_at"].iloc[0]
        return ShotRow(
            card=self.cards[str(first["task"])],
            model=str(first["model"]),
            step=numbers.integer(step),
            values=tuple(numbers.value(values.get(n)) for n in shots),
            verdict=UNKNOWN if found.empty else verdict(str(found["verdict"].iloc[0])),
            turn="" if at is None or pd.isna(at) else f"at {at:.0f} shots",
        )


def _from_smallest_base(trends: pd.DataFrame) -> pd.DataFrame:
    is_tuned = trends["arm"] != "base"
    return trends.assign(is_tuned=is_tuned).sort_values(["is_tuned", "parameters"], kind="stable")


def _of(frame: pd.DataFrame, view: View) -> pd.DataFrame:
    return frame[
        (frame["metric"] == view.metric.name)
        & (frame["prompt_format"] == view.setting.prompt_format)
        & (frame["dtype"] == view.setting.dtype)
    ]
