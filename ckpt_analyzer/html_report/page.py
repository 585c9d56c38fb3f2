"""The report: trends and flips as one HTML file that opens from disk, without a network.

In: tables and records. Out: the text of the page. It knows nothing of models, stores or fits; the
page carries one copy of Vega and one copy of the data, and its script draws what scrolls into view.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from ckpt_analyzer.charts._series import TIME_AXIS, Panel, panels_of, sizes_of
from ckpt_analyzer.charts.base_to_tuned import dumbbell_rows
from ckpt_analyzer.charts.difference_over_tuning import difference_rows, paired_rows
from ckpt_analyzer.charts.flip_atlas import atlas_reach, atlas_rows, size_ticks
from ckpt_analyzer.charts.spread_over_seeds import spread_panels, spread_points, spread_rows
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.html_report import citations, numbers, prose, vega
from ckpt_analyzer.html_report.beside import BesideRow, beside_rows
from ckpt_analyzer.html_report.cards import CauseGroup, TaskCard, group
from ckpt_analyzer.html_report.facts import facts
from ckpt_analyzer.html_report.flip_rows import FlipTable, flip_table
from ckpt_analyzer.html_report.hidden_views import HiddenViews
from ckpt_analyzer.html_report.item_payload import ItemPage, packed_items
from ckpt_analyzer.html_report.item_prose import explored
from ckpt_analyzer.html_report.matrix import Matrix, column_groups, matrix, tally
from ckpt_analyzer.html_report.moving import (
    MovementRow,
    SurfaceRow,
    movement_rows,
    surface_rows,
)
from ckpt_analyzer.html_report.payload import Names, data_json, deflated, models_of, packed
from ckpt_analyzer.html_report.regression import RegressionRow, regressed, regression_rows
from ckpt_analyzer.html_report.report_data import ReportData
from ckpt_analyzer.html_report.run_rows import packages, run_rows
from ckpt_analyzer.html_report.shots import ShotTables
from ckpt_analyzer.html_report.specs import Spec, rows_json, specs_json, spread_json
from ckpt_analyzer.html_report.tuned import TunedView, tuned_view
from ckpt_analyzer.html_report.tuning import TuningRow, tuning_rows
from ckpt_analyzer.html_report.tuning_prose import tuning_findings
from ckpt_analyzer.html_report.verdicts import UNKNOWN, VERDICTS
from ckpt_analyzer.html_report.views import View, metric_choices, setting_choices, views

_TEMPLATES = Path(__file__).parent / "templates"
#: The page's script, piece by piece; the last one starts it.
_SCRIPTS = (
    "unpack.js", "elements.js", "rows.js", "csv.js", "tables.js", "sorting.js", "items.js",
    "expressions.js", "page.js",
)  # fmt: skip


@dataclass(frozen=True)
class ViewBlock:
    """The parts of the page that change with the metric and the setting."""

    view: View
    matrix: Matrix
    findings: list[str]
    flips: FlipTable
    other_flips: FlipTable
    tuning: list[TuningRow]
    tuning_findings: list[str]
    tuned: TunedView
    movement: list[MovementRow]
    surface: list[SurfaceRow]
    beside: list[BesideRow]


@dataclass(frozen=True)
class Layout:
    """The orders that all parts of a page share."""

    sizes: tuple[str, ...]
    panels: list[Panel]
    causes: list[CauseGroup]
    views: list[View]
    spread: list[Panel]

    @property
    def cards(self) -> dict[str, TaskCard]:
        """All cards by task, in the order of the page."""
        return {card.name: card for cause in self.causes for card in cause.cards}


def render(data: ReportData) -> str:
    """Return the page as HTML text.

    Raises
    ------
    UserError
        If there are no trends to show.
    """
    if data.trends.empty:
        raise UserError("there is nothing to report", where=data.title, hint="ckpt-analyzer status")
    layout = _layout(data)
    script, bundle = _script(), vega.javascript()
    return _environment().get_template("page.html.j2").render(
        title=data.title,
        policy=_policy(script, bundle),
        css=Markup(_source("page.css")),
        script=Markup(script),
        vega=Markup(deflated(bundle)),
        items=_items(data, layout),
        item_tasks=data.items,
        payload=Markup(packed(_payload(data, layout))),
        explored=explored(data.items),
        hidden_views=HiddenViews(),
        layout=layout,
        blocks=_blocks(data, layout),
        shot_tables=ShotTables(data.trends, data.flips, layout.cards),
        head=facts(data.trends, data.runs),
        packages=packages(data.runs),
        warnings=prose.warnings(data.trends, data.runs, data.warnings),
        methods=prose.methods(
            data.trends, data.flips, _metrics(layout), _settings(layout)
        ),
        regression=_regression(data, layout),
        regressed=[] if data.regression is None else regressed(data.regression, _titles(layout)),
        causes=_mean_causes(layout),
        bibtex=citations.bibtex(data.title),
        runs=run_rows(data.runs),
        questions=data.questions,
        beside=data.beside,
        doubts=[] if data.doubts is None else data.doubts.to_dict("records"),
        sweep_yaml=data.sweep_yaml,
        command=data.command,
        verdicts=list(VERDICTS.values()),
        unknown=UNKNOWN,
        numbers=numbers,
    )  # fmt: skip


def write_report(data: ReportData, path: Path) -> None:
    """Write the page to `path`; readers see the old file or the whole new one."""
    text = render(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, suffix=".part", delete=False
    ) as part:
        part.write(text)
    # A temporary file is private to its owner; a report is for others to read.
    Path(part.name).chmod(0o644)
    os.replace(part.name, path)  # noqa: PTH105 (atomic on every system, as Path.replace is)


def _layout(data: ReportData) -> Layout:
    sizes = sizes_of(data.trends)
    metrics = metric_choices(data.trends, data.metrics)
    return Layout(
        sizes=sizes,
        panels=panels_of(data.trends, sizes),
        causes=group(data.tasks, data.trends),
        views=views(metrics, setting_choices(data.trends)),
        spread=spread_panels(data.trends),
    )


def _metrics(layout: Layout) -> list[Any]:
    return list(dict.fromkeys(view.metric for view in layout.views))


def _titles(layout: Layout) -> dict[str, str]:
    return {metric.name: metric.title for metric in _metrics(layout)}


def _settings(layout: Layout) -> list[Any]:
    return list(dict.fromkeys(view.setting for view in layout.views))


def _names(layout: Layout) -> Names:
    return Names(
        tasks=list(layout.cards),
        titles=[card.title for card in layout.cards.values()],
        metrics=_metrics(layout),
        settings=_settings(layout),
        sizes=layout.sizes,
    )


def _items(data: ReportData, layout: Layout) -> Markup | None:
    """Return the blob of the item explorer, None without items."""
    if not data.items:
        return None
    order = {name: i for i, name in enumerate(layout.cards)}
    tasks = sorted(data.items, key=lambda task: order[task.task])
    page = ItemPage(tasks, data.flips, models_of(data.trends), _names(layout))
    return Markup(packed_items(page))


def _payload(data: ReportData, layout: Layout) -> dict[str, Any]:
    names = _names(layout)
    return {
        "data": data_json(data.trends, data.flips, data.curves, names)
        | {"causes": _causes_json(layout, names)},
        "specs": specs_json(layout.panels, layout.sizes, size_ticks(data.trends)),
        "atlas": [_atlas(data, layout, view) for view in layout.views],
        "differences": [_differences(data, layout, view) for view in layout.views],
        "spread_specs": spread_json(layout.spread),
        "spread": [_spread(view.rows(data.trends), layout) for view in layout.views],
        "dumbbells": [_dumbbells(_scored(view, data.trends), layout) for view in layout.views],
    }


def _atlas(data: ReportData, layout: Layout, view: View) -> dict[str, Any]:
    """Return the rows of the atlas in the order of the page, and the tokens that it shows."""
    tables = (view.rows(data.trends), view.rows(data.flips), _of(view, data.movement_lines))
    trends, flips, lines = (None if t is None else _in_order(t, layout) for t in tables)
    assert trends is not None
    assert flips is not None
    rows = atlas_rows(trends, flips, lines)
    return {"rows": rows_json(rows), "reach": list(atlas_reach(rows)) if len(rows) else None}


def _differences(data: ReportData, layout: Layout, view: View) -> list[Spec]:
    """Return the differences from the base model over tuning, paired by item where they are."""
    paired = _of(view, data.over_tuning)
    rows = difference_rows(_in_order(_scored(view, data.trends), layout))
    rows = paired_rows(rows, None if paired is None else _titled(paired, layout))
    return rows_json(rows[["row", "size", "x", "step", "difference", "lo", "hi"]])


def _spread(trends: pd.DataFrame, layout: Layout) -> dict[str, list[list[Spec]]]:
    """Return per task and panel the mean, the least and the greatest of the runs of each size."""
    if not layout.spread:
        return {}
    columns = ["size", "key", "x", "step", "value", "lo", "hi", "n_seeds"]
    by_task = {
        str(task): spread_rows(rows)
        for task, rows in trends.groupby("task", observed=True)
        if task in layout.cards
    }
    return {
        task: [rows_json(spread_points(panel, rows)[columns]) for panel in layout.spread]
        for task, rows in by_task.items()
    }


def _causes_json(layout: Layout, names: Names) -> list[dict[str, Any]]:
    place = {name: i for i, name in enumerate(names.tasks)}
    return [
        {"title": cause.title, "tasks": [place[card.name] for card in cause.cards]}
        for cause in _mean_causes(layout)
    ]


def _dumbbells(trends: pd.DataFrame, layout: Layout) -> list[Spec]:
    return rows_json(dumbbell_rows(_in_order(trends, layout)))


def _in_order(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return `frame` in the order of the page, with titles in place of the names of tasks."""
    order = {name: i for i, name in enumerate(layout.cards)}
    rows = frame.assign(order=frame["task"].map(order)).sort_values("order", kind="stable")
    return _titled(rows, layout)


