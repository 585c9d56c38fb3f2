"""Results of lm-evaluation-harness (0.3 and 0.4), read into trends and item scores.

In: result files and sample files, folders or archives of them. Out: one TRENDS row per task, metric
and checkpoint, and the scores of single items where samples were kept. Model, step and shots come
from the configuration *inside* a results file, never from its path: of the published files, some
sit in folders that say something else. The module does not know the store.

Results are a mapping by task (0.3, 0.4), a list with one entry per prompt (the promptsource fork),
or stand under ``table_results`` alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ckpt_analyzer import suites as declared
from ckpt_analyzer.harness.names import OURS
from ckpt_analyzer.importers._checkpoints import (
    checkpoint_columns,
    checkpoint_of,
    dtype_of,
    parsed_args,
    size_of,
)
from ckpt_analyzer.importers._gathered import (
    Gathered,
    ImportedResults,
    ResultFormat,
    UnreadableError,
)
from ckpt_analyzer.importers._lm_eval_samples import Samples, read_samples
from ckpt_analyzer.importers._result_files import Document, read_documents
from ckpt_analyzer.suite import Checkpoint, Suite

__all__ = ["FORMAT", "read_lm_eval", "size_of", "task_key"]

#: The prize tasks are called ``isp_memo_trap`` there and ``memo-trap`` here.
_PRIZE_PREFIX = "isp_"
#: What no evaluation exceeds; a file that says more is damaged.
_LARGEST_SHOTS, _LARGEST_COUNT = 2**31 - 1, 2**53
_PROPORTIONS = ("accuracy", "accuracy_per_char", "mc1")
PROMPT_FORMAT = "lm-eval"

#: Entries of a task's results that are no metric.
_NOT_METRICS = (
    "alias", "name", "sample_len", "sample_count", "task_name", "prompt_name", "prompt_id",
    "dataset_path", "dataset_name", "subset", "fixed_answer_choice_list",
)  # fmt: skip


def read_lm_eval(
    paths: Sequence[Path], *, suites: Sequence[Suite] | None = None
) -> ImportedResults:
    """Return the values of all result files under `paths`, and the items of all sample files.

    Each file that cannot be understood is listed in ``failures``; the rest goes on.

    Parameters
    ----------
    paths
        ``.json`` and ``.jsonl`` files, folders of them (searched recursively), ``.tar.gz``
        archives. A sample file belongs to the results file beside it with the same time stamp.
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
    gathered = Gathered()
    results: list[Document] = []
    for document in read_documents(paths, (".json",), others=(".jsonl",)):
        try:
            rows = list(_rows(_content(document), known))
        except UnreadableError as error:
            gathered.failures[document.name] = str(error)
            continue
        gathered.take_rows(document.name, rows)
        results.append(document)
    for document in read_documents(paths, (".jsonl",), others=(".json",)):
        try:
            _content(document)
            gathered.take_unit(document.name, read_samples(_samples(document, results, known)))
        except UnreadableError as error:
            gathered.failures[document.name] = str(error)
    return gathered.results(paths, "result files of lm-evaluation-harness, version 0.3 or 0.4")


FORMAT = ResultFormat(
    "lm-eval",
    "lm-evaluation-harness, 0.3 and 0.4",
    lambda paths, suites: read_lm_eval(paths, suites=suites),
)


def task_key(name: str) -> str:
    """Return our key of a harness task: ``isp_memo_trap`` is ``memo-trap``, others keep theirs."""
    if name.startswith(_PRIZE_PREFIX):
        return name.removeprefix(_PRIZE_PREFIX).replace("_", "-")
    return name


def _content(document: Document) -> Any:  # noqa: ANN401
    if document.failure:
        raise UnreadableError(document.failure)
    return document.content


def _rows(content: Any, suites: Sequence[Suite]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yield one TRENDS row per task and metric of a parsed result file."""
    by_task = _by_task(content)
    config = content.get("config")
    if not isinstance(config, dict) or "model_args" not in config:
        raise UnreadableError("no `config.model_args`: model and step are unknown")
    common = checkpoint_columns(_checkpoint(config, suites), PROMPT_FORMAT)
    common["dtype"] = _dtype(config)
    for task, metrics in by_task.items():
        columns = common | {"task": task_key(task), "shots": _shots(content, task)}
        n_items = _n_items(content, task, metrics)
        for name, value, stderr in _metrics(metrics):
            yield columns | {
                "metric": name, "value": value, "stderr": stderr, "n_items": n_items
            }  # fmt: skip


def _by_task(content: Any) -> Mapping[str, Mapping[str, Any]]:  # noqa: ANN401
    """Return the results by task, however the file lists them."""
    if not isinstance(content, dict):
        raise UnreadableError("no `results`: this is not a result file of lm-evaluation-harness")
    results = content.get("results", content.get("table_results"))
    if isinstance(results, list):
        return _merged(results)
    if isinstance(results, dict) and all(isinstance(each, dict) for each in results.values()):
        entries = list(results.values())
        is_by_prompt = bool(entries) and all("task_name" in each for each in entries)
        return _merged(entries) if is_by_prompt else results
    raise UnreadableError("no `results`: this is not a result file of lm-evaluation-harness")


def _merged(entries: Sequence[Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return entries with a task and a prompt each by both: one prompt may have several entries."""
    merged: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("task_name"), str):
            raise UnreadableError("an entry of `results` has no `task_name`")
        prompt = entry.get("prompt_name")
        name = entry["task_name"] + ("" if prompt is None else f"+{prompt}")
        known = merged.setdefault(name, {})
        for key, value in entry.items():
            if known.setdefault(key, value) != value and _is_number(value):
                raise UnreadableError(f"two entries of `results` give another {key} of {name}")
    return merged


