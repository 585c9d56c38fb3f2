"""Results of lighteval, read into trends and item scores.

In: ``results_….json`` files and ``details_….parquet`` files. Out: one TRENDS row per task, metric
and checkpoint, and what each item got where details were kept. Model and revision come from
``config_general``, shots from the task's key (``leaderboard|arc:challenge|25``), which is part of
the content; never from a path.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_analyzer import suites as declared
from ckpt_analyzer.harness.names import OURS, metric_name
from ckpt_analyzer.importers._checkpoints import (
    checkpoint_columns,
    checkpoint_of,
    dtype_of,
    parsed_args,
)
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
from ckpt_analyzer.importers._result_files import Document, read_documents
from ckpt_analyzer.suite import Checkpoint, Suite

PROMPT_FORMAT = "lighteval"
_TOLERANCE = 1e-6


def read_lighteval(
    paths: Sequence[Path], *, suites: Sequence[Suite] | None = None
) -> ImportedResults:
    """Return the values of all results under `paths`, and the items of all details.

    Each file that cannot be understood is listed in ``failures``; the rest goes on. Details belong
    to the results file with their time stamp.

    Parameters
    ----------
    paths
        ``.json`` and ``.parquet`` files, folders of them (searched recursively), ``.tar.gz``
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
    results: list[Document] = []
    for document in read_documents(paths, (".json",), others=(".parquet",)):
        try:
            rows = list(_rows(_content(document), known))
        except UnreadableError as error:
            gathered.failures[document.name] = str(error)
            continue
        gathered.take_rows(document.name, rows)
        results.append(document)
    for document in read_documents(paths, (".parquet",), others=(".json",)):
        try:
            _content(document)
            gathered.take_unit(document.name, _unit(document, results, known))
        except UnreadableError as error:
            gathered.failures[document.name] = str(error)
    return gathered.results(paths, "results and details of lighteval")


FORMAT = ResultFormat(
    "lighteval", "lighteval", lambda paths, suites: read_lighteval(paths, suites=suites)
)


def _content(document: Document) -> Any:  # noqa: ANN401
    if document.failure:
        raise UnreadableError(document.failure)
    return document.content


