"""Results of lm-evaluation-harness (0.3 and 0.4), read into a table of trends.

In: result files, folders or archives of them. Out: one TRENDS row per task, metric and checkpoint.
Model, step and shots come from the configuration *inside* each file, never from its path: of the
published files, some sit in folders that say something else. The module does not know the store.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ckpt_analyzer import suites as declared
from ckpt_analyzer import tables
from ckpt_analyzer.errors import ImportFileError, UnknownNameError
from ckpt_analyzer.importers.result_files import read_documents
from ckpt_analyzer.suite import Checkpoint, Suite

#: The prize tasks are called ``isp_memo_trap`` there and ``memo-trap`` here.
_PRIZE_PREFIX = "isp_"
_METRICS = {"acc": "accuracy", "acc_norm": "accuracy_per_char"}
#: What no evaluation exceeds; a file that says more is damaged.
_LARGEST_SHOTS, _LARGEST_COUNT = 2**31 - 1, 2**53
_PROPORTIONS = ("accuracy", "accuracy_per_char", "mc1")

#: Names under which the final Pythia models were evaluated before their release: v1.1 became the
#: unversioned models, and the 1b model of the release is the bf16 run (EleutherAI/pythia README).
_RENAMED = (
    (re.compile(r"^pythia-v1\.1-"), "pythia-"),
    (re.compile(r"^(pythia-1b)-bf16(?=$|-)"), r"\1"),
)

#: Suites whose branch ``main`` is the last step; elsewhere it may be an average or a later stage.
_MAIN_IS_LAST_STEP = ("pythia",)


@dataclass(frozen=True)
class ImportedResults:
    """What was read.

    Parameters
    ----------
    trends
        Conforms to ``tables.TRENDS``; ``has_items`` is False throughout.
    files_read
        Names of the documents that gave at least one row.
    failures
        Document, or ``document: task/metric``, → why it gave none.
    """

    trends: pd.DataFrame
    files_read: tuple[str, ...]
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """Exact parameter counts of a model."""

    parameters: int
    non_embedding_parameters: int | None


def read_lm_eval(
    paths: Sequence[Path], *, suites: Sequence[Suite] | None = None
) -> ImportedResults:
    """Return the values of all result files under `paths`.

    Each file that cannot be understood is listed in ``failures``; the rest goes on.

    Parameters
    ----------
    paths
        ``.json`` files, folders of them (searched recursively), ``.tar.gz`` archives.
    suites
        Where models are looked up; None for all declared ones.

    Raises
    ------
    ImportFileError
        If a path does not exist, or nothing at all could be read.

    Notes
    -----
    ``n_items`` follows from the harness's standard error, ``sqrt(p (1 - p) / (n - 1))``, and is
    null where that gives no whole number. ``suspect`` stays null: reports of wrong weights concern
    what the Hub serves today, not what was evaluated then.
    """
    known = tuple(declared.load(name) for name in declared.names()) if suites is None else suites
    rows: dict[tuple[object, ...], dict[str, Any]] = {}
    files_read: list[str] = []
    failures: dict[str, str] = {}
    for document in read_documents(paths):
        try:
            if document.failure:
                raise _UnreadableError(document.failure)
            found = list(_rows(document.content, known))
        except _UnreadableError as error:
            failures[document.name] = str(error)
            continue
        added = [_add(row, rows, document.name, failures) for row in found]
        if any(added):
            files_read.append(document.name)
    if not rows:
        raise _nothing(paths, failures)
    trends = _frame(list(rows.values()))
    tables.conform(trends, tables.TRENDS)
    return ImportedResults(trends, tuple(files_read), failures)


def size_of(model_name: str, suites: Sequence[Suite]) -> Size:
    """Return the exact parameter counts of the model of this name or Hub repository.

    Raises
    ------
    UnknownNameError
        If no suite has it; it names the nearest.
    """
    suite, name = _find_model(model_name, suites)
    model = suite.model(name)
    return Size(model.parameters, model.non_embedding_parameters)


class _UnreadableError(Exception):
    """Why one document gave no rows; always caught here and listed."""


def _rows(content: Any, suites: Sequence[Suite]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yield one TRENDS row per task and metric of a parsed result file."""
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise _UnreadableError("no `results`: this is not a result file of lm-evaluation-harness")
    config = content.get("config")
    if not isinstance(config, dict) or "model_args" not in config:
        raise _UnreadableError("no `config.model_args`: model and step are unknown")
    args = _model_args(config["model_args"])
    common = _checkpoint_columns(_checkpoint(args, suites)) | {"dtype": _dtype(args, config)}
    for task, metrics in content["results"].items():
        if not isinstance(metrics, dict):
            raise _UnreadableError(f"the results of {task} are no mapping of metrics to values")
        columns = common | {"task": task_key(task), "shots": _shots(content, task)}
        n_items = _n_items(content, task, metrics)
        for name, value, stderr in _metrics(metrics):
            yield columns | {
                "metric": name, "value": value, "stderr": stderr, "n_items": n_items
            }  # fmt: skip