def _titled(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return `frame` with titles in place of the names of tasks."""
    titles = {name: card.title for name, card in layout.cards.items()}
    return frame.assign(task=frame["task"].map(titles))


def _blocks(data: ReportData, layout: Layout) -> list[ViewBlock]:
    groups = column_groups(data.trends, layout.panels)
    blocks = []
    for view in layout.views:
        flips = view.rows(data.flips)
        verdicts = matrix(flips, groups, layout.causes)
        tuning = _tuning(data, layout, view)
        blocks.append(
            ViewBlock(
                view=view,
                matrix=verdicts,
                findings=prose.findings(tally(verdicts), view.metric),
                flips=flip_table(flips[flips["axis"] == TIME_AXIS], layout.cards),
                other_flips=flip_table(flips[flips["axis"] != TIME_AXIS], layout.cards),
                tuning=tuning,
                tuning_findings=tuning_findings(layout.causes, tuning),
                tuned=tuned_view(data.tuned, view, layout.cards, layout.sizes),
                movement=movement_rows(_of(view, data.movement), layout.cards),
                surface=surface_rows(_of(view, data.surface), layout.cards),
                beside=beside_rows(data.beside, view, layout.cards),
            )
        )
    return blocks


def _of(view: View, table: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if table is None or table.empty else view.rows(table)


def _scored(view: View, trends: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `view` that have a value: of the others nothing can be said to change."""
    rows = view.rows(trends)
    return rows[rows["value"].notna()]


def _tuning(data: ReportData, layout: Layout, view: View) -> list[TuningRow]:
    paired = None if data.comparisons is None else view.rows(data.comparisons)
    better = view.metric.higher_is_better
    return tuning_rows(_scored(view, data.trends), paired, layout.cards, better)


def _mean_causes(layout: Layout) -> list[CauseGroup]:
    """Return the causes of inverse scaling, if one of them has tasks to take a mean over."""
    causes = [cause for cause in layout.causes if cause.cards[0].cause is not None]
    return causes if any(len(cause.cards) > 1 for cause in causes) else []


def _regression(data: ReportData, layout: Layout) -> list[RegressionRow]:
    if data.regression is None or data.regression.empty:
        return []
    return regression_rows(data.regression, layout.cards, _titles(layout))


def _policy(*scripts: str) -> str:
    """Return a Content-Security-Policy that runs these scripts only and reaches no network."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _script() -> str:
    return "".join(map(_source, _SCRIPTS))


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
