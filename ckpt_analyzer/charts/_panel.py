"""One panel: curves of all sizes over training, as layers of a Vega-Lite chart.

In: a panel and its rows, as frames or as the names of data sets that a page fills in. Out: a
layered chart that reads the parameters ``isolated`` (a size or null), ``y_min`` and ``y_max``;
whoever shows the chart declares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, cast

import altair as alt
import pandas as pd

from ckpt_analyzer.charts._place import Place
from ckpt_analyzer.charts._series import Axis, Panel

Rows: TypeAlias = pd.DataFrame | alt.NamedData

#: Standard errors to either side of a curve that its band covers: 95 % under normality.
BAND_STDERRS = 1.96


@dataclass(frozen=True)
class PanelRows:
    """What a panel draws.

    Parameters
    ----------
    points
        size, key, x (tokens or FLOPs), value, stderr, suspect: one row per size and checkpoint.
    flips
        size, x, lo, hi, y, verdict: one row per flip.
    references
        label, y, label_y: the chance line and its like; labels stand apart.
    fits
        size, x (tokens), fitted: points of fitted curves.
    starts
        size, x, value, is_base: the end of the base model at 0, and the first tuned checkpoint.
    """

    points: Rows
    flips: Rows
    references: Rows
    fits: Rows
    starts: Rows


def draw_panel(
    panel: Panel, rows: PanelRows, y_title: str, axis: Axis = "tokens"
) -> alt.LayerChart:
    """Return the layered chart of `panel` over `axis`: tokens or flops."""
    place = Place(panel, y_title, axis)
    layers = [
        *reference_layers(rows.references, place),
        _band(rows.points, place),
        _curves(rows.points, place),
        _fits(rows.fits, place),
        *_starts(rows.starts, place),
        *_points(rows.points, place),
        _hover(rows.points, place),
        *flip_layers(rows.flips, place),
    ]
    chart = cast(alt.LayerChart, alt.layer(*layers))
    return chart.properties(width=420, height=260)


def faded(opacity: float) -> alt.OpacityValue:
    """Return an opacity that sinks to near nothing while another size is isolated."""
    test = "isolated === null || isolated === datum.size"
    return alt.OpacityValue(opacity * 0.06, condition={"test": test, "value": opacity})


def reference_layers(rows: Rows, place: Place) -> list[alt.Chart]:
    """Return the dotted lines that no training moves, with their names."""
    y = place.y("y")
    rule = alt.Chart(rows).mark_rule(style="reference", strokeDash=[2, 3], clip=True).encode(y=y)
    text = (
        alt.Chart(rows)
        .mark_text(style="reference", align="left", baseline="middle", dx=4, fontSize=10,
                   strokeWidth=0, lineBreak="\n")
        .encode(x=alt.value("width"), y=place.y("label_y"), text="label:N")
    )  # fmt: skip
    return [rule, text]


def _band(rows: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(rows)
        .transform_filter("!datum.suspect && isValid(datum.stderr)")
        .transform_calculate(
            lo=f"datum.value - {BAND_STDERRS} * datum.stderr",
            hi=f"datum.value + {BAND_STDERRS} * datum.stderr",
        )
        .mark_area(clip=True, strokeWidth=0)
        .encode(
            x=place.x(),
            y=place.y("lo"),
            y2="hi:Q",
            fill=place.fill(),
            opacity=faded(min(0.12, 0.5 / len(place.sizes))),
        )
    )
    return chart


def _curves(rows: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(rows)
        .transform_filter("!datum.suspect")
        .mark_line(strokeWidth=1.8, strokeJoin="round", clip=True)
        .encode(x=place.x(), y=place.y(), color=place.colour(), opacity=faded(1.0))
    )
    return chart


def _fits(rows: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(rows)
        .mark_line(strokeWidth=1.2, strokeDash=[5, 3], clip=True)
        .encode(x=place.x(), y=place.y("fitted"), stroke=place.stroke(), opacity=faded(0.9))
    )
    return chart


def _starts(rows: Rows, place: Place) -> list[alt.Chart]:
    """Return where tuning started: the base model's end, hollow, joined to the tuned curve."""
    if not place.panel.has_base_end:
        return []
    join = (
        alt.Chart(rows)
        .mark_line(strokeWidth=1.2, strokeDash=[2, 3], clip=True)
        .encode(x=place.x(), y=place.y(), stroke=place.stroke(), opacity=faded(0.8))
    )
    end = (
        alt.Chart(rows)
        .transform_filter("datum.is_base")
        .mark_point(size=40, strokeWidth=1.6, filled=False)
        .encode(
            x=place.x(),
            y=place.y(),
            stroke=place.stroke(),
            opacity=faded(1.0),
            tooltip=[
                alt.Tooltip("size:N", title="base, end"),
                alt.Tooltip("value:Q", format=".3~f"),
            ],
        )
    )
    return [join, end]