def _checkpoint(config: Mapping[str, Any], suites: Sequence[Suite]) -> Checkpoint:
    args = parsed_args(config["model_args"])
    if "pretrained" not in args:
        raise UnreadableError("`config.model_args` names no `pretrained` model")
    for adapter in ("peft", "delta"):
        if adapter in args:
            raise UnreadableError(
                f"the model carries `{adapter}={args[adapter]}`: not a checkpoint"
            )
    return checkpoint_of(args["pretrained"], args.get("revision", "main"), suites)


def _dtype(config: Mapping[str, Any]) -> str:
    return dtype_of(parsed_args(config["model_args"]).get("dtype"), config.get("model_dtype"))


def _shots(content: Mapping[str, Any], task: str) -> int:
    by_task = content.get("n-shot")
    stated = by_task.get(task) if isinstance(by_task, dict) else None
    stated = content["config"].get("num_fewshot") if stated is None else stated
    if not isinstance(stated, int) or isinstance(stated, bool):
        raise UnreadableError(f"neither `n-shot` of {task} nor `config.num_fewshot` is a number")
    if not 0 <= stated <= _LARGEST_SHOTS:
        raise UnreadableError(f"`n-shot` of {task} is no number of examples")
    return stated


def _metrics(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float, float | None]]:
    """Yield name, value and standard error; ``acc,none`` (0.4) and ``acc`` (0.3) are the same."""
    for key, value in metrics.items():
        name, comma, kept = key.partition(",")
        if name.endswith("_stderr") or name in _NOT_METRICS or not _is_number(value):
            continue
        stderr = metrics.get(f"{name}_stderr{comma}{kept}")
        ours = OURS.get(name, name) + ("" if kept in ("", "none") else f",{kept}")
        yield ours, _number(value), _finite(stderr)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: float) -> float:
    """Return a number of JSON as a float; one that is beyond floats is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _finite(value: object) -> float | None:
    """Return a standard error; None where it is none."""
    number = _number(value) if isinstance(value, int | float) else math.nan
    return number if math.isfinite(number) and number >= 0 else None


def _n_items(content: Mapping[str, Any], task: str, metrics: Mapping[str, Any]) -> int | None:
    """Return the number of items: as stated (0.4), or from the error of a proportion."""
    counts = content.get("n-samples")
    stated = counts.get(task) if isinstance(counts, dict) else None
    effective = stated.get("effective") if isinstance(stated, dict) else None
    if type(effective) is int and 0 < effective <= _LARGEST_COUNT:
        return effective
    for name, p, stderr in _metrics(metrics):
        if name in _PROPORTIONS and stderr and 0 < p < 1:
            # No power: that of an absurd error raises, where a quotient is infinite or zero.
            n = p * (1 - p) / stderr / stderr + 1
            # One item has no error to speak of.
            if 1.5 < n <= _LARGEST_COUNT and abs(n - round(n)) < 1e-3:
                return round(n)
    return None


def _samples(document: Document, results: Sequence[Document], suites: Sequence[Suite]) -> Samples:
    """Return the samples of `document` with what the results file beside it says of them."""
    for result in results:
        stamp = result.file_name.removeprefix("results").removesuffix(".json")
        is_beside = result.folder == document.folder and bool(stamp)
        if not is_beside or not document.file_name.endswith(f"{stamp}.jsonl"):
            continue
        task = document.file_name.removeprefix("samples_").removesuffix(f"{stamp}.jsonl")
        content, config = result.content, result.content["config"]
        by_task = _by_task(content)
        if task not in by_task:
            continue
        return Samples(
            rows=document.content,
            where=document.name,
            checkpoint=_checkpoint(config, suites),
            task=task_key(task),
            shots=_shots(content, task),
            dtype=_dtype(config),
            commit=str(config.get("model_sha") or ""),
            n_items=_n_items(content, task, by_task[task]),
            means={k: _number(v) for k, v in by_task[task].items() if _is_number(v)},
            version=str(content.get("lm_eval_version") or "unstated"),
        )
    raise UnreadableError(
        "no results file that could be read lies beside these samples with their time stamp: "
        "model, step and shots are unknown"
    )
