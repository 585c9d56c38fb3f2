"""A sweep on a Ray cluster of three nodes, one of which is killed in the middle."""

import subprocess
import sys
import time

import pytest

from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, command, environment, run
from required import required
from store_factory import stored_rows

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SWEEP = """\
name: on-ray
suites: [{{path: '{suite}'}}]
sizes: [36k, 73k, 122k]
steps: [0, 8, 16, 32, 64, 128]
tasks: [{task}]
device: cpu
store: {store}
"""

CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
print(cluster.address, flush=True)
for line in sys.stdin:
    if line.strip() == "lose one":
        cluster.remove_node(nodes[0], allow_graceful=False)
        print("lost", flush=True)
cluster.shutdown()
"""


@pytest.fixture
def cluster():
    """Three raylets; writing "lose one" into it kills one."""
    required("ray")
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=environment(),
    ) as process:  # fmt: skip
        yield process
        process.stdin.close()
        process.wait(timeout=60)


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "sweep.yaml"
    task = ITEMS / "toy-grammar.jsonl"
    path.write_text(SWEEP.format(suite=SUITE, task=task, store=tmp_path / "store"))
    return path


def address(cluster):
    line = cluster.stdout.readline().strip()
    assert line, "the cluster did not start"
    return line


def test_units_of_a_lost_node_are_scored_elsewhere_and_all_once(cluster, sweep, tmp_path):
    store = tmp_path / "store"
    with subprocess.Popen(
        command("run", sweep, "--engine", "ray", "--ray-address", address(cluster)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        end = time.monotonic() + 240
        while not list((store / "units").rglob("*.json")):
            assert time.monotonic() < end
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.2)
        cluster.stdin.write("lose one\n")
        cluster.stdin.flush()
        assert cluster.stdout.readline().strip() == "lost"
        _, talk = process.communicate(timeout=400)
    assert process.returncode == 0, talk
    local = tmp_path / "local"
    assert run("run", sweep, "--store", local).returncode == 0
    units = open_store(store).manifests()
    assert len(units) == len({(unit.model, unit.step) for unit in units}) == 18
    assert stored_rows(store).equals(stored_rows(local))


def test_a_cluster_without_the_gpus_that_a_task_wants_is_said(cluster, sweep):
    refused = run("run", sweep, "--engine", "ray", "--ray-address", address(cluster), "--gpus", "1")
    assert refused.returncode == 2
    assert "a task wants 1 CPU, 1 GPU, and the cluster has 3 CPU, 0 GPU" in refused.stderr


def test_a_cluster_that_is_not_there_is_said(sweep):
    required("ray")
    refused = run("run", sweep, "--engine", "ray", "--ray-address", "127.0.0.1:1")
    assert refused.returncode == 2
    assert "no Ray cluster is reached" in refused.stderr
