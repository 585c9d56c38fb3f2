"""One item through training: a curve per size over tokens.

In: a panel, and rows as frames or as the names of data sets that a page fills in. Out: a layered
chart that reads the parameters ``isolated``, ``y_min`` and ``y_max``.
"""

from __future__ import annotations

from typing import cast

import altair as alt

from ckpt_analyzer.charts._panel import Rows, faded, reference_layers
from ckpt_analyzer.charts._place import Place
from ckpt_analyzer.charts._series import Panel


def draw_item(panel: Panel, points: Rows, references: Rows, y_title: str) -> alt.LayerChart:
    """Return the chart of one item in `panel`.

    Parameters
    ----------
    points
        size, x (tokens), step, value.
    references
        label, y, label_y: the chance line.
    """
    place = Place(panel, y_title)
    lines = (
        alt.Chart(points)
        .mark_line(strokeWidth=1.8, strokeJoin="round", clip=True)
        .encode(x=place.x(), y=place.y(), color=place.colour(), opacity=faded(1.0))
    )
    dots = (
        alt.Chart(points)
        .mark_point(filled=True, size=30, strokeWidth=0, clip=True)
        .encode(
            x=place.x(),
            y=place.y(),
            fill=place.fill(),
            opacity=faded(1.0),
            tooltip=[
                alt.Tooltip("size:N"),
                alt.Tooltip("step:Q", format=",.0f"),
                alt.Tooltip("x:Q", title="tokens", format=",.0f"),
                alt.Tooltip("value:Q", title=y_title, format=".2~f"),
            ],
        )
    )
    layers = [*reference_layers(references, place), lines, dots]
    chart = cast(alt.LayerChart, alt.layer(*layers))
    return chart.properties(width=420, height=200)
