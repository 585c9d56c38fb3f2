"""A sweep on a Slurm of two nodes: every unit once, whatever becomes of tasks and nodes."""

import os
import signal
import subprocess
import time

import pytest

from ckpt_analyzer.store.jobs import Said, read_jobs
from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, command, environment, run
from slurm_cluster import Slurm, missing
from store_factory import stored_rows

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SWEEP = """\
name: on-slurm
suites: [{{path: '{suite}'}}]
sizes: [36k, 73k]
steps: [0, 8, 16, 32, 64, 128]
tasks: [{task}]
device: cpu
store: {store}
"""
N_UNITS = 12


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    if reason := missing():
        if os.environ.get("CKPT_ANALYZER_REQUIRE_CLUSTERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "sweep.yaml"
    task = ITEMS / "toy-grammar.jsonl"
    path.write_text(SWEEP.format(suite=SUITE, task=task, store=tmp_path / "store"))
    return path


@pytest.fixture
def submitted(sweep):
    """The sweep at work on the cluster."""
    with subprocess.Popen(
        command("run", sweep, "--engine", "slurm", "--workers", "2"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        yield process
        process.kill()


def assert_equal_to_a_local_run(sweep, tmp_path):
    local = tmp_path / "local"
    assert run("run", sweep, "--store", local).returncode == 0
    units = open_store(tmp_path / "store").manifests()
    assert len(units) == len({(unit.model, unit.step) for unit in units}) == N_UNITS
    assert stored_rows(tmp_path / "store").equals(stored_rows(local))


def end_of(process, slurm, seconds=500):
    """Wait until the sweep ends, and return what it said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return process.communicate(timeout=2)[1]
        except subprocess.TimeoutExpired:
            slurm.hurry()
    raise AssertionError(slurm.ask("squeue") + slurm.ask("sinfo"))


def at_work():
    """A process that scores units for Slurm."""
    found = subprocess.run(
        ["pgrep", "-f", "submitit.core._submit"], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[-1])


def some_are_done(tmp_path):
    return len(list((tmp_path / "store" / "units").rglob("*.json"))) >= 1


def test_a_cluster_scores_what_one_machine_does(slurm, sweep, tmp_path):
    done = run("run", sweep, "--engine", "slurm", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "12 units scored, 0 failed" in done.stderr
    assert_equal_to_a_local_run(sweep, tmp_path)


def test_a_preempted_task_goes_on_with_what_it_had_left(slurm, sweep, submitted, tmp_path):
    slurm.wait(lambda: some_are_done(tmp_path), seconds=240)
    slurm.ask("sbatch", "-p", "high", "-N", "2", "-n", "2", "-o", "/dev/null", "--wrap", "sleep 3")
    talk = end_of(submitted, slurm)
    assert submitted.returncode == 0, talk
    (record,) = read_jobs(tmp_path / "store")
    assert sum(len(Said(record.folder, part).statuses()) for part in range(record.n_parts)) == 12
    assert_equal_to_a_local_run(sweep, tmp_path)


def test_the_units_of_a_lost_node_are_scored_elsewhere(slurm, sweep, submitted, tmp_path):
    slurm.wait(lambda: some_are_done(tmp_path), seconds=240)
    slurm.kill_node("n2")
    try:
        talk = end_of(submitted, slurm)
        assert submitted.returncode == 0, talk
        assert_equal_to_a_local_run(sweep, tmp_path)
    finally:
        slurm.start_node("n2")
        slurm.wait(lambda: slurm.ask("sinfo", "-h", "-t", "idle", "-p", "low", "-o", "%D") == "2")


def test_a_task_that_is_killed_where_it_runs_is_queued_again(slurm, sweep, submitted, tmp_path):
    slurm.wait(lambda: some_are_done(tmp_path), seconds=240)
    os.kill(at_work(), signal.SIGKILL)
    talk = end_of(submitted, slurm)
    assert submitted.returncode == 0, talk
    assert_equal_to_a_local_run(sweep, tmp_path)


def test_a_detached_job_is_shown_and_cancelled_and_not_submitted_twice(slurm, sweep, tmp_path):
    store = tmp_path / "store"
    handed = run("run", sweep, "--engine", "slurm", "--workers", "1", "--detach")
    assert handed.returncode == 0, handed.stderr
    assert "12 units handed over" in handed.stderr
    shown = run("status", store)
    assert "slurm job" in shown.stderr
    again = run("run", sweep, "--engine", "slurm")
    assert again.returncode == 2
    assert f"ckpt-analyzer cancel {store}" in again.stderr
    assert run("cancel", store).returncode == 0
    slurm.wait(lambda: slurm.ask("squeue", "-h") == "")
    time.sleep(1)
    assert run("cancel", store).returncode == 0
    assert run("run", sweep).returncode == 0
    assert len(open_store(store).manifests()) == N_UNITS


def test_a_partition_that_does_not_exist_is_said_by_slurm(slurm, sweep):
    refused = run("run", sweep, "--engine", "slurm", "--slurm-partition", "gpuu")
    assert refused.returncode == 2
    assert "invalid partition" in refused.stderr
    assert "sinfo" in refused.stderr
