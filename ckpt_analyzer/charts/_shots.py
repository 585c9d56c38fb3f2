"""One panel over shots: a curve per size at its last trusted checkpoint.

In: a panel and the names of data sets that a page fills in. Out: a layered chart that reads the
parameters ``isolated``, ``y_min`` and ``y_max``. It joins settings, so it is no chart of one.
"""

from __future__ import annotations

from typing import cast

import altair as alt

from ckpt_analyzer.charts._panel import (
    BAND_STDERRS,
    Rows,
    faded,
    flip_layers,
    place_format,
    reference_layers,
)
from ckpt_analyzer.charts._place import Place
from ckpt_analyzer.charts._series import Panel


def draw_shots(
    panel: Panel, points: Rows, flips: Rows, references: Rows, y_title: str
) -> alt.LayerChart:
    """Return the layered chart of `panel` over shots.

    Parameters
    ----------
    points
        size, x (shots), step, value, stderr: one row per size and number of shots.
    flips
        size, x, lo, hi (shots), y, verdict.
    references
        label, y, label_y.
    """
    place = Place(panel, y_title, "shots")
    layers = [
        *reference_layers(references, place),
        _interval(points, place),
        _curve(points, place),
        _point(points, place),
        *flip_layers(flips, place),
    ]
    chart = cast(alt.LayerChart, alt.layer(*layers))
    return chart.properties(width=420, height=260)


def _interval(points: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(points)
        .transform_filter("isValid(datum.stderr)")
        .transform_calculate(
            lo=f"datum.value - {BAND_STDERRS} * datum.stderr",
            hi=f"datum.value + {BAND_STDERRS} * datum.stderr",
        )
        .mark_rule(strokeWidth=1.5, clip=True)
        .encode(x=place.x(), y=place.y("lo"), y2="hi:Q", stroke=place.stroke(), opacity=faded(0.45))
    )
    return chart


def _curve(points: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_line(strokeWidth=1.8, clip=True)
        .encode(x=place.x(), y=place.y(), stroke=place.stroke(), opacity=faded(1.0))
    )
    return chart


def _point(points: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_point(filled=True, size=34, strokeWidth=0, clip=True)
        .encode(
            x=place.x(),
            y=place.y(),
            fill=place.fill(),
            opacity=faded(1.0),
            tooltip=[
                alt.Tooltip("size:N"),
                alt.Tooltip("x:Q", title="shots", format=place_format(place)),
                alt.Tooltip("step:Q", format=",.0f"),
                alt.Tooltip("value:Q", title=place.y_title, format=".3~f"),
                alt.Tooltip("stderr:Q", format=".2~r"),
            ],
        )
    )
    return chart
