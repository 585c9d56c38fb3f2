"""A metric over parameters: one curve per checkpoint and seed, coloured by tokens.

In: trends and flips of one task, metric and setting. Out: a chart with its data; or, for the
report, one panel whose data is only named and filled in by the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._across import place_across
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._panel import BAND_STDERRS, Rows, flip_layers, reference_layers
from ckpt_analyzer.charts._place import Place
from ckpt_analyzer.charts._series import (
    SETTING,
    Panel,
    axis_tokens,
    panels_of,
    size_labels,
    sizes_of,
)
from ckpt_analyzer.charts.metric_over_tokens import domain_of, labelled_references
from ckpt_analyzer.errors import UserError


@dataclass(frozen=True)
class StepRows:
    """What a panel over parameters draws.

    Parameters
    ----------
    points
        size, step, run (the seed; empty where sizes were trained once), x (parameters), tokens,
        value, stderr, is_last.
    flips
        size (the step in words), x, lo, hi (parameters), y, verdict.
    references
        label, y, label_y.
    """

    points: Rows
    flips: Rows
    references: Rows


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return one panel per suite and arm, side by side.

    Raises
    ------
    UserError
        If `trends` holds more than one task, metric or setting, or no checkpoint of two sizes.
    """
    require_one(trends, ("task", "metric", *SETTING))
    sizes = sizes_of(trends)
    panels = [panel for panel in panels_of(trends, sizes) if panel.steps]
    if not panels:
        raise UserError(
            "no two sizes share a checkpoint",
            where=f"sizes: {', '.join(sizes)}",
            hint="draw metric-over-tokens instead",
        )
    metric = str(trends["metric"].iloc[0])
    low, high = domain_of(trends)
    drawn = [
        draw_steps(panel, step_rows(panel, trends, flips), metric).properties(title=panel.title)
        for panel in panels
    ]
    row: alt.HConcatChart = alt.hconcat(*drawn, title=str(trends["task"].iloc[0]))
    row = row.resolve_scale(color="independent")
    chart = row.add_params(alt.param(name="y_min", value=low), alt.param(name="y_max", value=high))
    return _style.dress(chart, len(sizes))


def step_rows(panel: Panel, trends: pd.DataFrame, flips: pd.DataFrame) -> StepRows:
    """Return the rows that `panel` draws, out of trends and flips of one task and metric."""
    in_panel = (trends["suite"] == panel.suite) & (trends["arm"] == panel.arm)
    chosen = in_panel & trends["step"].isin(panel.steps) & trends["suspect"].isna()
    rows = trends.assign(size=size_labels(trends), x=trends["parameters"])
    rows = rows.assign(tokens=axis_tokens(trends), is_last=trends["step"] == panel.steps[-1])
    marks = place_across(flips, trends)
    marks = marks[
        (marks["suite"] == panel.suite)
        & (marks["arm"] == panel.arm)
        & (marks["axis"] == "parameters")
        & marks["step"].isin(panel.steps)
    ]
    rows = rows.assign(run=["" if pd.isna(seed) else str(int(seed)) for seed in rows["seed"]])
    return StepRows(
        points=rows[chosen][["size", "step", "run", "x", "tokens", "value", "stderr", "is_last"]],
        flips=marks[["size", "x", "lo", "hi", "y", "verdict"]],
        references=labelled_references(trends),
    )


def draw_steps(panel: Panel, rows: StepRows, y_title: str) -> alt.LayerChart:
    """Return the layered chart of `panel`."""
    place = Place(panel, y_title, "parameters")
    layers = [
        *reference_layers(rows.references, place),
        _band(rows.points, place),
        *_curves(rows.points, place),
        *flip_layers(rows.flips, place),
    ]
    chart = cast(alt.LayerChart, alt.layer(*layers))
    return chart.properties(width=420, height=260)


def _band(rows: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(rows)
        .transform_filter("datum.is_last && isValid(datum.stderr)")
        .transform_calculate(
            lo=f"datum.value - {BAND_STDERRS} * datum.stderr",
            hi=f"datum.value + {BAND_STDERRS} * datum.stderr",
        )
        .mark_area(style="hover", opacity=0.1, clip=True, strokeWidth=0)
        .encode(x=place.x(), y=place.y("lo"), y2="hi:Q", detail="run:N")
    )
    return chart


def _curves(rows: Rows, place: Place) -> list[alt.Chart]:
    colour = alt.Color(
        "tokens:Q",
        title=place.panel.axis_title(),
        scale=alt.Scale(type="log"),
        legend=alt.Legend(
            orient="bottom", type="symbol", symbolType="stroke", symbolStrokeWidth=3, columns=4,
            values=list(place.panel.step_tokens), labelExpr=_style.COUNT_LABEL,
            titleFontWeight="normal",
        ),
    )  # fmt: skip
    # One layer per weight of line: a line has one width, and a condition would cut it.
    lines = [
        alt.Chart(rows)
        .transform_filter(test)
        .mark_line(strokeWidth=width, strokeJoin="round", clip=True)
        .encode(x=place.x(), y=place.y(), detail=["step:N", "run:N"], color=colour)
        for test, width in (("!datum.is_last", 1.2), ("datum.is_last", 2.8))
    ]
    points = (
        alt.Chart(rows)
        .mark_point(filled=True, size=22, strokeWidth=0, opacity=1, clip=True)
        .encode(
            x=place.x(),
            y=place.y(),
            color=colour,
            tooltip=[
                alt.Tooltip("size:N"),
                alt.Tooltip("step:Q", format=",.0f"),
                alt.Tooltip("tokens:Q", format=",.0f"),
                alt.Tooltip("value:Q", title=place.y_title, format=".3~f"),
                alt.Tooltip("stderr:Q", title="SE", format=".3~f"),
            ],
        )
    )
    return [*lines, points]


CHART = Chart(
    name="metric-over-parameters",
    title="Metric over parameters",
    description="One curve per checkpoint (8 at most) and seed over model size, the last in bold.",
    draw=draw,
    one_task=True,
)
