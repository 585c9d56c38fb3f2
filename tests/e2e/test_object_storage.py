"""A sweep whose store lies in a bucket of an S3 server, killed in the middle and gone on with."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.reporting.report import report
from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, command, environment, run
from object_storage import SECRET, object_storage, reached
from required import required
from store_factory import stored_rows

pytestmark = pytest.mark.slow

SWEEP = """\
name: in-a-bucket
suites: [{{path: '{suite}'}}]
sizes: [36k, 73k]
steps: [0, 8, 16, 32, 64, 128, 256, 512]
tasks: [{task}]
device: cpu
store: {store}
"""


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """A storage, which this process and its children reach."""
    folder = tmp_path_factory.mktemp("storage")
    with object_storage(folder) as running, reached(running.environment, folder / "cache"):
        yield running


@pytest.fixture(scope="module")
def sweep(storage, tmp_path_factory):
    """A sweep file that names a store in a bucket."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.yaml"
    store = f"{storage.make_bucket('scores')}/sweeps/mine"
    path.write_text(SWEEP.format(suite=SUITE, task=ITEMS / "toy-grammar.jsonl", store=store))
    return path


@pytest.fixture(scope="module")
def killed(sweep):
    """The units that were there after all processes of a run with two workers were killed."""
    address = "s3://scores/sweeps/mine"
    with subprocess.Popen(
        command("run", sweep, "--workers", "2"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment(), start_new_session=True,
    ) as process:  # fmt: skip
        end = time.monotonic() + 200
        while not n_units(address):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    return open_store(address).manifests()


@pytest.fixture(scope="module")
def remote(sweep, killed):
    """The store in the bucket, after the same command went on to the end."""
    done = run("run", sweep, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert f"{16 - len(killed)} units scored, 0 failed, in s3://scores/sweeps/mine" in done.stderr
    return open_store("s3://scores/sweeps/mine")


@pytest.fixture(scope="module")
def local(sweep, tmp_path_factory):
    """What one process writes into a folder."""
    folder = tmp_path_factory.mktemp("local") / "mine"
    assert run("run", sweep, "--store", folder).returncode == 0
    return open_store(folder)


def n_units(address):
    try:
        return len(open_store(address).manifests())
    except StoreError:  # it is no store yet
        return 0


def test_a_killed_sweep_goes_on_and_leaves_each_unit_once(killed, remote, local):
    assert 0 < len(killed) < 16
    assert set(killed) <= set(remote.manifests())
    assert len(remote.manifests()) == len({(u.model, u.step) for u in remote.manifests()}) == 16
    assert stored_rows(remote.path).equals(stored_rows(local.path))
    assert digests(remote) == digests(local)


def digests(store):
    """The sha256 of every table: two that are equal hold the same bytes."""
    return {(unit.model, unit.step): unit.parquet_sha256 for unit in store.manifests()}


def test_nothing_is_left_to_do(sweep, remote):
    again = run("run", sweep)
    assert "nothing to do: all 16 units are in s3://scores/sweeps/mine" in again.stderr


def test_the_report_and_the_exports_are_those_of_a_folder(remote, local, tmp_path):
    for store, name in ((remote, "remote"), (local, "local")):
        assert run("fit", store.path).returncode == 0
        done = run("export", store.path, "-o", tmp_path / name, "--format", "csv")
        assert done.returncode == 0, done.stderr
        report(store, tmp_path / f"{name}.html", dated=False)
    names = [path.name for path in (tmp_path / "local").iterdir()]
    assert "trends.csv" in names
    for name in {*names, "../.html"} - {"runs.csv"}:
        ours, theirs = (
            Path(f"{tmp_path}/{side}{'.html' if name == '../.html' else f'/{name}'}")
            for side in ("remote", "local")
        )
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_every_verb_takes_the_address(sweep, remote, local, tmp_path):
    shown = run("status", remote.path, "--json")
    assert sum(row["checkpoints"] for row in json.loads(shown.stdout)) == 16
    checked = run("store", "verify", remote.path, "--json")
    assert (checked.returncode, json.loads(checked.stdout)["units"]) == (0, 16)
    page = tmp_path / "page.html"
    assert run("report", remote.path, local.path, "-o", page).returncode == 0
    assert page.stat().st_size
    compared = run("compare", remote.path, local.path, "--json")
    assert compared.returncode == 0, compared.stderr
    assert run("plan", remote.path, "--flips").returncode == 0
    assert "no job is at work" in run("cancel", remote.path).stderr
    cleared = run("store", "gc", remote.path, "--older-than-hours", "0")
    assert cleared.returncode == 0, cleared.stderr
    packed = run("store", "compact", remote.path, "--json")
    assert json.loads(packed.stdout)["n_units"] == 16
    assert run("store", "verify", remote.path).returncode == 0
    assert stored_rows(remote.path).equals(stored_rows(local.path))
    logs = "".join(done.stdout + done.stderr for done in (shown, checked, compared, cleared))
    assert SECRET not in logs + page.read_text()


def test_an_address_of_another_kind_is_refused(sweep):
    refused = run("run", sweep, "--store", "gs://scores/mine")
    assert refused.returncode == 2
    assert "no store lies at gs://" in refused.stderr


@pytest.mark.cluster
def test_workers_of_a_ray_cluster_meet_in_the_bucket(sweep, storage, local):
    required("ray")
    address = "s3://scores/sweeps/on-ray"
    done = run("run", sweep, "--engine", "ray", "--workers", "2", "--store", address)
    assert done.returncode == 0, done.stderr
    store = open_store(address)
    assert len(store.manifests()) == 16
    assert stored_rows(address).equals(stored_rows(local.path))
    assert digests(store) == digests(local)