def task_key(name: str) -> str:
    """Return our key of a harness task: ``isp_memo_trap`` is ``memo-trap``, others keep theirs."""
    if name.startswith(_PRIZE_PREFIX):
        return name.removeprefix(_PRIZE_PREFIX).replace("_", "-")
    return name


def _model_args(raw: object) -> Mapping[str, str]:
    if isinstance(raw, str):
        pairs = (part.partition("=") for part in raw.split(",") if part)
        args = {key.strip(): value.strip() for key, _, value in pairs}
    elif isinstance(raw, Mapping):
        args = {str(key): str(value) for key, value in raw.items() if value is not None}
    else:
        args = {}
    if "pretrained" not in args:
        raise _UnreadableError("`config.model_args` names no `pretrained` model")
    for adapter in ("peft", "delta"):
        if adapter in args:
            raise _UnreadableError(
                f"the model carries `{adapter}={args[adapter]}`: not a checkpoint"
            )
    return args


def _checkpoint(args: Mapping[str, str], suites: Sequence[Suite]) -> Checkpoint:
    try:
        suite, name = _find_model(args["pretrained"], suites)
        model = suite.model(name)
        revision = args.get("revision", "main")
        if revision == "main" and suite.name in _MAIN_IS_LAST_STEP:
            return suite.checkpoint(model, model.steps[-1])
        pattern = re.escape(model.revision).replace(re.escape("{step}"), r"(\d+)")
        match = re.fullmatch(pattern, revision)
        if match is None:
            raise _UnreadableError(
                f"revision {revision!r} of {name} names no step (they look like {model.revision!r})"
            )
        return suite.checkpoint(model, int(match[1]))
    except UnknownNameError as error:
        raise _UnreadableError(" ".join(str(error).split())) from error


def _find_model(pretrained: str, suites: Sequence[Suite]) -> tuple[Suite, str]:
    """Return the suite that holds a model of this name or repository, and its name there."""
    name = pretrained.rpartition("/")[2]
    for pattern, new in _RENAMED:
        name = pattern.sub(new, name)
    for suite in suites:
        for model in suite.models:
            if pretrained == model.repo or name == model.name:
                return suite, model.name
    raise UnknownNameError("declared model", name, (m.name for s in suites for m in s.models))


def _checkpoint_columns(checkpoint: Checkpoint) -> dict[str, Any]:
    model = checkpoint.model
    return {
        "suite": checkpoint.suite,
        "model": model.name,
        "size": model.size,
        "arm": model.arm,
        "base_model": model.base_model,
        "parameters": model.parameters,
        "non_embedding_parameters": model.non_embedding_parameters,
        "prompt_format": "lm-eval",
        "step": checkpoint.step,
        "tokens": checkpoint.tokens,
        "arm_tokens": checkpoint.arm_tokens,
        "flops": 6.0 * model.parameters * checkpoint.tokens,
        "n_unscored": 0,
        "chance": None,
        "constant_label": None,
        "has_items": False,
        "suspect": None,
    }


