"""Fuzz the reader of sweep files: python tests/fuzz/sweeps.py --inputs 10000 --seed 0"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ckpt_analyzer.sweep.config import load_sweep
from mutation import Target, main, scratch

REPOSITORY = Path(__file__).resolve().parents[2]
_PLACE = scratch() / "sweep.yaml"

_OF_EVERY_KEY = b"""name: all-keys
suites:
  - suite: pythia
    sizes: [70m, 410m]
    steps: 0:143000:1000
  - path: runs/mine
    tokens_per_step: 1000
    arms: [base, sft]
tasks: [memo-trap, own/data.jsonl, prize]
data: some/folder
shots: [0, 2]
metrics: [accuracy, classification_loss]
adaptive: {start: 8, per_round: 4, budget: 32, width_decades: 0.5}
prompt_format: raw
dtype: fp32
device: cpu
memory_budget: 4GiB
limit: 100
seed: 3
store: stores/x
"""
_SMALL = b"name: x\nsuites: [pythia]\ntasks: prize\nstore: s\n"
_BOMB = b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1) if i else b"x"] * 9))
    for i in range(9)
)

TARGET = Target(
    name="sweeps",
    seeds=(
        _OF_EVERY_KEY,
        _SMALL,
        *(path.read_bytes() for path in sorted((REPOSITORY / "sweeps").glob("*.yaml"))),
    ),
    broken=(
        _BOMB,
        _BOMB + b"name: *a8\nsuites: *a8\ntasks: *a7\nstore: *a8\n",
        _BOMB + b"? *a8\n: x\n",
        _SMALL + b"steps: log:1000000\n",
        _SMALL + b"steps: 0:99999999999:1\n",
        _SMALL + b"steps: &a [*a]\n",
        _SMALL + b"1: 2\n",
        _SMALL + b"limit: 1e400\nseed: .inf\n",
        _SMALL + b"limit: " + b"9" * 5000 + b"\n",
    ),
    words=(
        "name:", "suites:", "tasks:", "store:", "steps:", "sizes:", "arms:", "metrics:", "data:",
        "limit:", "adaptive:", "memory_budget:", "log:", "all", "adaptive", "prize", "pythia",
        "0:10:0", "9:1:1", "log:0", "!!python/object:os.system ", "!!binary aGk=", "&a ", "*a",
        "<<: ", "? ", "- ", "|\n", ">\n", "---\n", "...\n", "%YAML 9.9\n", "2001-01-01", "1:2:3",
        "2001-99-99", "~", "0GiB", "1e400GiB", "{a: b}", "[1, 2]", "#",
    ),
    read=lambda content: _read(content),
)  # fmt: skip


def _read(content: bytes) -> None:
    _PLACE.write_bytes(content)
    sweep = load_sweep(_PLACE)
    assert sweep.text.encode().replace(b"\r", b"\n").count(b"\n") >= 0
    assert sweep.task_names
    assert sweep.memory_budget_bytes is None or sweep.memory_budget_bytes > 0
    assert sweep.where("steps")


if __name__ == "__main__":
    main(TARGET)
