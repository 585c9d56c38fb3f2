"""The views of a page: which metric and which setting the reader looks at.

In: trends and the metrics' records. Out: the choices of the two switches, and the rows of each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.charts._series import SETTING
from ckpt_analyzer.metric import Metric


@dataclass(frozen=True)
class MetricChoice:
    """A metric on the switch."""

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    description: str


@dataclass(frozen=True)
class SettingChoice:
    """Shots, prompt format and dtype on the switch."""

    shots: int
    prompt_format: str
    dtype: str
    title: str


@dataclass(frozen=True)
class View:
    """One metric in one setting."""

    metric_index: int
    setting_index: int
    metric: MetricChoice
    setting: SettingChoice

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of `frame` that the view shows."""
        return frame[
            (frame["metric"] == self.metric.name)
            & (frame["shots"] == self.setting.shots)
            & (frame["prompt_format"] == self.setting.prompt_format)
            & (frame["dtype"] == self.setting.dtype)
        ]


def metric_choices(trends: pd.DataFrame, known: Sequence[Metric]) -> list[MetricChoice]:
    """Return the metrics of `trends`, those that are known by record first and in that order."""
    records = {metric.name: metric for metric in known}
    present = list(dict.fromkeys(trends["metric"]))
    ordered = [name for name in records if name in present]
    ordered += [name for name in present if name not in records]
    choices = []
    for name in ordered:
        record = records.get(name)
        choices.append(
            MetricChoice(name, record.title, record.unit, record.higher_is_better,
                         record.description)
            if record
            else MetricChoice(name, _title(name), "", None, "")
        )  # fmt: skip
    return choices


def setting_choices(trends: pd.DataFrame) -> list[SettingChoice]:
    """Return the settings of `trends`, named by what differs.

    Fewest shots come first, then the prompt format that most models have: base models have no chat
    template, and a page that opened with it would show tuned ones alone.
    """
    models = trends.groupby("prompt_format")["model"].nunique()
    found = trends[list(SETTING)].drop_duplicates()
    found = found.assign(n_models=found["prompt_format"].map(models)).sort_values(
        ["shots", "n_models", "prompt_format", "dtype"], ascending=[True, False, True, True]
    )
    differs = [name for name in SETTING if found[name].nunique() > 1] or ["shots"]
    choices = []
    for row in found.to_dict("records"):
        words = {
            "shots": f"{row['shots']}-shot",
            "prompt_format": str(row["prompt_format"]),
            "dtype": str(row["dtype"]),
        }
        title = " · ".join(words[name] for name in differs)
        choices.append(
            SettingChoice(int(row["shots"]), words["prompt_format"], words["dtype"], title)
        )
    return choices


def views(metrics: Sequence[MetricChoice], settings: Sequence[SettingChoice]) -> list[View]:
    """Return every metric in every setting, the first metric's views first."""
    return [
        View(i, j, metric, setting)
        for i, metric in enumerate(metrics)
        for j, setting in enumerate(settings)
    ]


def _title(name: str) -> str:
    return re.sub(r"[_-]+", " ", name).capitalize()
