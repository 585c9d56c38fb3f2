"""The charts of a store: for a notebook, and as figures for papers at the width of a column.

In: a store and what to draw. Out: a chart; or files, SVG, PDF and PNG, and beside each figure its
Vega-Lite specification and its numbers as CSV. This is the module that joins the store and the
charts outside the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from ckpt_analyzer import charts, metrics, tasks
from ckpt_analyzer.analysis.comparing import over_tuning
from ckpt_analyzer.analysis.fitting import fit_if_needed
from ckpt_analyzer.charts._chart import Chart
from ckpt_analyzer.charts._one import require_one
from ckpt_analyzer.charts._print import Column, picture
from ckpt_analyzer.charts._series import SETTING
from ckpt_analyzer.charts.difference_over_tuning import difference_rows, paired_rows
from ckpt_analyzer.errors import StoreError, UnknownNameError, UserError
from ckpt_analyzer.file_names import file_name
from ckpt_analyzer.stats.movement import lines
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.given import check_store
from ckpt_analyzer.store.spreadsheet import FORMULA
from ckpt_analyzer.store.store import Store

if TYPE_CHECKING:
    import altair as alt

#: The metrics that are drawn of a task unless others are named: the first that it has.
FIRST = ("accuracy", "sequence_loss", "logodds", "absolute_logodds")
COLUMNS: tuple[Column, ...] = get_args(Column)
#: The chart that ``compare --chart`` draws.
DIFFERENCES = "difference-over-tuning"
_PICTURES = (".svg", ".pdf", ".png")


@dataclass(frozen=True)
class Wanted:
    """Which figures to draw; an empty choice means all, of metrics the first of each task."""

    charts: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    columns: tuple[Column, ...] = COLUMNS


@dataclass(frozen=True)
class Figure:
    """A figure that was written, or why it was not.

    Parameters
    ----------
    name
        Chart, task, metric and setting: ``metric-over-tokens_memo-trap_accuracy``.
    files
        None where there is nothing to draw.
    left_out
        Why there is none; empty for a figure that was written.
    """

    name: str
    files: tuple[Path, ...]
    left_out: str = ""


def write_figures(store: Store, folder: Path, wanted: Wanted | None = None) -> Iterator[Figure]:
    """Write the figures of `store` into `folder`; yield each when it is done.

    The store is fitted if it is not yet. Names say what is in a file; the same store gives the same
    bytes.

    Raises
    ------
    StoreError
        If the store holds no scores, or the folder cannot be written.
    UnknownNameError
        If a chart, task or metric is not known.
    """
    wanted = wanted or Wanted()
    fit_if_needed(store)
    trends, flips = store.trends(), store.flips()
    moves = lines(store.description("movement"))
    if trends.empty:
        raise StoreError("the store holds no scores", where=str(store.path))
    _check(wanted.tasks, "task in the store", trends["task"], store)
    _check(wanted.metrics, "metric in the store", trends["metric"], store)
    chosen = [charts.load(name) for name in wanted.charts or charts.names()]
    paired = cache(lambda metric: over_tuning(store, metric))
    settings = trends[list(SETTING)].drop_duplicates().sort_values(list(SETTING))
    for setting, chart in product(settings.itertuples(index=False, name=None), chosen):
        name_of_setting = _setting(setting, settings)
        for rows in _subjects(_in_setting(trends, setting), chart, wanted):
            name = "_".join(filter(None, (chart.name, rows.subject, rows.metric, name_of_setting)))
            mine = _in_setting(flips[flips["metric"] == rows.metric], setting)
            mine = mine[mine["task"].isin(rows.trends["task"].unique())]
            moving = _in_setting(moves[moves["metric"] == rows.metric], setting)
            pairs = paired(rows.metric) if chart.draw_rows else None
            drawn = _Drawn(chart, rows.trends, mine, moving, pairs)
            yield _write(drawn, _Place(folder, file_name(name), wanted.columns))


def write_differences(store: Store, metric: str, path: Path) -> Path:
    """Draw what tuning changed at each of its checkpoints, paired by item where there are items.

    Raises
    ------
    UserError
        If the file's ending names no picture, the store several settings, or no tuned model was
        scored together with its base.
    """
    if path.suffix not in _PICTURES:
        raise UserError(
            "a chart is written as a picture",
            where=str(path),
            hint=f"give it one of these endings: {', '.join(_PICTURES)}",
        )
    trends = store.trends([metric])
    require_one(trends, ("metric", *SETTING))
    record = charts.load(DIFFERENCES)
    drawn = _Drawn(record, trends, trends.iloc[:0], trends.iloc[:0], over_tuning(store, metric))
    found = picture(drawn.spec(), "double")
    content = getattr(found, path.suffix[1:])
    write_whole(path, content.encode() if isinstance(content, str) else content)
    return path


def chart(
    store: Store,
    name: str = "metric-over-tokens",
    *,
    task: str | None = None,
    metric: str | None = None,
    **setting: str | int,
) -> alt.TopLevelMixin:
    """Return a chart of `store` that shows by itself in a notebook; the store is fitted if needed.

    Parameters
    ----------
    name
        Of a file in ``charts/``, with dashes or underscores.
    task
        Needed by charts of one task where the store holds several.
    metric
        By default the first that the tasks have: accuracy, if they have it.
    setting
        ``shots``, ``prompt_format`` and ``dtype``, each where the store holds several.

    Raises
    ------
    UserError
        If there is nothing to draw, or more than the chart can show; it says what to choose.
    UnknownNameError
        If the chart, task, metric or part of the setting is not known.
    """
    check_store(store)
    for part in set(setting) - set(SETTING):
        raise UnknownNameError("part of a setting", part, SETTING)
    record = charts.load(name.replace("_", "-"))
    fit_if_needed(store)
    trends, flips, moves = store.trends(), store.flips(), lines(store.description("movement"))
    asked: dict[str, object] = {"task": task, **setting}
    for column, value in (asked | {"metric": metric}).items():
        known = {str(each): each for each in trends[column].unique()}
        if value is not None and str(value) not in known:
            raise UnknownNameError(
                f"{column} in the store", str(value), known, where=str(store.path)
            )
        if value is not None and column in asked:
            asked[column] = known[str(value)]
    trends, flips, moves = (_only(each, asked) for each in (trends, flips, moves))
    metric = metric or next(iter(_metrics(trends, Wanted())), None) if len(trends) else metric
    trends, flips, moves = (_only(each, {"metric": metric}) for each in (trends, flips, moves))
    _require_choice(trends, ("task", *SETTING) if record.one_task else SETTING)
    pairs = over_tuning(store, metric) if record.draw_rows and metric else None
    return _Drawn(record, trends, flips, moves, pairs).altair()


def _only(frame: pd.DataFrame, wanted: Mapping[str, object]) -> pd.DataFrame:
    for name, value in wanted.items():
        if value is not None and name in frame:
            frame = frame[frame[name] == value]
    return frame


def _require_choice(trends: pd.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        values = [repr(value) for value in trends[column].drop_duplicates().tolist()]
        if len(values) > 1:
            raise UserError(
                f"the chart shows one {column} at a time, the store holds {len(values)}",
                where=f"{column}: {', '.join(values[:8])}",
                hint=f"choose one: {column}={values[0]}",
            )


@dataclass(frozen=True)
class _Subject:
    """What one figure is drawn of."""

    subject: str
    metric: str
    trends: pd.DataFrame


@dataclass(frozen=True)
class _Drawn:
    """A chart and what it is drawn of.

    Trends, flips, how turns move with size, and differences that are paired by item.
    """

    chart: Chart
    trends: pd.DataFrame
    flips: pd.DataFrame
    moves: pd.DataFrame
    paired: pd.DataFrame | None = None

    def rows(self) -> pd.DataFrame:
        """Return the numbers that are drawn."""
        if self.chart.draw_rows is not None:
            return paired_rows(difference_rows(self.trends), self.paired)
        rows = self.chart.rows
        return self.trends if rows is None else rows(self.trends, self.flips)

    def altair(self) -> alt.TopLevelMixin:
        """Return the chart, with titles in place of names."""
        if self.chart.draw_rows is not None:
            rows = self.rows()
            names = zip(rows["row"], rows["task"], _titled(rows)["task"], strict=True)
            rows["row"] = [row.replace(task, title, 1) for row, task, title in names]
            return self.chart.draw_rows(rows, _titled(self.trends))
        trends, flips, moves = map(_titled, (self.trends, self.flips, self.moves))
        moving = self.chart.draw_moving
        return self.chart.draw(trends, flips) if moving is None else moving(trends, flips, moves)

    def spec(self) -> dict[str, Any]:
        """Return the chart's specification."""
        spec: dict[str, Any] = self.altair().to_dict()
        return spec


