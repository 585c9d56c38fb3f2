"""From stage to stage of tuning: where each model ends, a line per size, a panel per task.

In: trends of one metric and setting. Out: a chart with its data.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._pairs import last_trusted
from ckpt_analyzer.charts._panel import BAND_STDERRS
from ckpt_analyzer.charts._series import SETTING, size_labels, sizes_of
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.suite import ARMS

_COLUMNS = 3


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return a panel per task with the arms in the order of tuning; flips are not shown.

    Raises
    ------
    UserError
        If `trends` holds more than one metric or setting, or no tuned model with its base.
    """
    require_one(trends, ("metric", *SETTING))
    rows = slope_rows(trends)
    if rows.empty:
        raise UserError(
            "no tuned model was scored together with its base model",
            where=f"arms: {', '.join(sorted(trends['arm'].unique()))}",
            hint="draw metric-over-tokens instead",
        )
    sizes = [size for size in sizes_of(trends) if size in set(rows["size"])]
    arms: list[str] = [arm for arm in ARMS if arm in set(rows["arm"])]
    return _style.dress(draw_slopes(rows, sizes, arms, str(trends["metric"].iloc[0])), len(sizes))


def slope_rows(trends: pd.DataFrame, flips: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return ``task``, ``size``, ``origin`` (the base model), ``arm``, ``value``, ``lo``, ``hi``.

    A row per model that was tuned, or tuned from one that was scored; bounds are 95 % intervals,
    missing where no error is known.
    """
    last = last_trusted(trends.assign(label=size_labels(trends)))
    last["origin"] = last["base_model"].where(last["arm"] != "base", last["model"])
    n_arms = last.groupby(["suite", "task", "origin"])["arm"].transform("nunique")
    has_base = last["origin"].isin(last.loc[last["arm"] == "base", "model"])
    rows = last[(n_arms > 1) & has_base].assign(size=lambda found: found["label"])
    reach = BAND_STDERRS * rows["stderr"].astype(float)
    return rows.assign(lo=rows["value"] - reach, hi=rows["value"] + reach)[
        ["task", "size", "origin", "arm", "value", "lo", "hi"]
    ].reset_index(drop=True)


def draw_slopes(
    rows: pd.DataFrame, sizes: list[str], arms: list[str], value_title: str
) -> alt.FacetChart:
    """Return the chart; a vertical bar is the interval of a mean."""
    x = alt.X("arm:N", sort=arms, title=None, axis=alt.Axis(labelAngle=0, ticks=False))
    y = alt.Y("value:Q", title=value_title, scale=alt.Scale(zero=False, nice=False, padding=8))
    colour = alt.Scale(domain=sizes)
    stroke = alt.Stroke("size:N", scale=colour, sort=sizes, title="size")
    base = alt.Chart().encode(x=x)
    line = base.mark_line(strokeWidth=1.8).encode(y=y, stroke=stroke, detail="origin:N")
    bar = base.mark_rule(strokeWidth=1.2, opacity=0.6).encode(
        y=alt.Y("lo:Q", title=value_title), y2="hi:Q", stroke=stroke
    )
    point = base.mark_point(filled=True, size=34, strokeWidth=0, opacity=1).encode(
        y=y,
        fill=alt.Fill("size:N", scale=colour, sort=sizes, legend=None),
        tooltip=[
            alt.Tooltip("task:N"),
            alt.Tooltip("arm:N"),
            alt.Tooltip("size:N"),
            alt.Tooltip("value:Q", format=".3~f"),
        ],
    )
    layered = alt.layer(bar, line, point, data=rows).properties(
        width=max(110, 60 * len(arms)), height=140
    )
    header = alt.Header(title=None, labelAnchor="start", labelFontWeight=600, labelLimit=225)
    return layered.facet(
        facet=alt.Facet("task:N", header=header, sort=None), columns=_COLUMNS, spacing=16
    )


CHART = Chart(
    name="stage-slopes",
    title="From stage to stage of tuning",
    description="The end of each arm in the order of tuning, a line per size, task by task.",
    draw=draw,
    one_task=False,
    rows=slope_rows,
)
