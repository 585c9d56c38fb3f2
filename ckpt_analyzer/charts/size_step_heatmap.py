"""Size by checkpoint as a heat map: where in training and at which size a metric is high.

In: trends of one task, metric and setting. Out: a chart with its data; or, for the report, a map
of one panel whose data is only named and filled in by the page.
"""

from __future__ import annotations

from typing import cast

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._panel import Rows
from ckpt_analyzer.charts._series import (
    SETTING,
    Panel,
    axis_tokens,
    panels_of,
    size_labels,
    sizes_of,
)


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return one map per suite and arm; flips are not shown.

    Raises
    ------
    UserError
        If `trends` holds more than one task, metric or setting.
    """
    require_one(trends, ("task", "metric", *SETTING))
    sizes = sizes_of(trends)
    rows = trends.assign(size=size_labels(trends), x=axis_tokens(trends))
    metric = str(trends["metric"].iloc[0])
    maps = [
        draw_map(
            panel,
            rows[(rows["suite"] == panel.suite) & (rows["arm"] == panel.arm)][
                ["size", "x", "step", "value", "suspect"]
            ],
            metric,
            legend_title=metric,
        ).properties(title=panel.title)
        for panel in panels_of(trends, sizes)
    ]
    chart = alt.hconcat(*maps, title=str(trends["task"].iloc[0]))
    return _style.dress(chart, len(sizes))


def draw_map(
    panel: Panel, rows: Rows, value_title: str, legend_title: str | None = None
) -> alt.LayerChart:
    """Return the map of `panel`: a column per checkpoint, the largest size on top.

    Parameters
    ----------
    legend_title
        Needed where nothing else on the page says which metric the colours show.
    """
    x = alt.X(
        "x:O",
        title=panel.axis_title(),
        axis=alt.Axis(labelExpr=_style.COUNT_LABEL, labelAngle=0, labelSeparation=12, ticks=False),
        scale=alt.Scale(padding=0),
    )
    y = alt.Y("size:N", title=None, sort=list(reversed(panel.sizes)), axis=alt.Axis(ticks=False))
    length = min(110, 20 * len(panel.sizes) + 20)  # below the map stand the labels of its axis
    colour = alt.Color(
        "value:Q",
        title=legend_title,
        scale=alt.Scale(zero=False),
        legend=alt.Legend(
            gradientThickness=10, gradientLength=length, tickCount=4 if length > 60 else 2
        ),
    )
    cells = (
        alt.Chart(rows)
        .mark_rect()
        .encode(
            x=x,
            y=y,
            color=colour,
            tooltip=[
                alt.Tooltip("size:N"),
                alt.Tooltip("x:Q", title="tokens", format=",.0f"),
                alt.Tooltip("step:Q", format=",.0f"),
                alt.Tooltip("value:Q", title=value_title, format=".3~f"),
            ],
        )
    )
    suspects = (
        alt.Chart(rows)
        .transform_filter("!!datum.suspect")
        .mark_text(text="×", fontSize=11, fill="white", stroke="black", strokeWidth=0.4)
        .encode(x=x, y=y)
    )
    chart = cast(alt.LayerChart, alt.layer(cells, suspects))
    return chart.properties(width=420, height=20 * len(panel.sizes))


CHART = Chart(
    name="size-step-heatmap",
    title="Size by checkpoint",
    description="A cell per size and checkpoint; suspect checkpoints are crossed.",
    draw=draw,
    one_task=True,
)
