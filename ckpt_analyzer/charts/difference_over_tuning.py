"""What tuning changed, checkpoint by checkpoint of the tuning: a curve per size, task by task.

In: trends of one metric and setting. Out: a chart with its data; or, for the report, a chart whose
data is only named and filled in by the page. At 0 stands the base model, whose difference is none.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from ckpt_analyzer.charts import _style
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._pairs import last_trusted
from ckpt_analyzer.charts._panel import BAND_STDERRS, Rows, faded
from ckpt_analyzer.charts._series import SETTING, round_places, size_labels, sizes_of
from ckpt_analyzer.errors import UserError

_COLUMNS = 3


def draw(trends: pd.DataFrame, flips: pd.DataFrame) -> alt.TopLevelMixin:
    """Return a panel per task with the difference from the base model; flips are not shown.

    Raises
    ------
    UserError
        If `trends` holds more than one metric or setting, or no tuned model with its base.
    """
    require_one(trends, ("metric", *SETTING))
    return draw_rows(difference_rows(trends), trends)


def draw_rows(rows: pd.DataFrame, trends: pd.DataFrame) -> alt.TopLevelMixin:
    """Return the chart of `rows`, which ``difference_rows`` made of `trends`, or better ones.

    Raises
    ------
    UserError
        If there are no rows.
    """
    if rows.empty:
        raise UserError(
            "no tuned model was scored together with its base model",
            where=f"arms: {', '.join(sorted(trends['arm'].unique()))}",
            hint="draw metric-over-tokens instead",
        )
    sizes = [size for size in sizes_of(trends) if size in set(rows["size"])]
    metric = str(trends["metric"].iloc[0])
    chart = draw_differences(rows, sizes, tuning_ticks(rows), metric)
    chart = chart.properties(
        title=f"{metric}: difference from the base model over tokens of tuning"
    )
    return _style.dress(
        chart.add_params(alt.param(name="isolated", value=None)), len(sizes_of(trends))
    )


def difference_rows(trends: pd.DataFrame) -> pd.DataFrame:
    """Return the difference of each trusted tuned checkpoint from the end of its base model.

    Intervals add the errors of both means as if the items were not shared, which is conservative.

    Returns
    -------
    pandas.DataFrame
        ``row`` (task, and suite and arm where there are several), ``size``, ``model``, ``x``
        (tokens of the tuning), ``step``, ``difference``, ``lo``, ``hi``; besides the key of each
        series. A model begins with a row at 0 tokens and no difference.
    """
    labelled = trends.assign(size=size_labels(trends), row=_titles(trends))
    base = last_trusted(trends[trends["arm"] == "base"])[
        ["suite", "task", "model", "metric", *SETTING, "value", "stderr"]
    ].rename(columns={"model": "base_model", "value": "value_base", "stderr": "stderr_base"})
    tuned = labelled[(labelled["arm"] != "base") & labelled["suspect"].isna()]
    rows = tuned.merge(base, on=["suite", "task", "base_model", "metric", *SETTING])
    difference = rows["value"] - rows["value_base"]
    reach = BAND_STDERRS * (rows["stderr"] ** 2 + rows["stderr_base"] ** 2) ** 0.5
    rows = rows.assign(
        x=rows["arm_tokens"], difference=difference, lo=difference - reach, hi=difference + reach
    )
    return with_starts(rows)


def paired_rows(rows: pd.DataFrame, paired: pd.DataFrame | None) -> pd.DataFrame:
    """Return `rows` with differences paired by item where `paired` knows them.

    Parameters
    ----------
    paired
        suite, task, model, metric, setting, ``tuned_step``, ``difference``, ``ci_lo``, ``ci_hi``;
        the base model is that of `rows`.
    """
    if paired is None or paired.empty:
        return rows
    names = {"tuned_step": "step", "ci_lo": "lo", "ci_hi": "hi"}
    keys = ["suite", "task", "model", "metric", *SETTING, "step"]
    known = paired.rename(columns=names).drop_duplicates(keys).set_index(keys)
    places = pd.MultiIndex.from_frame(rows[keys])
    found = known[["difference", "lo", "hi"]].astype(float).reindex(places).reset_index(drop=True)
    is_known = found["difference"].notna() & (rows["x"] > 0).reset_index(drop=True)
    better = rows.reset_index(drop=True)
    for name in ("difference", "lo", "hi"):
        better[name] = found[name].where(is_known, better[name])
    return better


def with_starts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with a row at 0 tokens and no difference before those of each model."""
    after = rows[rows["x"] > 0]
    first = after.drop_duplicates(["row", "model"]).assign(
        x=0, step=0, difference=0.0, lo=0.0, hi=0.0
    )
    both = pd.concat([first, after], ignore_index=True) if len(first) else after
    places = {row: i for i, row in enumerate(rows["row"].unique())}
    ordered = both.assign(place=both["row"].map(places)).sort_values(["place", "model", "x"])
    return ordered.drop(columns="place").reset_index(drop=True)


