"""The spread over seeds: the mean of a size's runs, and a band from the least to the greatest.

In: trends of one task, metric and setting, of sizes that were trained with several seeds. Out: a
chart with its data. Suspect checkpoints take no part; which runs a point holds, its count tells.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._panel import PanelRows, Rows, draw_panel, faded
from ckpt_analyzer.charts._place import Place
from ckpt_analyzer.charts._series import SETTING, Panel, axis_tokens, panels_of, sizes_of
from ckpt_analyzer.charts.metric_over_tokens import domain_of, labelled_references
from ckpt_analyzer.errors import UserError

_POINT = ("suite", "arm", "size", "step")
_NO_FLIPS = pd.DataFrame({name: [] for name in ("size", "x", "lo", "hi", "y", "verdict")})
_NO_FITS = pd.DataFrame({"size": [], "x": [], "fitted": []})
_NO_STARTS = pd.DataFrame({"size": [], "x": [], "value": [], "is_base": []})


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return one panel per suite and arm, side by side; flips belong to single runs, see there.

    Raises
    ------
    UserError
        If `trends` holds more than one task, metric or setting, or one run of each size.
    """
    require_one(trends, ("task", "metric", *SETTING))
    rows = spread_rows(trends)
    if rows.empty:
        raise UserError(
            "no size was scored with more than one seed",
            where="column seed",
            hint="draw metric-over-tokens instead",
        )
    panels, metric = spread_panels(trends), str(trends["metric"].iloc[0])
    sizes, lines = panels[0].sizes, labelled_references(trends)
    drawn = [
        draw_spread(
            panel,
            PanelRows(spread_points(panel, rows), _NO_FLIPS, lines, _NO_FITS, _NO_STARTS),
            metric,
        ).properties(title=panel.title)
        for panel in panels
    ]
    low, high = domain_of(trends)
    chart = alt.hconcat(*drawn, title=str(trends["task"].iloc[0])).add_params(
        alt.param(name="isolated", value=None),
        alt.param(name="y_min", value=low),
        alt.param(name="y_max", value=high),
    )
    return _style.dress(chart, len(sizes))


def spread_rows(trends: pd.DataFrame, flips: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return ``suite``, ``arm``, ``size``, ``step``, ``x``, ``value``, ``lo``, ``hi``, ``n_seeds``.

    One row per size and checkpoint, of sizes with several runs: ``x`` in tokens of the arm,
    ``value`` the mean over runs, ``lo`` and ``hi`` the least and the greatest.
    """
    del flips  # of single runs
    seeded = trends[trends["seed"].notna() & trends["suspect"].isna()]
    seeded = seeded.assign(x=axis_tokens(seeded).astype(float))
    n_runs = seeded.groupby(["suite", "arm", "size"])["seed"].transform("nunique")
    grouped = seeded[n_runs > 1].groupby(list(_POINT), as_index=False)
    return grouped.agg(
        x=("x", "first"),
        value=("value", "mean"),
        lo=("value", "min"),
        hi=("value", "max"),
        n_seeds=("seed", "nunique"),
    )


def spread_panels(trends: pd.DataFrame) -> list[Panel]:
    """Return a panel per suite and arm, of sizes with several runs; none where there are none.

    A size stands for all its runs: its first run lends it the checkpoints.
    """
    seeded = trends[trends["seed"].notna()]
    n_runs = seeded.groupby(["suite", "arm", "size"])["seed"].transform("nunique")
    kept = seeded[n_runs > 1].sort_values("seed")
    if kept.empty:
        return []
    pooled = kept.drop_duplicates(list(_POINT)).assign(base_model=None)
    pooled = pooled.assign(model=pooled["size"])
    return panels_of(pooled, sizes_of(pooled))


def spread_points(panel: Panel, rows: pd.DataFrame) -> pd.DataFrame:
    """Return those of ``spread_rows`` that `panel` draws, as its curves are read from."""
    mine = rows[(rows["suite"] == panel.suite) & (rows["arm"] == panel.arm)]
    keys = {size: f"s{i}" for i, size in enumerate(panel.sizes)}
    label = mine["size"].map(lambda size: _label(size, panel))
    return mine.assign(size=label, key=label.map(keys), stderr=None, suspect=None)


def draw_spread(panel: Panel, rows: PanelRows, metric: str) -> alt.LayerChart:
    """Return the chart of `panel`: the mean over runs, in a band from the least to the greatest."""
    drawn = draw_panel(panel, rows, metric)
    drawn.layer = [_band(rows.points, Place(panel, metric)), *drawn.layer]
    return drawn


def _label(size: str, panel: Panel) -> str:
    """Return the size as the page calls it: after its suite where there are several."""
    return size if size in panel.sizes else f"{panel.suite} {size}"


def _band(points: Rows, place: Place) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_area(clip=True, strokeWidth=0)
        .encode(
            x=place.x(),
            y=place.y("lo"),
            y2="hi:Q",
            fill=place.fill(),
            opacity=faded(min(0.25, 0.8 / len(place.sizes))),
        )
    )
    return chart


CHART = Chart(
    name="spread-over-seeds",
    title="Spread over seeds",
    description="The mean of all runs of a size, and the band from the least to the greatest.",
    draw=draw,
    one_task=True,
    rows=spread_rows,
    of_seeds=True,
)
