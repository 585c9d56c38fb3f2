"""The chart specifications of a page: one per panel and kind, shared by all tasks and metrics.

In: panels. Out: Vega-Lite records whose data sets are only named; the page's script fills in rows,
titles, widths and limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._item import draw_item
from ckpt_analyzer.charts._panel import PanelRows, draw_panel
from ckpt_analyzer.charts._series import Axis, Panel, round_places
from ckpt_analyzer.charts._shots import draw_shots
from ckpt_analyzer.charts.base_to_tuned import draw_dumbbells
from ckpt_analyzer.charts.difference_over_tuning import draw_differences
from ckpt_analyzer.charts.flip_atlas import draw_atlas
from ckpt_analyzer.charts.metric_over_parameters import StepRows, draw_steps
from ckpt_analyzer.charts.size_step_heatmap import draw_map
from ckpt_analyzer.charts.spread_over_seeds import draw_spread

Spec: TypeAlias = dict[str, Any]

#: Stands for the metric's title in every specification.
METRIC_TITLE = "{metric}"


def specs_json(panels: Sequence[Panel], sizes: Sequence[str], size_ticks: dict[str, int]) -> Spec:
    """Return the specifications of all panels, of the atlas, and the two themes."""
    atlas = draw_atlas(_rows("atlas"), list(sizes), size_ticks).add_params(*_limits())
    return {
        "panels": [
            {
                "suite": panel.suite,
                "arm": panel.arm,
                "title": panel.title,
                "steps": panel.steps,
                "curves": {
                    "tokens": _curves(panel, "tokens"),
                    "flops": _curves(panel, "flops"),
                    "parameters": _steps(panel) if panel.steps else None,
                    "shots": _shots(panel) if panel.shots else None,
                },
                "map": _named(draw_map(panel, _rows("points"), METRIC_TITLE)),
                "item": _item(panel),
            }
            for panel in panels
        ],
        "atlas": _named(atlas),
        "differences": _differences(panels, sizes),
        "dumbbells": _named(draw_dumbbells(_rows("dumbbells"), list(sizes), METRIC_TITLE)),
        "themes": {
            theme: _style.config(len(sizes), theme) | {"background": "transparent"}
            for theme in ("light", "dark")
        },
    }


def _differences(panels: Sequence[Panel], sizes: Sequence[str]) -> Spec | None:
    """Return the difference from the base model over tuning; None without a tuned arm."""
    reaches = [panel.tokens for panel in panels if panel.has_base_end]
    if not reaches:
        return None
    ends = (min(reach.first for reach in reaches), max(reach.last for reach in reaches))
    chart = draw_differences(
        _rows("differences"), list(sizes), [0.0, *round_places(*ends)], METRIC_TITLE
    )
    return _named(chart.add_params(alt.param(name="isolated", value=None)))


def spread_json(panels: Sequence[Panel]) -> Spec | None:
    """Return the specifications of the spread over seeds, and the colours of its sizes."""
    if not panels:
        return None
    n_sizes = len(panels[0].sizes)
    return {
        "panels": [
            {
                "suite": panel.suite,
                "arm": panel.arm,
                "title": panel.title,
                "sizes": panel.sizes,
                "spec": _spread(panel),
            }
            for panel in panels
        ],
        "colours": {theme: _style.size_colours(n_sizes, theme) for theme in ("light", "dark")},
    }


def _spread(panel: Panel) -> Spec:
    rows = PanelRows(
        _rows("points"), _rows("flips"), _rows("references"), _rows("fits"), _rows("starts")
    )
    return _named(draw_spread(panel, rows, METRIC_TITLE).add_params(*_limits()))


def _limits() -> list[alt.Parameter]:
    """Return what the page sets of every chart: which size stands alone, and how far it goes."""
    ends = [alt.param(name="y_min", value=0), alt.param(name="y_max", value=1)]
    return [alt.param(name="isolated", value=None), *ends]


@lru_cache(maxsize=32)
def _curves(panel: Panel, axis: Axis) -> Spec:
    rows = PanelRows(
        _rows("points"), _rows("flips"), _rows("references"), _rows("fits"), _rows("starts")
    )
    chart = draw_panel(panel, rows, METRIC_TITLE, axis).add_params(*_limits())
    return _named(chart)


@lru_cache(maxsize=32)
def _steps(panel: Panel) -> Spec:
    rows = StepRows(_rows("points"), _rows("flips"), _rows("references"))
    chart = draw_steps(panel, rows, METRIC_TITLE).add_params(*_limits()[1:])
    return _named(chart)


@lru_cache(maxsize=32)
def _shots(panel: Panel) -> Spec:
    chart = draw_shots(panel, _rows("points"), _rows("flips"), _rows("references"), METRIC_TITLE)
    return _named(chart.add_params(*_limits()))


@lru_cache(maxsize=32)
def _item(panel: Panel) -> Spec:
    chart = draw_item(panel, _rows("points"), _rows("references"), METRIC_TITLE)
    return _named(chart.add_params(*_limits()))


def _rows(name: str) -> alt.NamedData:
    return alt.NamedData(name=name)


def _named(chart: alt.TopLevelMixin) -> Spec:
    spec: Spec = chart.to_dict(validate=False)  # the contract tests of charts validate
    spec.pop("config", None)
    spec.pop("$schema", None)
    return spec


def rows_json(rows: pd.DataFrame) -> list[Spec]:
    """Return the rows of a chart as records, numbers with five digits; NaN is null."""
    return [
        {str(name): _cell(cell) for name, cell in row.items()} for row in rows.to_dict("records")
    ]


def _cell(cell: str | float) -> str | float | None:
    if isinstance(cell, str):
        return cell
    return float(f"{cell:.5g}") if math.isfinite(cell) else None
