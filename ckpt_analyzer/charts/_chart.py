"""The record of a chart: a drawing of trends and their flips.

Charts are declared in ``ckpt_analyzer/charts``, one file each. A chart reads ``tables.TRENDS`` and
``tables.FLIPS`` as frames and shows in a notebook by itself. Pure record: altair is imported by the
files that draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True)
class Chart:
    """A drawing of trends.

    Parameters
    ----------
    name
        The key, e.g. ``metric-over-tokens``.
    draw
        Takes trends and flips of one metric and one setting, returns the chart with its data.
    one_task
        Whether `draw` takes the rows of one task only.
    rows
        Takes what `draw` does, returns the numbers that are drawn where these are not the trends
        themselves.
    draw_moving
        Does what `draw` does, and takes the fitted movement of turns with size besides; only a
        chart that shows it has one.
    draw_rows
        Takes what `rows` returned, bettered by differences that are paired by item, and trends;
        only a chart of such differences has one.
    of_seeds
        Whether `draw` takes sizes only that were trained with several seeds.
    """

    name: str
    title: str
    description: str
    draw: Callable[[pd.DataFrame, pd.DataFrame], alt.TopLevelMixin]
    one_task: bool
    rows: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame] | None = None
    draw_moving: Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], alt.TopLevelMixin] | None = (
        None
    )
    draw_rows: Callable[[pd.DataFrame, pd.DataFrame], alt.TopLevelMixin] | None = None
    of_seeds: bool = False
