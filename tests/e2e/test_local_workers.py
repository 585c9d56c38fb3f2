"""A sweep in several processes on one machine: as one process scores it, also when one dies."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, command, environment, events, run
from store_factory import stored_rows

pytestmark = pytest.mark.slow

SWEEP = """\
name: two-workers
suites: [{{path: '{suite}'}}]
sizes: [36k, 73k]
steps: [0, 8, 16, 32, 64, 128, 256, 512]
tasks: [{task}]
device: cpu
store: {store}
"""


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "sweep.yaml"
    task = ITEMS / "toy-grammar.jsonl"
    path.write_text(SWEEP.format(suite=SUITE, task=task, store=tmp_path / "store"))
    return path


def workers_of(pid):
    """The processes that `pid` spawned to score, not the one that tracks its resources."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_a_killed_worker_costs_the_unit_in_flight_and_that_is_scored_again(sweep, tmp_path):
    with subprocess.Popen(
        command("run", sweep, "--workers", "2"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        end = time.monotonic() + 120
        while not list((tmp_path / "store" / "units").rglob("*.json")):
            assert time.monotonic() < end
            time.sleep(0.05)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        out, talk = process.communicate(timeout=200)
    assert process.returncode == 0, talk
    ended = [line["unit"] for line in events(out) if line["event"] == "UnitStatus"]
    assert len(ended) == len(set(ended)) == 16
    local = tmp_path / "local"
    assert run("run", sweep, "--store", local).returncode == 0
    assert len(open_store(tmp_path / "store").manifests()) == 16
    assert stored_rows(tmp_path / "store").equals(stored_rows(local))


def test_a_unit_that_takes_too_long_is_given_up_and_the_rest_goes_on(sweep, tmp_path):
    done = run("run", sweep, "--unit-timeout", "0.001")
    assert done.returncode == 1
    assert "took longer than 0.06 s" in done.stderr
    assert "--unit-timeout" in done.stderr
    assert run("run", sweep, "--unit-timeout", "5").returncode == 0
    assert len(open_store(tmp_path / "store").manifests()) == 16


def test_an_engine_that_does_not_exist_is_named_with_the_nearest(sweep):
    refused = run("run", sweep, "--engine", "slrum")
    assert refused.returncode == 2
    assert "did you mean 'slurm'?" in refused.stderr
