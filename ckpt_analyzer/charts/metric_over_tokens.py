"""A metric over training tokens: one curve per size, one panel per arm, flips marked.

In: trends and flips of one task, metric and setting. Out: a chart with its data.
"""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._across import place_across
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._pairs import last_pairs
from ckpt_analyzer.charts._panel import BAND_STDERRS, PanelRows, draw_panel
from ckpt_analyzer.charts._series import (
    SETTING,
    Axis,
    Panel,
    axis_places,
    panels_of,
    place_flips,
    size_labels,
    sizes_of,
)


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return one panel per suite and arm, side by side, with a menu that isolates a size.

    Raises
    ------
    UserError
        If `trends` holds more than one task, metric or setting.
    """
    return draw_over("tokens", trends, flips)


def draw_over(axis: Axis, trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return what ``draw`` does, over tokens or FLOPs."""
    require_one(trends, ("task", "metric", *SETTING))
    sizes = sizes_of(trends)
    metric = str(trends["metric"].iloc[0])
    panels = [
        draw_panel(panel, panel_rows(panel, trends, flips, axis), metric, axis).properties(
            title=panel.title
        )
        for panel in panels_of(trends, sizes)
    ]
    menu = alt.binding_select(options=[None, *sizes], labels=["all", *sizes], name="size ")
    low, high = domain_of(trends)
    chart = alt.hconcat(*panels, title=str(trends["task"].iloc[0])).add_params(
        alt.param(name="isolated", value=None, bind=menu),
        alt.param(name="y_min", value=low),
        alt.param(name="y_max", value=high),
    )
    return _style.dress(chart, len(sizes))


def panel_rows(
    panel: Panel, trends: pd.DataFrame, flips: pd.DataFrame, axis: Axis = "tokens"
) -> PanelRows:
    """Return the rows that `panel` draws, out of trends and flips of one task and metric."""
    keys = {size: f"s{i}" for i, size in enumerate(panel.sizes)}
    points = trends.assign(size=size_labels(trends), x=axis_places(trends, axis))
    points["key"] = points["size"].map(keys)
    return PanelRows(
        points=_of(panel, points)[["size", "key", "x", "step", "value", "stderr", "suspect"]],
        flips=_of(panel, _marks(points, flips, axis))[["size", "x", "lo", "hi", "y", "verdict"]],
        references=labelled_references(trends),
        fits=pd.DataFrame({"size": [], "x": [], "fitted": []}),
        starts=_starts(panel, points),
    )


def _marks(points: pd.DataFrame, flips: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    if axis != "tokens":
        across = place_across(flips, points)
        return across[across["axis"] == axis]
    labels = points.set_index(["suite", "model"])["size"].groupby(level=[0, 1]).first()
    marks = place_flips(flips, points)
    marks["size"] = [labels.get(key) for key in zip(marks["suite"], marks["model"], strict=True)]
    return marks


def _starts(panel: Panel, points: pd.DataFrame) -> pd.DataFrame:
    """Return the end of each base model at 0, and the first trusted checkpoint of its tuning."""
    pairs = _of(panel, last_pairs(points))
    ends = pairs.assign(x=0.0, value=pairs["value_base"], is_base=True)
    trusted = points[points["suspect"].isna() & points["model"].isin(pairs["model"])]
    first = trusted.sort_values("x").drop_duplicates(["suite", "model"]).assign(is_base=False)
    return pd.concat([ends, _of(panel, first)])[["size", "x", "value", "is_base"]]


def references(trends: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that no training moves: chance and the constant label."""
    known = []
    for column in ("chance", "constant_label"):
        levels = trends[column].dropna()
        if len(levels):
            known.append((column.removesuffix("_label"), float(levels.iloc[0])))
    if len(known) == 2 and math.isclose(known[0][1], known[1][1], abs_tol=0.005):
        known = [("chance,\nconstant", known[0][1])]
    return pd.DataFrame(known, columns=["label", "y"])


def labelled_references(trends: pd.DataFrame) -> pd.DataFrame:
    """Return the lines with places of their labels, a text's height apart."""
    lines, domain = references(trends), domain_of(trends)
    apart = 0.05 * (domain[1] - domain[0])
    lines = lines.sort_values("y").assign(label_y=lines["y"])
    if len(lines) == 2 and lines["y"].iloc[1] - lines["y"].iloc[0] < apart:
        middle = float(lines["y"].mean())
        lines["label_y"] = [middle - apart / 2, middle + apart / 2]
    return lines


def _of(panel: Panel, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["suite"] == panel.suite) & (frame["arm"] == panel.arm)]


def domain_of(trends: pd.DataFrame) -> tuple[float, float]:
    """Return the least and the greatest value to show, with a margin."""
    reach = BAND_STDERRS * trends["stderr"].fillna(0.0)
    lines = references(trends)["y"]
    low = min([float((trends["value"] - reach).min()), *lines])
    high = max([float((trends["value"] + reach).max()), *lines])
    margin = 0.04 * (high - low) or 0.05
    return low - margin, high + margin


CHART = Chart(
    name="metric-over-tokens",
    title="Metric over training tokens",
    description="One curve per size with its 95 % band, one panel per arm, flips marked.",
    draw=draw,
    one_task=True,
)
