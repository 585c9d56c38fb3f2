"""Time of the store at the size of a suite: 38,000 items x 1,540 units are 60 million item rows.

Writes made-up scores of 12 tasks, unit by unit, as a sweep does, then opens the store in a process
of its own and asks every question that the report and the fit ask. The rival is what an evaluation
harness leaves behind: one JSONL file of samples per unit, read with pandas, at --rival-units units;
both answer the same question, and the ratio is one of seconds per row. Everything is removed at the
end unless --keep. Prints a table, and one last line of JSON.

    python benchmarks/store.py [--units 1540] [--items 38000] [--compact] [--folder DIR] [--keep]
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ckpt_analyzer.analysis.comparing import over_tuning
from ckpt_analyzer.analysis.fitting import item_series
from ckpt_analyzer.reporting.items import read_items
from ckpt_analyzer.stats.series_tables import Axis, Cut
from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.store.tally import tally
from ckpt_analyzer.store.unit import Cell, CellKey, UnitManifest
from ckpt_analyzer.tables import CHOICE_SCORES, ITEM_SCORES
from ckpt_analyzer.task import Item, Kind

#: Official tasks with their numbers of items, and one more that makes 38,000.
N_ITEMS = {
    "resisting-correction": 7344, "memo-trap": 936, "redefine": 1244, "prompt-injection": 1000,
    "modus-tollens": 1236, "pattern-matching-suppression": 1428, "neqa": 300, "sig-figs": 20897,
    "into-the-unknown": 1824, "hindsight-neglect": 315, "repetitive-algebra": 1000,
    "one-more": 476,
}  # fmt: skip
KINDS: dict[str, Kind] = {"prompt-injection": "sequence_prob", "repetitive-algebra": "logodds"}
N_SIZES = 10
LAST_STEP = 151_000
TOKENS_PER_STEP = 2_097_152
LIMIT_GIB = 4.0


@dataclass(frozen=True)
class Asked:
    """One question to the store: what it took and how much came back."""

    question: str
    seconds: float
    cpu_seconds: float
    rows: int


@dataclass(frozen=True)
class Address:
    """A made-up checkpoint."""

    size: int
    step: int
    is_tuned: bool = False

    @property
    def model(self) -> str:
        """Name of its model."""
        return f"made-up-{self.size}" + ("-sft" if self.is_tuned else "")

    @property
    def along(self) -> float:
        """How far training has come: tuning goes on where it ends."""
        return (LAST_STEP + 20 * self.step if self.is_tuned else self.step) / LAST_STEP


@dataclass(frozen=True)
class Task:
    """One made-up task: everything but its log-likelihoods is the same at every checkpoint."""

    name: str
    kind: Kind
    choices: int
    fixed: pa.Table
    ease_I: np.ndarray


# ---- writing ----


def made_up_tasks(n_items: int, rng: np.random.Generator) -> list[Task]:
    """Return the 12 tasks, their numbers of items scaled to `n_items` in all."""
    scale = n_items / sum(N_ITEMS.values())
    return [
        _task(name, max(2, round(n * scale)), 1 if name == "prompt-injection" else 2, rng)
        for name, n in N_ITEMS.items()
    ]


def _task(name: str, n: int, k: int, rng: np.random.Generator) -> Task:
    lengths = _lists(rng.integers(1, 5, n * k).astype(np.int32), k)
    fixed = {
        "item_id": pa.array([str(i) for i in range(n)]),
        "part": pa.array(np.zeros(n, np.int32)),
        "gold": pa.array(rng.integers(0, k, n).astype(np.int32)),
        "n_tokens": lengths,
        "n_bytes": _lists(rng.integers(2, 30, n * k).astype(np.int32), k),
        "n_chars": lengths,
        "truncated": pa.array(np.zeros(n, bool)),
    }
    return Task(name, KINDS.get(name, "classification"), k, pa.table(fixed), rng.normal(0, 2, n))


def _lists(flat: np.ndarray, k: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, k, np.int32)), flat)


def _scores(task: Task, along: float, rng: np.random.Generator) -> pa.Table:
    n, k = task.fixed.num_rows, task.choices
    drift = 2 * np.sin(3 * along) + task.ease_I
    nats = -rng.gamma(2.0, 2.0, (n, k)) + np.outer(drift, np.arange(k) == 0)
    kind = CHOICE_SCORES.field("other_loglikelihood_nats").type
    other = _lists((nats - 1).ravel(), k) if task.kind == "logodds" else pa.nulls(n, kind)
    columns = {
        **{name: task.fixed[name] for name in task.fixed.column_names},
        "loglikelihood_nats": _lists(nats.ravel(), k),
        "other_loglikelihood_nats": other.cast(
            CHOICE_SCORES.field("other_loglikelihood_nats").type
        ),
        "is_greedy": _lists(rng.random(n * k) < 0.3, k),
    }
    return pa.table([columns[name] for name in CHOICE_SCORES.names], schema=CHOICE_SCORES)


def checkpoints(n_units: int) -> Iterator[Address]:
    """Yield so many checkpoints: ten sizes, and of every 77 one of two that were tuned."""
    n_tuned = n_units // 77
    n_steps = -(-(n_units - n_tuned) // N_SIZES)
    for number in range(n_units - n_tuned):
        yield Address(number // n_steps, 1000 * (number % n_steps))
    for number in range(n_tuned):
        yield Address(number % 2, 100 * (1 + number // 2), is_tuned=True)


def commit_unit(store: Store, at: Address, tasks: list[Task], rng: np.random.Generator) -> int:
    """Commit one checkpoint and return its rows."""
    scores = {task.name: _scores(task, at.along, rng) for task in tasks}
    keys = {
        name: CellKey(
            repo=f"made-up/{at.model}", commit=f"commit-{at.step}", revision=f"step{at.step}",
            step=at.step, task=name, task_sha256=hashlib.sha256(name.encode()).hexdigest(),
            shots=0, shot_seed=None, limit=None, limit_seed=None, dtype="float32",
            prompt_format="raw", scorer_version="1",
        )
        for name in scores
    }  # fmt: skip
    cells = tuple(tally(keys[task.name], task.kind, scores[task.name]) for task in tasks)
    unit = _unit(at, cells)
    table = pa.concat_tables(_named(unit, keys[name], table) for name, table in scores.items())
    store.commit(unit, table)
    return len(table)


def _unit(at: Address, cells: tuple[Cell, ...]) -> UnitManifest:
    arm_tokens = at.step * TOKENS_PER_STEP
    return UnitManifest(
        suite="made-up", model=at.model, size=str(at.size), arm="sft" if at.is_tuned else "base",
        base_model=f"made-up-{at.size}" if at.is_tuned else None,
        parameters=70_000_000 * 2**at.size, non_embedding_parameters=None,
        revision=f"step{at.step}", commit=f"commit-{at.step}", step=at.step,
        tokens=arm_tokens + (LAST_STEP * TOKENS_PER_STEP if at.is_tuned else 0),
        arm_tokens=arm_tokens, weights_sha256=hashlib.sha256(repr(at).encode()).hexdigest(),
        suspect=None, cells=cells, sweep_sha256="0" * 64, seconds_fetch=0.0, seconds_score=0.0,
        device="cpu", versions={},
    )  # fmt: skip


def _named(unit: UnitManifest, key: CellKey, scores: pa.Table) -> pa.Table:
    columns = []
    for field in ITEM_SCORES:
        if field.name in CHOICE_SCORES.names:
            columns.append(scores[field.name])
        else:
            value = getattr(unit, field.name, None) or getattr(
                key, field.name, 0 if field.name != "task_values" else None
            )
            columns.append(pa.repeat(pa.scalar(value, field.type), scores.num_rows))
    return pa.table(columns, schema=ITEM_SCORES)


def _value(unit: UnitManifest, key: CellKey, name: str) -> object:
    if name == "task_values":  # only tasks of the harness have them
        return None
    return getattr(unit, name) if hasattr(unit, name) else getattr(key, name)


def save_texts(store: Store, tasks: list[Task]) -> None:
    """Keep texts of all items: without them the report explores none."""
    for task in tasks:
        items = [
            Item(item_id, f"Question {item_id}?", (" A", " B")[: task.choices], gold)
            for item_id, gold in zip(
                task.fixed["item_id"].to_pylist(), task.fixed["gold"].to_pylist(), strict=True
            )
        ]
        store.save_items(task.name, hashlib.sha256(task.name.encode()).hexdigest(), items)


# ---- asking ----


def questions(store: Store) -> Iterator[tuple[str, Callable[[], int]]]:
    """Yield what the report and the fit ask, each as a call that returns how much came back."""
    tasks = sorted({found.cell.key.task for found in store.selection().chosen})
    largest = "sig-figs"
    model = store.selection().chosen[0].unit.model
    yield "reopen: what is done", lambda: len(store.done_cells())
    yield "units and their counts", lambda: len(store.runs())
    yield "damaged or not", lambda: len(store.damaged()) + len(store.manifests())
    yield "content id", lambda: len(store.content_id())
    yield "all trends", lambda: len(store.trends())
    yield "trends of accuracy", lambda: len(store.trends(["accuracy"]))
    yield "last checkpoints, by item", lambda: len(store.items(metric="accuracy", last=True))
    yield "tuned against base, by item", lambda: len(over_tuning(store, "accuracy"))
    yield "items to explore, all tasks", lambda: sum(len(t.items) for t in read_items(store, tasks))
    yield "a small task, by item", lambda: len(store.items(task="neqa", metric="accuracy"))
    yield (
        f"{largest} of one model, by item",
        lambda: len(store.items(task=largest, model=model, metric="accuracy")),
    )
    yield from fits_of(store)


def fits_of(store: Store) -> Iterator[tuple[str, Callable[[], int]]]:
    """Yield what a fit reads along each axis: all items of all tasks, one axis after the other."""
    axes: tuple[Axis, ...] = ("flops", "parameters", "tokens")
    for axis in axes:
        yield f"items of all series along {axis}", partial(n_series, store, axis)


def n_series(store: Store, axis: Axis) -> int:
    """Return how many series the items make along `axis`."""
    return sum(1 for _ in item_series(store, store.trends(), Cut(axis)))


def ask(folder: Path) -> None:
    """Ask everything of the store in `folder`; print one line of JSON (a process of its own)."""
    store = open_store(folder)
    asked = []
    for question, answer in questions(store):
        begun, cpu = time.perf_counter(), time.process_time()
        rows = answer()
        seconds = time.perf_counter() - begun
        asked.append(asdict(Asked(question, seconds, time.process_time() - cpu, rows)))
        peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  {question}: {seconds:.2f} s, peak {peak_gib:.2f} GiB", file=sys.stderr)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"asked": asked, "peak_gib": peak_gib}))


def asked_apart(folder: Path) -> dict[str, Any]:
    """Return what ``ask`` prints, run in a process of its own, whose peak is that of asking."""
    run = subprocess.run(
        [sys.executable, __file__, "--ask", str(folder)], check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


# ---- the rival ----


def rival(store: Store, folder: Path, n_units: int) -> Mapping[str, float]:
    """Return seconds per row of accuracy over JSONL samples by pandas, and of the same by us."""
    units = store.manifests()[:n_units]
    for number, unit in enumerate(units):
        table = store.read_unit(unit).select(["task", "item_id", "gold", "loglikelihood_nats"])
        frame = table.to_pandas()
        frame["loglikelihood_nats"] = frame["loglikelihood_nats"].map(list)
        frame.to_json(folder / f"samples_{number}.jsonl", orient="records", lines=True)
    begun, rows = time.perf_counter(), 0
    for path in sorted(folder.glob("samples_*.jsonl")):
        frame = pd.read_json(path, orient="records", lines=True)
        rows += len(frame)
        right = frame["loglikelihood_nats"].map(np.argmax) == frame["gold"]
        right.groupby(frame["task"]).mean()
    return {"rows": rows, "s_per_row": (time.perf_counter() - begun) / rows}


def measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Write, reopen, ask; return all figures."""
    rng = np.random.default_rng(0)
    store, tasks = open_store(folder / "store", create=True), made_up_tasks(options.items, rng)
    save_texts(store, tasks)
    begun, cpu = time.perf_counter(), time.process_time()
    n_rows = sum(commit_unit(store, at, tasks, rng) for at in checkpoints(options.units))
    found: dict[str, Any] = {
        "units": options.units, "rows": n_rows, "write_s": time.perf_counter() - begun,
        "write_cpu_s": time.process_time() - cpu, "bytes": _bytes(folder),
    }  # fmt: skip
    print(f"written: {n_rows:,} rows in {found['write_s']:.1f} s", file=sys.stderr)
    found |= asked_apart(store.path)
    if options.compact:
        begun = time.perf_counter()
        store.compact()
        found |= {"compact_s": time.perf_counter() - begun, "compact_bytes": _bytes(folder)}
        found["compacted"] = asked_apart(store.path)
    (folder / "rival").mkdir()
    found["rival"] = rival(store, folder / "rival", min(options.rival_units, options.units))
    ours = next(each for each in found["asked"] if each["question"] == "trends of accuracy")
    found["times_faster_per_row"] = found["rival"]["s_per_row"] / (ours["seconds"] / n_rows)
    return found


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def show(found: Mapping[str, Any]) -> None:
    """Print the table and the line of JSON."""
    print(f"{found['rows']:,} rows in {found['units']:,} units, {found['bytes'] / 1e9:.2f} GB")
    print(f"written in {found['write_s']:.1f} s, {found['rows'] / found['write_s']:,.0f} rows/s")
    after = {each["question"]: each for each in found.get("compacted", {}).get("asked", [])}
    print(f"\n{'question':34}{'rows':>12}{'s':>9}{'cpu s':>9}{'compacted s':>13}")
    for each in found["asked"]:
        packed = after.get(each["question"])
        last = f"{packed['seconds']:13.2f}" if packed else ""
        print(
            f"{each['question']:34}{each['rows']:12,}{each['seconds']:9.2f}"
            f"{each['cpu_seconds']:9.2f}{last}"
        )
    print(f"\npeak of the questions: {found['peak_gib']:.2f} GiB (wanted: {LIMIT_GIB:g})")
    print(f"against JSONL and pandas, per row: {found['times_faster_per_row']:.0f} times faster")
    names = ("duckdb", "pyarrow", "pandas", "numpy")
    print(json.dumps({**found, "versions": {n: importlib.metadata.version(n) for n in names}}))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=1540)
    parser.add_argument("--items", type=int, default=38_000)
    parser.add_argument("--rival-units", type=int, default=8)
    parser.add_argument("--compact", action="store_true", help="ask again of the compacted store")
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        ask(options.ask)
        return
    folder = Path(tempfile.mkdtemp(prefix="store-benchmark-", dir=options.folder))
    try:
        show(measured(options, folder))
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
