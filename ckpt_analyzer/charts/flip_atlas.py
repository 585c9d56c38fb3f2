"""The atlas of flips: the turning point against the model's size, task by task.

In: trends and flips of one metric and setting, and the fitted lines of the turning points where
there are any. Out: a chart with its data, for every task that turns at two sizes or more.
"""

from __future__ import annotations

import json
import math

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._panel import Rows, faded
from ckpt_analyzer.charts._series import SETTING, place_flips, size_labels, sizes_of
from ckpt_analyzer.errors import UserError

_NO_FLIPS = ["row", "size", "parameters", "x", "lo", "hi", "verdict"]
_COLUMNS = 4
#: Round counts of tokens, of which an atlas shows those that it reaches.
_TOKEN_TICKS = [digit * 10.0**k for k in range(16) for digit in (1, 3)]


def draw(
    trends: pd.DataFrame, flips: pd.DataFrame, lines: pd.DataFrame | None = None
) -> alt.TopLevelMixin:
    """Return a panel of the atlas per task and arm with two flips or more.

    Parameters
    ----------
    lines
        The fitted movement of turns with size: the key of a series, ``verdict``, ``parameters``,
        ``at``, ``lo``, ``hi``.

    Raises
    ------
    UserError
        If `trends` holds more than one metric or setting, or no task turns at two sizes.
    """
    require_one(trends, ("metric", *SETTING))
    rows = atlas_rows(trends, flips, lines)
    if rows.empty:
        raise UserError(
            "no task turns at two sizes or more",
            where=f"{len(flips)} verdicts",
            hint="draw metric-over-tokens instead",
        )
    low, high = atlas_reach(rows)
    sizes = [size for size in sizes_of(trends) if size in set(rows["size"])]
    chart = draw_atlas(rows, sizes, size_ticks(trends)).add_params(
        alt.param(name="isolated", value=None),
        alt.param(name="y_min", value=low),
        alt.param(name="y_max", value=high),
    )
    chart = chart.properties(title="Where trends turn: tokens of training, by parameters")
    return _style.dress(chart, len(sizes))