def _dtype(args: Mapping[str, str], config: Mapping[str, Any]) -> str:
    stated = args.get("dtype") or config.get("model_dtype") or "unstated"
    return str(stated).removeprefix("torch.")


def _shots(content: Mapping[str, Any], task: str) -> int:
    stated = _section(content, "n-shot").get(task, content["config"].get("num_fewshot"))
    if type(stated) is not int or not 0 <= stated <= _LARGEST_SHOTS:
        raise _UnreadableError(f"neither `n-shot` of {task} nor `config.num_fewshot` is a number")
    return stated


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a results file that may be missing; what is there must be a mapping."""
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise _UnreadableError(f"`{name}` is no mapping")
    return found


def _metrics(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float, float | None]]:
    """Yield name, value and standard error; ``acc,none`` (0.4) and ``acc`` (0.3) are the same."""
    for key, value in metrics.items():
        name, comma, kept = key.partition(",")
        if name.endswith("_stderr") or isinstance(value, bool) or name in ("alias", "sample_len"):
            continue
        number = _number(value)
        if number is None:
            continue
        stderr = metrics.get(f"{name}_stderr{comma}{kept}")
        ours = _METRICS.get(name, name) + ("" if kept in ("", "none") else f",{kept}")
        yield ours, number, _finite(stderr)


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _finite(value: object) -> float | None:
    """Return a standard error; None where it is none."""
    number = _number(value)
    return number if number is not None and math.isfinite(number) and number >= 0 else None


def _n_items(content: Mapping[str, Any], task: str, metrics: Mapping[str, Any]) -> int | None:
    """Return the number of items: as stated (0.4), or from the error of a proportion."""
    counts = _section(content, "n-samples").get(task, {})
    stated = counts.get("effective") if isinstance(counts, dict) else None
    if type(stated) is int and 0 < stated <= _LARGEST_COUNT:
        return stated
    for name, p, stderr in _metrics(metrics):
        if name in _PROPORTIONS and stderr and 0 < p < 1:
            n = p * (1 - p) / stderr**2 + 1
            if abs(n - round(n)) < 1e-3:
                return round(n)
    return None


def _add(
    row: dict[str, Any],
    rows: dict[tuple[object, ...], dict[str, Any]],
    name: str,
    failures: dict[str, str],
) -> bool:
    """Put `row` among `rows`, unless it is not a number or contradicts one that is there."""
    key = tuple(row[column] for column in (*tables.SERIES, "step"))
    label = f"{name}: {row['task']}/{row['metric']}"
    if not math.isfinite(row["value"]):
        failures[label] = "the value is not a finite number"
        return False
    if key in rows and rows[key]["value"] != row["value"]:
        failures[label] = f"another file gives {rows[key]['value']} for it; the first is kept"
        return False
    rows.setdefault(key, row)
    return True


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for column in ("n_items", "non_embedding_parameters"):
        frame[column] = frame[column].astype("Int64")
    for column in ("stderr", "chance", "constant_label"):
        frame[column] = frame[column].astype("float64")
    # A proportion of exactly 0 or 1 has no error to count items from: its neighbours tell.
    counts = frame.groupby("task")["n_items"].agg(["min", "max"])
    agreed = counts["max"].where(counts["min"] == counts["max"])
    frame["n_items"] = frame["n_items"].fillna(frame["task"].map(agreed).astype("Int64"))
    ordered: pd.DataFrame = frame.sort_values([*tables.SERIES, "step"], ignore_index=True)
    return ordered[list(tables.TRENDS.names)]


def _nothing(paths: Sequence[Path], failures: Mapping[str, str]) -> ImportFileError:
    first = next(iter(failures.items()), None)
    why = f"; the first of {len(failures)}: {first[0]}: {first[1]}" if first else ""
    return ImportFileError(
        f"no result could be read{why}",
        where=", ".join(map(str, paths)),
        hint="expected result files of lm-evaluation-harness, version 0.3 or 0.4",
    )