def _titles(trends: pd.DataFrame) -> pd.Series:
    title = trends["task"].astype(str)
    tuned = trends[trends["arm"] != "base"]
    for name in ("suite", "arm"):
        if tuned[name].nunique() > 1:
            title = title + " · " + trends[name].astype(str)
    return title


def tuning_ticks(rows: pd.DataFrame) -> list[float]:
    """Return the places that the axis names: 0 and round counts of tokens."""
    places = rows.loc[rows["x"] > 0, "x"].astype(float)
    return [0.0, *round_places(float(places.min()), float(places.max()))]


def draw_differences(
    rows: Rows, sizes: list[str], ticks: list[float], value_title: str
) -> alt.FacetChart:
    """Return the chart; it reads the parameter ``isolated``."""
    first = ticks[1] if len(ticks) > 1 else 1.0
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="symlog", constant=first / 2, nice=False, padding=6),
        axis=alt.Axis(
            values=ticks, labelExpr=f"datum.value === 0 ? 'base' : {_style.COUNT_LABEL}",
            grid=False, labelOverlap="greedy", labelSeparation=4,
        ),
        title=None,
    )  # fmt: skip
    y = alt.Y("difference:Q", title=None, scale=alt.Scale(nice=False, padding=6))
    colour = alt.Scale(domain=sizes)
    base = alt.Chart().encode(x=x)
    zero = alt.Chart().mark_rule(style="reference", strokeDash=[2, 3]).encode(y=alt.datum(0))
    band = base.mark_area(strokeWidth=0).encode(
        y=alt.Y("lo:Q", title=None, scale=alt.Scale(nice=False, padding=6)), y2="hi:Q",
        fill=alt.Fill("size:N", scale=colour, legend=None),
        opacity=faded(min(0.16, 0.5 / max(len(sizes), 1))),
    )  # fmt: skip
    line = base.mark_line(strokeWidth=1.8).encode(
        y=y, color=alt.Color("size:N", scale=colour, legend=None), opacity=faded(1.0)
    )
    point = base.mark_point(filled=True, size=28, strokeWidth=0).encode(
        y=y,
        fill=alt.Fill("size:N", scale=colour, legend=None),
        opacity=faded(1.0),
        tooltip=[
            alt.Tooltip("row:N", title="task"),
            alt.Tooltip("size:N"),
            alt.Tooltip("step:Q", format=",.0f"),
            alt.Tooltip("x:Q", title="tokens of tuning", format=",.0f"),
            alt.Tooltip("difference:Q", title=f"{value_title}, difference", format="+.3f"),
            alt.Tooltip("lo:Q", title="interval from", format="+.3f"),
            alt.Tooltip("hi:Q", title="interval to", format="+.3f"),
        ],
    )
    layered = alt.layer(zero, band, line, point, data=rows).properties(width=190, height=130)
    header = alt.Header(
        title=None, labelOrient="top", labelAnchor="start", labelFontWeight=600, labelLimit=225
    )
    order = list(rows["row"].unique()) if isinstance(rows, pd.DataFrame) else None
    return layered.facet(
        facet=alt.Facet("row:N", header=header, sort=order), columns=_COLUMNS, spacing=18
    )


CHART = Chart(
    name="difference-over-tuning",
    title="Difference from the base model over tuning",
    description="Tuned minus base at each checkpoint of tuning, a curve per size, task by task.",
    draw=draw,
    one_task=False,
    rows=lambda trends, flips: difference_rows(trends),
    draw_rows=draw_rows,
)
