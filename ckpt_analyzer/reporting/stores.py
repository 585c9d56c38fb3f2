"""Several stores on one page: each is a suite of the page, called by the name of its store.

In: stores, what the report of each shows, and a label for each. Out: what one page shows. Nothing
is compared here; ``analysis/side_by_side.py`` does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from ckpt_analyzer.analysis.side_by_side import Matching, compare_stores
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.html_report.beside import Beside
from ckpt_analyzer.html_report.items import ItemTask
from ckpt_analyzer.html_report.report_data import ReportData
from ckpt_analyzer.html_report.tuned import Question, TuningTables
from ckpt_analyzer.store.store import Store


def joined(labels: Sequence[str], pages: Sequence[ReportData], title: str | None) -> ReportData:
    """Return one page of all; the items of the explorer are those of the first store."""
    named = [_named(label, page) for label, page in zip(labels, pages, strict=True)]
    return replace(
        named[0],
        title=title or " beside ".join(labels),
        trends=_stacked(page.trends for page in named),
        flips=_stacked(page.flips for page in named),
        regression=_any(page.regression for page in named),
        movement=_any(page.movement for page in named),
        movement_lines=_any(page.movement_lines for page in named),
        surface=_any(page.surface for page in named),
        over_tuning=_any(page.over_tuning for page in named),
        runs=_stacked(page.runs for page in named),
        tasks=list({card.name: card for page in reversed(named) for card in page.tasks}.values()),
        sweep_yaml="\n---\n".join(filter(None, (page.sweep_yaml for page in named))) or None,
        warnings=[warning for page in named for warning in page.warnings],
        comparisons=_any(page.comparisons for page in named),
        doubts=_any(page.doubts for page in named),
        metrics=list({m.name: m for page in named for m in page.metrics}.values()),
        tuned=_tuned([page.tuned for page in named if page.tuned is not None]),
        questions=[question for page in named for question in page.questions],
        command="\n".join(page.command for page in named),
    )


def read_beside(stores: Sequence[Store], metrics: Sequence[str]) -> Beside | None:
    """Return what the other stores differ in from the first; None where no series match.

    A store that shares nothing with the first in a metric is named in the notes.
    """
    points, shapes = [], []
    notes: dict[str, None] = {}
    for metric, other in product(metrics, stores[1:]):
        try:
            found = compare_stores([stores[0], other], Matching(metric=metric))
        except UserError as error:
            notes[f"{error.problem}, in {metric}."] = None
            continue
        points.append(found.points)
        shapes.append(found.shapes)
        notes |= dict.fromkeys(found.notes)
    if not points:
        return None
    return Beside(_of_views(points), _of_views(shapes), tuple(notes))


def _of_views(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return all rows, found by the dtype of the first store."""
    known = [table for table in tables if len(table)] or list(tables[:1])
    rows = pd.concat(known, ignore_index=True)
    return rows.assign(dtype=rows["dtype_base"])


def _named(label: str, page: ReportData) -> ReportData:
    """Return `page` with the store's name for its suite, or before it where it has several."""
    several = page.trends["suite"].nunique() > 1

    def rename(frame: pd.DataFrame) -> pd.DataFrame:
        if "suite" not in frame.columns:
            return frame
        return frame.assign(suite=f"{label}: " + frame["suite"] if several else label)

    def of(frame: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if frame is None else rename(frame)

    def model(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(model=f"{label}: " + frame["model"].astype(str))

    tuned = page.tuned
    return replace(
        page,
        trends=rename(page.trends),
        flips=rename(page.flips),
        regression=of(page.regression),
        movement=of(page.movement),
        movement_lines=of(page.movement_lines),
        surface=of(page.surface),
        comparisons=of(page.comparisons),
        over_tuning=of(page.over_tuning),
        runs=model(page.runs) if len(page.runs) else page.runs,
        items=[_named_items(label, task, several=several) for task in page.items],
        warnings=[f"{label}: {warning}" for warning in page.warnings],
        tuned=None
        if tuned is None
        else TuningTables(rename(tuned.groups), rename(tuned.shapes), rename(tuned.items)),
        questions=[
            Question(f"{label}: {each.question}", each.answer, each.is_answered)
            for each in page.questions
        ],
    )


def _named_items(label: str, task: ItemTask, *, several: bool) -> ItemTask:
    named = (
        replace(series, suite=f"{label}: {series.suite}" if several else label)
        for series in task.series
    )
    return replace(task, series=tuple(named))


def _tuned(tables: Sequence[TuningTables]) -> TuningTables | None:
    if not tables:
        return None
    return TuningTables(
        _stacked(each.groups for each in tables),
        _stacked(each.shapes for each in tables),
        _stacked(each.items for each in tables),
    )


def _any(frames: Iterable[pd.DataFrame | None]) -> pd.DataFrame | None:
    found = [frame for frame in frames if frame is not None]
    return _stacked(found) if found else None


def _stacked(frames: Iterable[pd.DataFrame | None]) -> pd.DataFrame:
    """Return all rows; an empty frame, whose columns have no types, adds none."""
    known = [frame for frame in frames if frame is not None]
    return pd.concat([frame for frame in known if len(frame)] or known[:1], ignore_index=True)
