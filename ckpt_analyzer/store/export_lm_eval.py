"""A store's scores as result files of lm-evaluation-harness 0.4.

In: a store and a folder. Out: per checkpoint and setting one ``results_….json`` and, per task, one
``samples_….jsonl`` with the loglikelihood of every choice, as ``--output_path`` and
``--log_samples`` of the harness write them. Metrics go by the harness's name where it has one.
Log-odds items have two prompts, which samples cannot hold: of these tasks there are results only.
Peak memory: the items of one task at one checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ckpt_analyzer import __version__
from ckpt_analyzer import metrics as declared
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.file_names import file_name
from ckpt_analyzer.harness.names import OURS
from ckpt_analyzer.store.export import Written
from ckpt_analyzer.store.selection import StoredCell
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.tally import rows_of
from ckpt_analyzer.store.unit import UnitManifest

_THEIRS = {ours: theirs for theirs, ours in OURS.items()}
_LONG_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_OUTPUT_TYPES = {"sequence_prob": "loglikelihood"}
_POINT = ("suite", "model", "arm", "step", "shots", "prompt_format", "dtype")


@dataclass(frozen=True)
class _Run:
    """The tasks of one checkpoint under one setting: what one call of the harness would score."""

    unit: UnitManifest
    cells: tuple[StoredCell, ...]
    trends: pd.DataFrame

    @property
    def stamp(self) -> str:
        """What tells its files from those of other runs in the same folder."""
        key = self.cells[0].cell.key
        date = self.unit.created.replace(":", "-").removesuffix("+00-00")
        named = (date, self.unit.revision, f"{key.shots}-shot", key.prompt_format, key.dtype)
        return "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part) for part in named)


def export_lm_eval(store: Store, folder: Path) -> Iterator[Written]:
    """Write all that was scored into `folder`, one folder per model; yield each file when done.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    texts: dict[str, Mapping[Hashable, Any]] = {}
    try:
        for run in _runs(store):
            place = folder / file_name(run.cells[0].cell.key.repo.strip("/"))
            place.mkdir(parents=True, exist_ok=True)
            results = json.dumps(_results(run), indent=2, ensure_ascii=False)
            yield _written(place / f"results_{run.stamp}.json", [results])
            table = store.read_unit(run.unit)
            for found in run.cells:
                task = found.cell.key.task
                if found.cell.kind in ("logodds", "absolute_logodds"):
                    continue
                if task not in texts:
                    texts[task] = store.item_texts(task).set_index("item_id").to_dict("index")
                rows = rows_of(found.cell.table_key, table).to_pylist()
                values = _values(store, found)
                lines = [
                    json.dumps(_sample(place_, row, texts[task], values), ensure_ascii=False)
                    for place_, row in enumerate(rows)
                ]
                yield _written(place / f"samples_{file_name(task)}_{run.stamp}.jsonl", lines)
    except OSError as error:
        raise StoreError(
            f"the results cannot be written: {error.strerror or error}",
            where=str(folder),
            hint="give a folder that you may write into and that has room: -o DIR",
        ) from error


def _runs(store: Store) -> Iterator[_Run]:
    trends = store.trends()
    by_point = dict(list(trends[trends["has_items"]].groupby(list(_POINT))))
    groups: dict[tuple[str, ...], list[StoredCell]] = {}
    for found in store.selection().chosen:
        key = found.cell.key
        name = (found.unit.unit_id, str(key.shots), key.prompt_format, key.dtype)
        groups.setdefault(name, []).append(found)
    for cells in groups.values():
        unit, key = cells[0].unit, cells[0].cell.key
        point = (
            unit.suite,
            unit.model,
            unit.arm,
            unit.step,
            key.shots,
            key.prompt_format,
            key.dtype,
        )
        rows = by_point.get(point, trends.iloc[:0])
        tasks = [found.cell.key.task for found in cells]
        yield _Run(unit, tuple(cells), rows[rows["task"].isin(tasks)])


