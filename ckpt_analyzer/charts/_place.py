"""The scales that all layers of a panel share.

In: a panel and one of its axes. Out: encodings of x, y and size. It draws nothing.
"""

from __future__ import annotations

import json
import re

import altair as alt

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._series import Axis, Panel, Reach, round_places

_UNITS: dict[Axis, str] = {
    "tokens": "tokens",
    "flops": "FLOPs",
    "parameters": "parameters",
    "shots": "shots",
}


class Place:
    """Where things lie in a panel.

    The axes of training are linear up to half of the first trained checkpoint and logarithmic from
    there on, if there is something to show at 0: a logarithmic axis has no place for it.
    """

    def __init__(self, panel: Panel, y_title: str, axis: Axis = "tokens") -> None:
        self.panel = panel
        self.sizes = panel.sizes
        self.axis = axis
        self.unit = _UNITS[axis]
        # Altair merges selections of one name, and each panel reads its own checkpoints.
        self.hover = "hover_" + re.sub(r"\W", "_", f"{panel.suite}_{panel.arm}")
        self.y_title = y_title
        self.x_title = panel.axis_title(axis)
        reach = panel.reach(axis)
        self.x_axis = alt.Axis(
            values=_ticks(panel, axis), labelExpr=_label(panel, axis), grid=False, tickSize=4
        )
        self.x_scale = _scale(reach)
        self.y_scale = alt.Scale(
            domainMin=alt.ExprRef("y_min"), domainMax=alt.ExprRef("y_max"), zero=False, nice=False
        )

    def x(self, field: str = "x") -> alt.X:
        return alt.X(f"{field}:Q", scale=self.x_scale, axis=self.x_axis, title=self.x_title)

    def y(self, field: str = "value") -> alt.Y:
        axis = alt.Axis(tickCount=5)
        return alt.Y(f"{field}:Q", scale=self.y_scale, axis=axis, title=self.y_title)

    def colour_scale(self) -> alt.Scale:
        return alt.Scale(domain=list(self.sizes))

    def stroke(self) -> alt.Stroke:
        return alt.Stroke("size:N", scale=self.colour_scale(), legend=None)

    def fill(self) -> alt.Fill:
        return alt.Fill("size:N", scale=self.colour_scale(), legend=None)

    def colour(self) -> alt.Color:
        return alt.Color("size:N", scale=self.colour_scale(), sort=list(self.sizes), title="size")


def _scale(reach: Reach) -> alt.Scale:
    if not reach.starts_at_zero:
        return alt.Scale(type="log", domain=[reach.first, reach.last], nice=False, padding=8)
    return alt.Scale(
        type="symlog", constant=reach.first / 2, domain=[0.0, reach.last], nice=False, padding=8
    )


def _ticks(panel: Panel, axis: Axis) -> list[float]:
    if axis == "parameters":
        return [float(parameters) for _, parameters in panel.parameters]
    if axis == "shots":
        return [float(n) for n in panel.shots]
    reach = panel.reach(axis)
    places = round_places(reach.first, reach.last)
    return [0.0, *places] if reach.starts_at_zero else places


def _label(panel: Panel, axis: Axis) -> str:
    if axis == "parameters":
        names = {str(parameters): size for size, parameters in panel.parameters}
        return f"{json.dumps(names)}[datum.value]"
    if axis == "shots":
        return "datum.label"
    label = _style.COUNT_LABEL if axis == "tokens" else _style.FLOPS_LABEL
    return f"datum.value === 0 ? 'base, end' : {label}" if panel.has_base_end else label
