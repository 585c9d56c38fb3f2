"""The house style of all charts: colours, fonts, axis texts. Nothing else sets them.

In: a theme and a number of sizes. Out: Vega-Lite configuration. Sizes are a sequential scale
(viridis), so that the order of parameters is read from the colours, also by colour-blind readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import altair as alt

_Chart = TypeVar("_Chart", alt.HConcatChart, alt.FacetChart)
Theme = Literal["light", "dark"]
Config: TypeAlias = dict[str, Any]

#: Viridis at eleven equal steps, dark to bright.
_VIRIDIS = (
    "#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c",
    "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725",
)  # fmt: skip

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

#: The font of figures for paper.
PRINT_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

#: Axis text of a count of tokens or parameters: 2.1 B instead of Vega's 2.1G.
COUNT_LABEL = (
    "datum.value === 0 ? '0'"
    " : datum.value >= 1e12 ? format(datum.value / 1e12, '.3~r') + ' T'"
    " : datum.value >= 1e9 ? format(datum.value / 1e9, '.3~r') + ' B'"
    " : datum.value >= 1e6 ? format(datum.value / 1e6, '.3~r') + ' M'"
    " : datum.value >= 1e3 ? format(datum.value / 1e3, '.3~r') + ' k'"
    " : format(datum.value, '.3~r')"
)


#: Axis text of a count of FLOPs: 1e18.
FLOPS_LABEL = "datum.value === 0 ? '0' : replace(format(datum.value, '.0e'), 'e+', 'e')"

#: From the first checkpoint to the last: one hue, so that nobody takes it for sizes.
_STEP_RAMP: dict[Theme, list[str]] = {
    "light": ["#f0b8a0", "#d9694f", "#7a1030"],
    "dark": ["#8a4a58", "#d9694f", "#ffd9b8"],
}


@dataclass(frozen=True)
class Ink:
    """The colours of a theme."""

    text: str
    soft: str
    grid: str
    paper: str
    accent: str


INKS: dict[Theme, Ink] = {
    "light": Ink("#1d2430", "#5b6675", "#e6e9ee", "#ffffff", "#b3261e"),
    "dark": Ink("#e8ebf0", "#a2acba", "#2c3440", "#161b22", "#ff8a80"),
}


def size_colours(n_sizes: int, theme: Theme) -> list[str]:
    """Return `n_sizes` colours from the smallest model to the largest.

    The largest always stands out most: dark on the light theme, bright on the dark one. On the dark
    theme the smallest begins at 3 : 1 against the paper.
    """
    start, end = (0.83, 0.0) if theme == "light" else (0.36, 0.97)
    if n_sizes == 1:
        return [_viridis(0.35 if theme == "light" else 0.7)]
    return [_viridis(start + (end - start) * i / (n_sizes - 1)) for i in range(n_sizes)]


def config(n_sizes: int, theme: Theme = "light") -> Config:
    """Return the Vega-Lite configuration of a chart with `n_sizes` sizes."""
    ink = INKS[theme]
    return {
        "background": "transparent" if theme == "dark" else ink.paper,
        "font": FONT,
        "view": {"stroke": None},
        # One spoken label per point would drown a screen reader; the page carries data tables.
        "mark": {"aria": False},
        "range": {
            "category": size_colours(n_sizes, theme),
            "ramp": _STEP_RAMP[theme],
            "heatmap": [_viridis(i / 10) for i in range(11)],
        },
        "axis": {
            "labelColor": ink.soft, "titleColor": ink.soft, "gridColor": ink.grid,
            "domainColor": ink.grid, "tickColor": ink.grid, "labelFontSize": 11,
            "titleFontSize": 11, "titleFontWeight": "normal", "labelOverlap": True,
        },
        "legend": {"labelColor": ink.soft, "titleColor": ink.soft, "labelFontSize": 11},
        "header": {"labelColor": ink.text, "titleColor": ink.soft, "labelFontSize": 12},
        "title": {"color": ink.text, "fontSize": 12, "fontWeight": 600, "anchor": "start"},
        "style": {
            "reference": {"color": ink.soft},
            "hover": {"color": ink.text},
            "flip": {"color": ink.text},
        },
    }  # fmt: skip


def print_config() -> Config:
    """Return what print sets otherwise than a screen: sizes in points, a font that is everywhere.

    Liberation Sans has the metrics of Arial and Helvetica, so a page without it keeps its layout.
    """
    small = {"labelFontSize": 7, "titleFontSize": 7.5}
    return {
        "background": "#ffffff",
        "font": PRINT_FONT,
        "padding": 2,
        "axis": small | {
            "gridWidth": 0.5, "domainWidth": 0.5, "tickWidth": 0.5, "tickSize": 3,
            "labelPadding": 2, "titlePadding": 4,
        },
        "legend": small | {
            "titleFontWeight": "normal",
            "orient": "bottom", "symbolSize": 40, "gradientThickness": 6, "offset": 6, "padding": 0,
        },
        "header": {"labelFontSize": 8, "labelFontWeight": "normal", "labelPadding": 3},
        "title": {"fontSize": 8.5, "fontWeight": "normal", "offset": 4},
        "text": {"fontSize": 7},
        "concat": {"spacing": 12},
        "facet": {"spacing": 8},
    }  # fmt: skip


def dress(chart: _Chart, n_sizes: int) -> _Chart:
    """Return `chart` in the light theme, as a notebook shows it."""
    dressed: _Chart = chart.configure(**config(n_sizes))
    return dressed


def _viridis(at: float) -> str:
    """Return the colour at `at` in [0, 1], interpolated in sRGB."""
    place = at * (len(_VIRIDIS) - 1)
    low = min(int(place), len(_VIRIDIS) - 2)
    pair = zip(_channels(_VIRIDIS[low]), _channels(_VIRIDIS[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02x}" for a, b in pair)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