def _rows(content: Any, suites: Sequence[Suite]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    general, results = _parts(content)
    common = checkpoint_columns(_checkpoint(general, suites), PROMPT_FORMAT)
    common["dtype"] = dtype_of(general.get("model_dtype"))
    for key, metrics in _by_task(results).items():
        task, shots = _task_and_shots(key)
        for name, value in metrics.items():
            if not _is_number(value) or name.endswith("_stderr"):
                continue
            stderr = metrics.get(f"{name}_stderr", math.nan)
            is_known = _is_number(stderr) and math.isfinite(stderr)
            yield common | {
                "task": task,
                "shots": shots,
                "metric": OURS.get(name, name),
                "value": float(value),
                "stderr": float(stderr) if is_known else None,
                "n_items": None,
            }


def _parts(content: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:  # noqa: ANN401
    general = content.get("config_general") if isinstance(content, dict) else None
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(general, dict) or not isinstance(results, dict):
        raise UnreadableError("no `config_general` or no `results`: these are not lighteval's")
    return general, results


def _by_task(results: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the results of single tasks: means over tasks are left out."""
    found = {k: v for k, v in results.items() if k != "all" and ":_average" not in k}
    if not all(isinstance(each, dict) for each in found.values()):
        raise UnreadableError("an entry of `results` is no mapping of metrics")
    return found


def _task_and_shots(key: str) -> tuple[str, int]:
    """Return name and shots of ``suite|name|shots``, with or without suite, or more behind it."""
    parts = key.split("|")
    for place in (2, 1):
        if len(parts) > place and parts[place].isdecimal():
            return parts[place - 1], int(parts[place])
    raise UnreadableError(f"the task {key!r} does not tell its shots: it is not suite|name|shots")


def _checkpoint(general: Mapping[str, Any], suites: Sequence[Suite]) -> Checkpoint:
    config = general.get("model_config")
    args = {**parsed_args(config), **parsed_args(general.get("model_args"))}
    name = args.get("pretrained") or args.get("model_name") or general.get("model_name")
    if not isinstance(name, str) or not name:
        raise UnreadableError("`config_general` names no model")
    return checkpoint_of(name, args.get("revision", "main"), suites)


def _unit(document: Document, results: Sequence[Document], suites: Sequence[Suite]) -> ImportedUnit:
    """Return the items of `document`, once their means are those of the results file."""
    for result in results:
        stamp = result.file_name.removeprefix("results").removesuffix(".json")
        if not stamp or not document.file_name.endswith(f"{stamp}.parquet"):
            continue
        key = document.file_name.removeprefix("details_").removesuffix(f"{stamp}.parquet")
        general, of_run = _parts(result.content)
        by_task = _by_task(of_run)
        if key not in by_task:
            continue
        task, shots = _task_and_shots(key)
        rows = [_mapping(row) for row in document.content]
        source = Source(
            checkpoint=_checkpoint(general, suites),
            task=task,
            kind="harness",
            shots=shots,
            dtype=dtype_of(general.get("model_dtype")),
            prompt_format=PROMPT_FORMAT,
            content=content_digest([_asked(row) for row in rows]),
            where=document.name,
            commit=str(general.get("model_sha") or ""),
            versions={"lighteval": str(general.get("lighteval_sha") or "unstated")},
        )
        return make_unit(source, _item_rows(rows, by_task[key]))
    raise UnreadableError(
        "no results file that could be read has their task and time stamp: the model is unknown"
    )


def _mapping(row: object) -> Mapping[str, Any]:
    if not isinstance(row, dict) or not ({"metrics", "metric"} & row.keys()):
        raise UnreadableError("no column `metric` or `metrics`: these are not lighteval's details")
    return row


def _asked(row: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return what was asked, without the examples before it."""
    doc = row.get("doc")
    if isinstance(doc, dict):
        return [doc.get("query"), doc.get("choices"), doc.get("gold_index")]
    return [row.get("example"), row.get("choices"), row.get("gold_index")]


def _item_rows(rows: Sequence[Mapping[str, Any]], stated: Mapping[str, Any]) -> list[ItemRow]:
    if not rows:
        raise UnreadableError("the file has no items")
    values = [_values(row) for row in rows]
    names = [name for name in values[0] if _is_number(stated.get(name))]
    kept = [name for name in names if _is_mean(name, values, float(stated[name]))]
    if not kept:
        raise UnreadableError("no metric of the results file is the mean of these details")
    return [
        ItemRow(str(place), values={metric_name(name): float(each[name]) for name in kept})
        for place, each in enumerate(values)
    ]


def _values(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an item got, by metric; older files write it as a text."""
    values = row.get("metric") or row.get("metrics")
    if isinstance(values, str):
        try:
            values = ast.literal_eval(values)
        except (ValueError, SyntaxError) as error:
            raise UnreadableError("the metrics of an item cannot be read") from error
    if not isinstance(values, dict):
        raise UnreadableError("the metrics of an item are no mapping")
    return values


def _is_mean(name: str, values: Sequence[Mapping[str, Any]], stated: float) -> bool:
    """Return whether the file's value is the mean; accuracies that differ are another run's."""
    numbers = [each.get(name, math.nan) for each in values]
    if not all(_is_number(number) and math.isfinite(number) for number in numbers):
        return False
    mean = float(np.mean(np.array(numbers, dtype=float)))
    if abs(mean - stated) <= _TOLERANCE:
        return True
    if name in OURS:
        raise UnreadableError(
            f"the details have a mean {name} of {mean:.6g}, the results file says {stated:.6g}"
        )
    return False


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool)