def atlas_rows(
    trends: pd.DataFrame, flips: pd.DataFrame, lines: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the flips of all tasks and arms that turn at two sizes or more, and their lines.

    Returns
    -------
    pandas.DataFrame
        ``row`` (task, and suite and arm where there are several), ``size`` (empty for a point of a
        fitted line), ``parameters``, ``x``, ``lo``, ``hi`` (tokens), ``verdict``.
    """
    labels = trends.assign(label=size_labels(trends)).groupby(["suite", "model"])["label"].first()
    marks = place_flips(flips, trends)
    marks["size"] = [labels.get(key) for key in zip(marks["suite"], marks["model"], strict=True)]
    marks["row"] = _titles(marks, trends)
    several = marks.groupby("row")["size"].transform("nunique") >= 2
    shown = marks[several][_NO_FLIPS]
    if lines is None or lines.empty or shown.empty:
        return shown
    fitted = lines.assign(row=_titles(lines, trends), size="", x=lines["at"])[_NO_FLIPS]
    return pd.concat([shown, fitted[fitted["row"].isin(shown["row"])]], ignore_index=True)


def _titles(frame: pd.DataFrame, trends: pd.DataFrame) -> pd.Series:
    """Return the task of each row, with what tells it from the same task elsewhere."""
    title = frame["task"].astype(str)
    for name in ("suite", "arm"):
        if trends[name].nunique() > 1:
            title = title + " · " + frame[name].astype(str)
    return title


def atlas_reach(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the tokens that the atlas shows: all intervals; a band may go beyond."""
    flips = rows[rows["size"] != ""]
    low, high = float(flips["lo"].min()), float(flips["hi"].max())
    margin = 0.04 * math.log(high / low) if high > low else math.log(2)
    return low * math.exp(-margin), high * math.exp(margin)


def size_ticks(trends: pd.DataFrame) -> dict[str, int]:
    """Return the label of each size with its parameters, the smallest first."""
    sizes = trends.groupby("size", observed=True)["parameters"].min().sort_values()
    return {str(label): int(parameters) for label, parameters in sizes.items()}


def draw_atlas(rows: Rows, sizes: list[str], ticks: dict[str, int]) -> alt.FacetChart:
    """Return the atlas; it reads the parameters ``isolated``, ``y_min`` and ``y_max``.

    Parameters
    ----------
    sizes
        From the smallest, as their colours are ranked.
    ticks
        What the horizontal axis names.
    """
    names = ", ".join(f"'{count}': {json.dumps(label)}" for label, count in ticks.items())
    x = alt.X(
        "parameters:Q",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(
            values=sorted(ticks.values()), labelExpr=f"{{{names}}}[datum.value]", grid=False,
            labelOverlap="greedy", labelSeparation=6,
        ),
        title=None,
    )  # fmt: skip
    scale = alt.Scale(
        type="log", nice=False, domain=[alt.ExprRef(expr="y_min"), alt.ExprRef(expr="y_max")]
    )
    axis = alt.Axis(labelExpr=_style.COUNT_LABEL, values=_TOKEN_TICKS, labelOverlap="greedy")
    y = alt.Y("x:Q", scale=scale, axis=axis, title=None)
    marked = alt.Chart().transform_filter("datum.size !== ''").encode(x=x)
    fitted = alt.Chart().transform_filter("datum.size === ''").encode(x=x, detail="verdict:N")
    band = fitted.mark_area(style="reference", opacity=0.13, clip=True, strokeWidth=0).encode(
        y=alt.Y("lo:Q", scale=scale, axis=axis, title=None), y2="hi:Q"
    )
    line = fitted.mark_line(style="reference", strokeWidth=1.4, clip=True).encode(y=y)
    layered = alt.layer(band, line, *_marks(marked, y, sizes), data=rows).properties(
        width=190, height=150
    )
    header = alt.Header(
        title=None, labelOrient="top", labelAnchor="start", labelFontWeight=600, labelLimit=225
    )
    order = list(rows["row"].unique()) if isinstance(rows, pd.DataFrame) else None
    return layered.facet(
        facet=alt.Facet("row:N", header=header, sort=order), columns=_COLUMNS, spacing=18
    )


def _marks(base: alt.Chart, y: alt.Y, sizes: list[str]) -> list[alt.Chart]:
    """Return the turning points with their intervals."""
    colour = alt.Scale(domain=sizes)
    shapes = alt.Scale(domain=["U", "inverted_U"], range=["triangle-down", "triangle-up"])
    interval = base.mark_rule(strokeWidth=2.5).encode(
        y=alt.Y("lo:Q", scale=y["scale"], axis=y["axis"], title=None),
        y2="hi:Q",
        color=alt.Color("size:N", scale=colour, legend=None),
        opacity=faded(0.6),
    )
    marker = base.mark_point(style="flip", size=90, strokeWidth=1, filled=False).encode(
        y=y,
        fill=alt.Fill("size:N", scale=colour, legend=None),
        shape=alt.Shape("verdict:N", scale=shapes, legend=None),
        opacity=faded(1.0),
        tooltip=[
            alt.Tooltip("row:N", title="task"),
            alt.Tooltip("size:N"),
            alt.Tooltip("verdict:N"),
            alt.Tooltip("x:Q", title="turns at tokens", format=",.0f"),
            alt.Tooltip("lo:Q", title="interval from", format=",.0f"),
            alt.Tooltip("hi:Q", title="interval to", format=",.0f"),
        ],
    )
    return [interval, marker]


CHART = Chart(
    name="flip-atlas",
    title="Where trends turn",
    description="Turning points with their intervals against model size, task by task.",
    draw=draw,
    one_task=False,
    rows=atlas_rows,
    draw_moving=draw,
)