@dataclass(frozen=True)
class _Place:
    folder: Path
    name: str
    columns: Sequence[Column]


def _check(names: Sequence[str], kind: str, known: pd.Series, store: Store) -> None:
    for name in names:
        if name not in set(known):
            raise UnknownNameError(kind, name, known.unique(), where=str(store.path))


def _subjects(trends: pd.DataFrame, chart: Chart, wanted: Wanted) -> Iterator[_Subject]:
    if wanted.tasks:
        trends = trends[trends["task"].isin(wanted.tasks)]
    of_task = {task: _metrics(rows, wanted) for task, rows in trends.groupby("task", sort=True)}
    if chart.one_task:
        for task, names in of_task.items():
            for metric in names:
                rows = trends[(trends["task"] == task) & (trends["metric"] == metric)]
                yield _Subject(str(task), metric, rows)
        return
    for metric in dict.fromkeys(name for names in of_task.values() for name in names):
        yield _Subject("", metric, trends[trends["metric"] == metric])


def _metrics(rows: pd.DataFrame, wanted: Wanted) -> list[str]:
    present = sorted(rows["metric"].unique())
    if wanted.metrics:
        return [name for name in wanted.metrics if name in present]
    return [next((name for name in FIRST if name in present), present[0])]


def _setting(setting: tuple[object, ...], settings: pd.DataFrame) -> str:
    """Return the setting as part of a name, where the store holds several."""
    words = {"shots": f"{setting[0]}-shot", "prompt_format": setting[1], "dtype": setting[2]}
    return "_".join(str(word) for name, word in words.items() if settings[name].nunique() > 1)


