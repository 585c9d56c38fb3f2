"""The atlas of flips: where in training each size turns, task by task.

In: trends and flips of one metric and setting. Out: a chart with its data: the turning point with
its interval against the model's size, for every task that turns at two sizes or more.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._panel import Rows
from ckpt_analyzer.charts._series import (
    SETTING,
    place_flips,
    round_places,
    size_labels,
    sizes_of,
)
from ckpt_analyzer.errors import UserError


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return a row of the atlas per task and arm with two flips or more.

    Raises
    ------
    UserError
        If `trends` holds more than one metric or setting, or no task turns at two sizes.
    """
    require_one(trends, ("metric", *SETTING))
    rows = atlas_rows(trends, flips)
    if rows.empty:
        raise UserError(
            "no task turns at two sizes or more",
            where=f"{len(flips)} verdicts",
            hint="draw metric-over-tokens instead",
        )
    sizes = [size for size in sizes_of(trends) if size in set(rows["size"])]
    ticks = round_places(float(rows["lo"].min()), float(rows["hi"].max()))
    return _style.dress(draw_atlas(rows, sizes, ticks), len(sizes))


def atlas_rows(trends: pd.DataFrame, flips: pd.DataFrame) -> pd.DataFrame:
    """Return the flips of all tasks and arms that turn at two sizes or more.

    Returns
    -------
    pandas.DataFrame
        ``row`` (task and arm), ``size``, ``parameters``, ``x``, ``lo``, ``hi`` (tokens),
        ``verdict``.
    """
    labels = trends.assign(label=size_labels(trends)).groupby(["suite", "model"])["label"].first()
    marks = place_flips(flips, trends)
    marks["size"] = [labels.get(key) for key in zip(marks["suite"], marks["model"], strict=True)]
    one_arm = trends["arm"].nunique() == 1
    marks["row"] = marks["task"] if one_arm else marks["task"] + " · " + marks["arm"]
    several = marks.groupby("row")["size"].transform("nunique") >= 2
    return marks[several][["row", "size", "parameters", "x", "lo", "hi", "verdict"]]


def draw_atlas(rows: Rows, sizes: list[str], ticks: list[float]) -> alt.FacetChart:
    """Return the atlas; `sizes` run from the smallest, `ticks` are tokens on the axis."""
    title = "turns at tokens of its own arm, with the interval"
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(labelExpr=_style.COUNT_LABEL, values=ticks, grid=True),
        title=title,
    )
    y = alt.Y("size:N", sort=list(reversed(sizes)), title=None, axis=alt.Axis(ticks=False))
    colour = alt.Scale(domain=sizes)
    shapes = alt.Scale(domain=["U", "inverted_U"], range=["triangle-down", "triangle-up"])
    base = alt.Chart().encode(y=y)
    interval = base.mark_rule(strokeWidth=2.5, opacity=0.6).encode(
        x=alt.X("lo:Q", title=title),
        x2="hi:Q",
        color=alt.Color("size:N", scale=colour, legend=None),
    )
    marker = base.mark_point(style="flip", size=90, strokeWidth=1, filled=False).encode(
        x=x,
        fill=alt.Fill("size:N", scale=colour, legend=None),
        shape=alt.Shape("verdict:N", scale=shapes, legend=None),
        tooltip=[
            alt.Tooltip("row:N", title="task"),
            alt.Tooltip("size:N"),
            alt.Tooltip("verdict:N"),
            alt.Tooltip("x:Q", title="turns at tokens", format=",.0f"),
            alt.Tooltip("lo:Q", title="interval from", format=",.0f"),
            alt.Tooltip("hi:Q", title="interval to", format=",.0f"),
        ],
    )
    layered = alt.layer(interval, marker, data=rows).properties(width=420, height=alt.Step(16))
    header = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelFontWeight=600)
    return layered.facet(row=alt.Row("row:N", header=header), spacing=14)


CHART = Chart(
    name="flip-atlas",
    title="Where trends turn",
    description="Turning points with their intervals against model size, task by task.",
    draw=draw,
    one_task=False,
    rows=atlas_rows,
)