def _points(rows: Rows, place: Place) -> list[alt.Chart]:
    """Return trusted checkpoints filled, unless they hide the curves, and suspect ones hollow."""
    hollow = (
        alt.Chart(rows)
        .transform_filter("!!datum.suspect")
        .mark_point(size=34, strokeWidth=1.5, clip=True)
        .encode(x=place.x(), y=place.y(), stroke=place.stroke(), opacity=faded(1.0))
    )
    filled = (
        alt.Chart(rows)
        .transform_filter("!datum.suspect")
        .mark_point(filled=True, size=16, strokeWidth=0, clip=True)
        .encode(x=place.x(), y=place.y(), fill=place.fill(), opacity=faded(1.0))
    )
    return [hollow] if place.panel.is_dense else [filled, hollow]


def _hover(rows: Rows, place: Place) -> alt.Chart:
    """Return a rule at the checkpoint nearest to the pointer that reads all sizes.

    All tooltip fields are quantitative: Vega-Lite 6.4.1 shows ``undefined`` for nominal fields of a
    ``nearest`` selection.
    """
    nearest = alt.selection_point(
        name=place.hover,
        fields=["x"],
        nearest=True,
        on="pointerover",
        clear="pointerout",
        empty=False,
    )
    sizes = [
        alt.Tooltip(f"s{i}:Q", title=size, format=".3~f") for i, size in enumerate(place.sizes)
    ]
    chart: alt.Chart = (
        alt.Chart(rows)
        .transform_pivot("key", value="value", groupby=["x"], op="mean")
        .mark_rule(style="hover", strokeWidth=1)
        .encode(
            x=place.x(),
            opacity=alt.condition(nearest, alt.value(0.55), alt.value(0)),
            tooltip=[alt.Tooltip("x:Q", title=place.unit, format=place_format(place)), *sizes],
        )
        .add_params(nearest)
    )
    return chart


def flip_layers(rows: Rows, place: Place) -> list[alt.Chart]:
    """Return each flip as a triangle at its turning point, its interval as a bar through it.

    Over tokens and shots a flip belongs to a size and has its colour; along the other axes, which
    join models, it has the colour of the text.
    """
    of_size = place.axis in ("tokens", "shots")
    bar_look = {"stroke": place.stroke(), "opacity": faded(0.75)} if of_size else {}
    mark_look = {"fill": place.fill(), "opacity": faded(1.0)} if of_size else {}
    interval = (
        alt.Chart(rows)
        .mark_rule(style="flip", strokeWidth=2.5, clip=True)
        .encode(x=place.x("lo"), x2="hi:Q", y=place.y("y"), **bar_look)
    )
    shapes = alt.Scale(domain=["U", "inverted_U"], range=["triangle-down", "triangle-up"])
    marker = (
        alt.Chart(rows)
        .mark_point(style="flip", size=110, strokeWidth=1, filled=not of_size, clip=True)
        .encode(
            x=place.x(),
            y=place.y("y"),
            shape=alt.Shape("verdict:N", scale=shapes, legend=None),
            tooltip=_flip_tooltip(place),
            **mark_look,
        )
    )
    return [interval, marker]


def _flip_tooltip(place: Place) -> list[alt.Tooltip]:
    number = place_format(place)
    return [
        alt.Tooltip("size:N"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("x:Q", title=f"turns at {place.unit}", format=number),
        alt.Tooltip("lo:Q", title="interval from", format=number),
        alt.Tooltip("hi:Q", title="interval to", format=number),
    ]


def place_format(place: Place) -> str:
    """Return how a number on the horizontal axis is written in tooltips."""
    return ".2~e" if place.axis == "flops" else ",.0f"
