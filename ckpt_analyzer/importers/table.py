"""Plain tables, CSV or Parquet: one row per value, or one per item.

In: files with named columns. Out: trends, or the scores of items where there is a column ``item``.
The files that ``export`` writes are such tables.

Columns of values: ``model``, ``task``, ``metric``, ``step``, ``value``; of items: ``item`` and
``score`` in place of ``value``. Others are optional: ``suite``, ``size``, ``arm``, ``base_model``,
``parameters``, ``non_embedding_parameters``, ``tokens``, ``arm_tokens``, ``shots`` (0),
``prompt_format`` (raw), ``dtype`` (unstated), ``stderr``, ``n_items``, ``n_unscored``, ``chance``,
``constant_label``, ``part``. For a model of a declared suite parameters and tokens follow from it;
for any other they must be there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ckpt_analyzer import suites as declared
from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.importers._checkpoints import checkpoint_columns, find_model
from ckpt_analyzer.importers._gathered import (
    Gathered,
    ImportedResults,
    ResultFormat,
    UnreadableError,
)
from ckpt_analyzer.importers._items import (
    ImportedUnit,
    ItemRow,
    Source,
    content_digest,
    make_unit,
)
from ckpt_analyzer.importers._result_files import read_documents
from ckpt_analyzer.suite import ARMS, Checkpoint, Model, Suite

_ENDINGS = (".csv", ".parquet")
_TEXTS = ("model", "task", "metric")
_ITEM_SERIES = ("suite", "model", "arm", "task", "shots", "prompt_format", "dtype", "step")
_DEFAULTS = {
    "shots": 0,
    "prompt_format": "raw",
    "dtype": "unstated",
    "arm": "base",
    "n_unscored": 0,
}


def read_table(paths: Sequence[Path], *, suites: Sequence[Suite] | None = None) -> ImportedResults:
    """Return the rows of all tables under `paths`.

    A file with a row that cannot be understood is listed in ``failures`` as a whole, with the row;
    the rest goes on.

    Parameters
    ----------
    paths
        ``.csv`` and ``.parquet`` files, folders of them (searched recursively), ``.tar.gz``
        archives.
    suites
        Where models are looked up; None for all declared ones.

    Raises
    ------
    ImportFileError
        If a path does not exist, or nothing at all could be read.
    """
    known = tuple(declared.load(name) for name in declared.names()) if suites is None else suites
    gathered = Gathered()
    for document in read_documents(paths, _ENDINGS):
        try:
            if document.failure:
                raise UnreadableError(document.failure)
            rows = [_Row(place, row, known) for place, row in enumerate(document.content, 1)]
            if not rows:
                raise UnreadableError("the table has no rows")
            _check_columns(document.content[0])
            if "item" in rows[0].given:
                for unit in _units(rows, document.name):
                    gathered.take_unit(document.name, unit)
            else:
                gathered.take_rows(document.name, [row.trend() for row in rows])
        except UnreadableError as error:
            gathered.failures[document.name] = str(error)
    return gathered.results(paths, "tables with columns model, task, metric, step and value")


FORMAT = ResultFormat(
    "table", "a plain CSV or Parquet table", lambda paths, suites: read_table(paths, suites=suites)
)


def _check_columns(cells: Mapping[str, Any]) -> None:
    """Raise if a column that every table has is missing, with the columns that are there."""
    needed = (*_TEXTS, "step", "score" if "item" in cells else "value")
    missing = [name for name in needed if name not in cells]
    if not missing:
        return
    found = ", ".join(map(repr, cells))
    raise UnreadableError(
        f"no column {', '.join(missing)}; the columns are {found}: names are as written here, "
        "with commas between"
    )


class _Row:
    """One row, checked as it is read. An empty cell is one that is not there."""

    def __init__(self, place: int, cells: Mapping[str, Any], suites: Sequence[Suite]) -> None:
        self.place = place
        self.given = {k: v for k, v in cells.items() if v is not None and v != ""}
        self.suites = suites

    def error(self, problem: str) -> UnreadableError:
        return UnreadableError(f"row {self.place}: {problem}")

    def text(self, name: str) -> str:
        value = self.given.get(name, _DEFAULTS.get(name))
        if value is None:
            raise self.error(f"the column {name!r} is missing or empty")
        return str(value)

    def number(self, name: str) -> float | None:
        value = self.given.get(name, _DEFAULTS.get(name))
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        try:
            number = float(value)  # of a text, where another row of the column is none
        except (TypeError, ValueError) as error:
            raise self.error(f"{name} is {value!r}, not a number") from error
        if isinstance(value, bool) or not math.isfinite(number):
            raise self.error(f"{name} is {value!r}, not a finite number")
        return number

    def whole(self, name: str, *, least: int = 0) -> int | None:
        value = self.number(name)
        if value is not None and (value != int(value) or value < least):
            raise self.error(f"{name} is {value:g}, not a whole number from {least} on")
        return None if value is None else int(value)

    def needed(self, name: str, *, least: int = 0) -> int:
        value = self.whole(name, least=least)
        if value is None:
            raise self.error(f"the column {name!r} is missing or empty")
        return value

    def checkpoint(self) -> Checkpoint:
        step = self.needed("step")
        try:
            found = find_model(self.text("model"), self.suites)
        except UnknownNameError as error:
            if "parameters" not in self.given or "tokens" not in self.given:
                near = " ".join(error.hint.split())
                raise self.error(
                    f"{self.text('model')} is no model of a declared suite ({near}): "
                    "give parameters and tokens"
                ) from error
            return self._own(step)
        try:
            model = found.suite.model(found.name)
            checkpoint = found.suite.checkpoint(model, step)
        except UnknownNameError as error:
            raise self.error(" ".join(str(error).split())) from error
        self._check_agrees("parameters", model.parameters)
        self._check_agrees("tokens", checkpoint.tokens)
        return checkpoint

    def trend(self) -> dict[str, Any]:
        value = self.number("value")
        if value is None:
            raise self.error("value is missing, or not a finite number")
        stderr = self.number("stderr")
        if stderr is not None and stderr < 0:
            raise self.error("stderr is negative")
        return checkpoint_columns(self.checkpoint(), self.text("prompt_format")) | {
            **{name: self.text(name) for name in ("task", "metric", "dtype")},
            "shots": self.whole("shots"),
            "value": value,
            "stderr": stderr,
            "n_items": self.whole("n_items"),
            "n_unscored": self.whole("n_unscored"),
            "chance": self.number("chance"),
            "constant_label": self.number("constant_label"),
            "suspect": self.given.get("suspect"),
        }

    def _own(self, step: int) -> Checkpoint:
        """Return the checkpoint of a model that no suite declares."""
        arm = self.text("arm")
        if arm not in ARMS:
            raise self.error(f"arm is {arm!r}: known are {', '.join(ARMS)}")
        tokens, arm_tokens = self.needed("tokens"), self.whole("arm_tokens")
        arm_tokens = tokens if arm_tokens is None else arm_tokens
        name = self.text("model")
        model = Model(
            name=name,
            size=str(self.given.get("size", name)),
            repo=name,
            parameters=self.needed("parameters", least=1),
            non_embedding_parameters=self.whole("non_embedding_parameters"),
            steps=(step,),
            tokens_per_step=0,
            arm=arm,
            base_model=self.given.get("base_model"),
            tokens_before=tokens - arm_tokens,
        )
        return Checkpoint(
            str(self.given.get("suite", name)), model, step, f"step{step}", arm_tokens
        )

    def _check_agrees(self, name: str, known: int) -> None:
        stated = self.whole(name)
        if stated is not None and stated != known:
            raise self.error(f"{name} is {stated}, and that of the declared suite is {known}")


def _units(rows: Sequence[_Row], where: str) -> list[ImportedUnit]:
    """Return one unit per checkpoint, task and setting."""
    groups: dict[tuple[str, ...], list[_Row]] = {}
    for row in rows:
        key = tuple(str(row.given.get(name, _DEFAULTS.get(name))) for name in _ITEM_SERIES)
        groups.setdefault(key, []).append(row)
    return [_unit(group, where) for group in groups.values()]


def _unit(rows: Sequence[_Row], where: str) -> ImportedUnit:
    first = rows[0]
    values: dict[tuple[int, str], dict[str, float]] = {}
    for row in rows:
        part, metric, score = row.whole("part") or 0, row.text("metric"), row.number("score")
        of_item = values.setdefault((part, row.text("item")), {})
        if metric in of_item:
            raise row.error(f"item {row.text('item')} has two values of {metric}")
        if not metric.isidentifier():
            raise row.error(f"{metric!r} is no name of a metric: letters, digits, underscores")
        of_item[metric] = math.nan if score is None else score
    found = [
        ItemRow(item, part=part, values={k: v for k, v in each.items() if not math.isnan(v)})
        for (part, item), each in values.items()
    ]
    source = Source(
        checkpoint=first.checkpoint(),
        task=first.text("task"),
        kind="harness",
        shots=first.needed("shots"),
        dtype=first.text("dtype"),
        prompt_format=first.text("prompt_format"),
        content=content_digest(sorted(values)),
        where=where,
    )
    return make_unit(source, found)
