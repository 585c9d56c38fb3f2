"""Seconds that a further checkpoint of the same model takes beyond scoring and reading.

Makes checkpoints of a true Pythia shape with random weights, sweeps official items over them, and
takes from each unit two bare acts: scoring, as the store's manifest says it, and reading, one plain
read of the file of weights. The first unit plans and builds the model; the
others are the further ones. Prints a table, and one last line of JSON.

    python benchmarks/further_checkpoints.py --data DIR --tokenizer tokenizer.json
        [--size 70m] [--items 3] [--checkpoints 4]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import statistics
import struct
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scoring import SHAPES, TASKS, write_model

SWEEP = """\
name: further
suites:
  - path: {folder}
    tokens_per_step: 1000000
tasks: [{tasks}]
limit: {limit}
device: cpu
store: {store}
"""


@dataclass(frozen=True)
class Unit:
    """What one checkpoint took; `beyond_seconds` is what is neither scoring nor reading."""

    unit: str
    seconds: float
    cpu_seconds: float
    score_seconds: float
    read_seconds: float
    beyond_seconds: float


@dataclass
class Clock:
    """Listens to a run, and notes the CPU seconds of each unit."""

    begun: float = 0.0
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, event: object) -> None:
        """Take in an event of the run."""
        from ckpt_analyzer.events import UnitStarted, UnitStatus

        if isinstance(event, UnitStarted):
            self.begun = time.process_time()
        elif isinstance(event, UnitStatus):
            assert event.state == "done", event.problem
            self.cpu_seconds[event.unit] = time.process_time() - self.begun
            self.seconds[event.unit] = event.seconds


def main() -> None:
    """Make the checkpoints, sweep over them, and print what is beyond scoring and reading."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = _make(options, folder / "made")
        units = _sweep(options, folder, files)
    _report(options, units)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the official files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="Pythia's tokenizer.json")
    parser.add_argument("--size", default="70m", choices=SHAPES)
    parser.add_argument("--items", type=int, default=3, help="items of each task")
    parser.add_argument("--checkpoints", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def _make(options: argparse.Namespace, folder: Path) -> list[Path]:
    """Write checkpoints that differ in one number, so that none has the scores of another."""
    model = folder / options.size
    first = model / "checkpoint-1"
    write_model(options.size, "fp32", options.tokenizer, first)
    files = [first / "model.safetensors"]
    for step in range(2, options.checkpoints + 1):
        other = model / f"checkpoint-{step}"
        shutil.copytree(first, other)
        files.append(other / "model.safetensors")
        with files[-1].open("r+b") as content:
            content.seek(-4, os.SEEK_END)
            content.write(struct.pack("<f", step / 1000))
    return files


def _sweep(options: argparse.Namespace, folder: Path, files: list[Path]) -> list[Unit]:
    import torch

    from ckpt_analyzer.store.store import open_store
    from ckpt_analyzer.sweep.config import parse_sweep
    from ckpt_analyzer.sweep.execute import execute
    from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep

    torch.set_num_threads(options.threads)
    text = SWEEP.format(
        folder=folder / "made",
        tasks=", ".join(TASKS),
        limit=options.items,
        store=folder / "store",
    )
    plan = plan_sweep(parse_sweep(text, "further.yaml"), Overrides(data=options.data))
    clock = Clock()
    execute(plan, listener=clock)
    manifests = open_store(folder / "store").manifests()
    scored = {manifest.step: manifest.seconds_score for manifest in manifests}
    made = []
    for unit, file in zip(plan.units, files, strict=True):
        begin = time.perf_counter()
        file.read_bytes()
        read = time.perf_counter() - begin
        seconds, score = clock.seconds[unit.label], scored[unit.checkpoint.step]
        made.append(
            Unit(
                unit.label, seconds, clock.cpu_seconds[unit.label], score, read,
                seconds - score - read,
            )
        )  # fmt: skip
    return made


def _report(options: argparse.Namespace, units: list[Unit]) -> None:
    columns = ("seconds", "cpu s", "scoring", "reading", "beyond")
    print(f"{'':24}" + "".join(f"{name:>10}" for name in columns))
    for unit in units:
        _, *numbers = asdict(unit).values()
        print(f"{unit.unit:24}" + "".join(f"{number:>10.2f}" for number in numbers))
    beyond = statistics.median(unit.beyond_seconds for unit in units[1:])
    print(f"a further checkpoint takes {beyond:.2f} s beyond scoring and reading (median)")
    names = ("torch", "transformers", "safetensors")
    about = {
        "benchmark": "further_checkpoints",
        "size": options.size,
        "items_per_task": options.items,
        "threads": options.threads,
        "versions": {name: importlib.metadata.version(name) for name in names},
        "beyond_seconds": beyond,
        "units": [asdict(unit) for unit in units],
    }
    print(json.dumps(about))


if __name__ == "__main__":
    main()