def _in_setting(frame: pd.DataFrame, setting: tuple[object, ...]) -> pd.DataFrame:
    for name, value in zip(SETTING, setting, strict=True):
        frame = frame[frame[name] == value]
    return frame


def _write(drawn: _Drawn, place: _Place) -> Figure:
    try:
        spec = drawn.spec()
    except UserError as error:  # a chart that has nothing to show says why
        return Figure(place.name, (), error.problem)
    files = []
    for column in place.columns:
        found = picture(spec, column)
        contents = {
            "svg": found.svg.encode(), "pdf": found.pdf, "png": found.png,
            "vl.json": found.spec.encode(),
        }  # fmt: skip
        files += [_file(place, f"_{column}.{ending}", made) for ending, made in contents.items()]
    files += [_file(place, f"{end}.csv", _csv(table)) for end, table in _numbers(drawn).items()]
    return Figure(place.name, tuple(files))


def _numbers(drawn: _Drawn) -> dict[str, pd.DataFrame]:
    """Return the tables behind a figure, by the end of their names."""
    rows, moves = drawn.chart.rows, drawn.chart.draw_moving is not None
    tables = {"": drawn.rows()}
    if rows is None and len(drawn.flips):
        tables["_flips"] = drawn.flips
    if moves and len(drawn.moves):
        tables["_movement"] = drawn.moves
    return tables


def _file(place: _Place, ending: str, content: bytes) -> Path:
    path = place.folder / f"{place.name}{ending}"
    write_whole(path, content)
    return path


def _csv(frame: pd.DataFrame) -> bytes:
    """Return `frame` with every digit of its numbers, and no text that a spreadsheet would run."""
    texts = frame.select_dtypes(["object", "string"]).columns
    marked = {name: frame[name].map(_disarmed) for name in texts}
    return frame.assign(**marked).to_csv(index=False, lineterminator="\n").encode()


def _disarmed(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and re.match(FORMULA, cell) else cell


def _titled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with the titles of tasks and metrics, as a reader wants them."""
    known_tasks, known_metrics = set(tasks.names()), set(metrics.names())
    task = {n: tasks.load(n).title for n in frame["task"].unique() if n in known_tasks}
    metric = {n: _metric_title(n) for n in frame["metric"].unique() if n in known_metrics}
    return frame.assign(task=frame["task"].replace(task), metric=frame["metric"].replace(metric))


def _metric_title(name: str) -> str:
    metric = metrics.load(name)
    return f"{metric.title} ({metric.unit})" if metric.unit == "nats" else metric.title
