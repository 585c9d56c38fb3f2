"""What tuning changed: base and tuned model joined by a line, a row per task.

In: trends of one metric and setting. Out: a chart with its data; or, for the report, a chart whose
data is only named and filled in by the page.
"""

from __future__ import annotations

from typing import cast

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._pairs import last_pairs
from ckpt_analyzer.charts._panel import Rows, faded
from ckpt_analyzer.charts._series import SETTING, sizes_of
from ckpt_analyzer.errors import UserError


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return a row per task with a line from base to tuned per size; flips are not shown.

    Raises
    ------
    UserError
        If `trends` holds more than one metric or setting, or no tuned model with its base.
    """
    require_one(trends, ("metric", *SETTING))
    rows = dumbbell_rows(trends)
    if rows.empty:
        raise UserError(
            "no tuned model was scored together with its base model",
            where=f"arms: {', '.join(sorted(trends['arm'].unique()))}",
            hint="draw metric-over-tokens instead",
        )
    sizes = [size for size in sizes_of(trends) if size in set(rows["size"])]
    chart = draw_dumbbells(rows, sizes, str(trends["metric"].iloc[0]))
    return _style.dress(alt.hconcat(chart), len(sizes))


def dumbbell_rows(trends: pd.DataFrame) -> pd.DataFrame:
    """Return ``row`` (task, and arm where there are several), ``size``, ``base`` and ``tuned``."""
    pairs = last_pairs(trends)
    one_arm = pairs["arm"].nunique() <= 1
    row = pairs["task"] if one_arm else pairs["task"] + " · " + pairs["arm"]
    return pd.DataFrame(
        {
            "row": row,
            "size": pairs["label"],
            "base": pairs["value_base"],
            "tuned": pairs["value"],
        }
    )


def draw_dumbbells(rows: Rows, sizes: list[str], value_title: str) -> alt.LayerChart:
    """Return the chart: hollow where the base model ended, filled where the tuned one did."""
    y = alt.Y("row:N", sort=None, title=None, axis=alt.Axis(ticks=False, labelLimit=220))
    offset = alt.YOffset("size:N", sort=sizes)
    colour = alt.Scale(domain=sizes)
    scale = alt.Scale(zero=False, nice=False, padding=12)
    tooltip = [
        alt.Tooltip("row:N", title="task"),
        alt.Tooltip("size:N"),
        alt.Tooltip("base:Q", format=".3~f"),
        alt.Tooltip("tuned:Q", format=".3~f"),
    ]
    base = alt.Chart().encode(y=y, yOffset=offset, tooltip=tooltip)
    axis = alt.Axis(tickCount=6)
    x = alt.X("tuned:Q", title=value_title, scale=scale, axis=axis)
    line = base.mark_rule(strokeWidth=2).encode(
        opacity=faded(0.55),
        x=alt.X("base:Q", title=value_title, scale=scale, axis=axis),
        x2="tuned:Q",
        stroke=alt.Stroke("size:N", scale=colour, legend=None),
    )
    hollow = base.mark_point(size=40, strokeWidth=1.6, filled=False).encode(
        opacity=faded(1.0),
        x=alt.X("base:Q", title=value_title, scale=scale, axis=axis),
        stroke=alt.Stroke("size:N", scale=colour, legend=None),
    )
    filled = base.mark_point(size=46, filled=True, strokeWidth=0).encode(
        x=x, fill=alt.Fill("size:N", scale=colour, legend=None), opacity=faded(1.0)
    )
    layered = cast(alt.LayerChart, alt.layer(line, hollow, filled, data=rows))
    height = alt.Step(11, **{"for": "offset"})
    isolated = alt.param(name="isolated", value=None)
    return layered.properties(width=420, height=height).add_params(isolated)


CHART = Chart(
    name="base-to-tuned",
    title="From base to tuned",
    description="The last checkpoint of each base model joined to that of its tuned model.",
    draw=draw,
    one_task=False,
    rows=lambda trends, flips: dumbbell_rows(trends),
)