def _results(run: _Run) -> Mapping[str, Any]:
    key, unit = run.cells[0].cell.key, run.unit
    dtype = _LONG_DTYPES.get(key.dtype, key.dtype)
    tasks = {found.cell.key.task: found.cell for found in run.cells}
    by_task = {task: rows.to_dict("records") for task, rows in run.trends.groupby("task")}
    return {
        "results": {task: _metrics(task, by_task.get(task, [])) for task in tasks},
        "group_subtasks": {},
        "configs": {
            task: {
                "task": task,
                "num_fewshot": key.shots,
                "output_type": _OUTPUT_TYPES.get(cell.kind, "multiple_choice"),
                "metadata": {"prompt_format": key.prompt_format, "sha256": cell.key.task_sha256},
            }
            for task, cell in tasks.items()
        },
        "versions": {task: cell.key.task_sha256[:12] for task, cell in tasks.items()},
        "n-shot": dict.fromkeys(tasks, key.shots),
        "higher_is_better": {task: _directions(by_task.get(task, [])) for task in tasks},
        "n-samples": {
            task: {"original": cell.n_items, "effective": cell.n_items - cell.n_unscored}
            for task, cell in tasks.items()
        },
        "config": {
            "model": "ckpt_analyzer",
            "model_args": {"pretrained": key.repo, "revision": key.revision, "dtype": dtype},
            "model_num_parameters": unit.parameters,
            "model_dtype": dtype,
            "model_revision": key.revision,
            "model_sha": key.commit,
            "device": unit.device,
            "limit": key.limit,
            "fewshot_seed": key.shot_seed,
        },
        "model_name": key.repo,
        "lm_eval_version": f"ckpt_analyzer {__version__}",
        "transformers_version": unit.versions.get("transformers", ""),
    }


def _metrics(task: str, rows: Sequence[Mapping[Hashable, Any]]) -> Mapping[str, Any]:
    metrics: dict[str, Any] = {"alias": task}
    for row in rows:
        name, stderr = _THEIRS.get(row["metric"], row["metric"]), row["stderr"]
        metrics[f"{name},none"] = row["value"]
        metrics[f"{name}_stderr,none"] = "N/A" if pd.isna(stderr) else stderr
    return metrics


def _directions(rows: Sequence[Mapping[Hashable, Any]]) -> Mapping[str, bool]:
    return {
        _THEIRS.get(row["metric"], row["metric"]): declared.load(row["metric"]).higher_is_better
        for row in rows
        if row["metric"] in declared.names()
    }


def _values(store: Store, found: StoredCell) -> Mapping[str, Mapping[str, float]]:
    """Return by item what it got, by the harness's names."""
    unit, key = found.unit, found.cell.key
    items = store.items(key.task, unit.model, arm=unit.arm, shots=key.shots)
    is_cell = (items["step"] == unit.step) & (items["suite"] == unit.suite)
    is_cell &= (items["prompt_format"] == key.prompt_format) & (items["dtype"] == key.dtype)
    values: dict[str, dict[str, float]] = {}
    for row in items[is_cell & items["score"].notna()].itertuples():
        name = _THEIRS.get(str(row.metric), str(row.metric))
        values.setdefault(str(row.item), {})[name] = float(str(row.score))
    return values


def _sample(
    place: int,
    row: Mapping[str, Any],
    texts: Mapping[Hashable, Any],
    values: Mapping[str, Mapping[str, float]],
) -> Mapping[str, Any]:
    item = row["item_id"]
    text = texts.get(item, {})
    context, choices = text.get("context", ""), list(text.get("choices", ()))
    pairs = zip(row["loglikelihood_nats"], row["is_greedy"], strict=True)
    answers = [["nan" if nats is None else repr(nats), str(greedy)] for nats, greedy in pairs]
    doc = {"item_id": item, "context": context, "choices": choices, "gold": row["gold"]}
    arguments = {
        f"gen_args_{i}": {"arg_0": context, "arg_1": choices[i] if choices else ""}
        for i in range(len(answers))
    }
    of_item = values.get(item, {})
    return {
        "doc_id": int(item) if item.isdecimal() else place,
        "doc": doc,
        "target": str(row["gold"]),
        "arguments": arguments,
        "resps": [[answer] for answer in answers],
        "filtered_resps": answers,
        "filter": "none",
        "metrics": sorted(of_item),
        "doc_hash": _hash(json.dumps(doc, sort_keys=True, ensure_ascii=False)),
        "prompt_hash": _hash(context),
        "target_hash": _hash(str(row["gold"])),
        **of_item,
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _written(path: Path, lines: Sequence[str]) -> Written:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Written(path, len(lines))
