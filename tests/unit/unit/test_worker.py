"""While a unit is scored the next one is read, whichever way its worker was started."""

import time
from dataclasses import replace

import pytest

from ckpt_analyzer import engines
from ckpt_analyzer.checkpoints.ahead import Ahead
from ckpt_analyzer.engines import Engine, Terms
from ckpt_analyzer.engines._chunks import Chunk
from ckpt_analyzer.engines._shared_job import save_job, work_part
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.jobs import new_folder
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep
from ckpt_analyzer.unit import workbench
from ckpt_analyzer.unit.worker import work_units

SWEEP = """\
name: three
suites: [toy-neox]
sizes: [36k]
steps: [8, 64, 4096]
tasks: [toy-grammar]
limit: 10
device: cpu
store: STORE
"""
#: What is read and stored, in this order: the next one is on its way before this one is stored.
IN_TURN = ["read 8", "read 64", "stored 8", "read 4096", "stored 64", "stored 4096"]


@pytest.fixture
def plan(tmp_path):
    sweep = parse_sweep(SWEEP.replace("STORE", str(tmp_path / "store")), "three.yaml")
    return plan_sweep(sweep, Overrides())


@pytest.fixture
def happened(monkeypatch):
    """Return what was begun to be read and what was stored, as it happens."""
    told = []

    class Told(Ahead):
        def __init__(self, source, checkpoint, *arguments, **more):
            told.append(f"read {checkpoint.step}")
            super().__init__(source, checkpoint, *arguments, **more)

    commit = workbench.Store.commit

    def stored(store, manifest, scores):
        told.append(f"stored {manifest.step}")
        return commit(store, manifest, scores)

    monkeypatch.setattr(workbench, "Ahead", Told)
    monkeypatch.setattr(workbench.Store, "commit", stored)
    return told


@pytest.fixture
def job(plan, monkeypatch):
    """Return the job that a run of `plan` hands to its engine."""
    handed = []
    engine = Engine(run=lambda job, _: iter(handed.append(job) or ()), is_here=True)
    with monkeypatch.context() as patch:
        patch.setattr(engines, "load", lambda _: engine)
        execute(plan, listener=lambda _: None)
    return handed[0]


def work_as_one_part(job):
    """Do what a task of a cluster does that has all units of `job`."""
    folder = new_folder(job.store)
    save_job(folder, job, [Chunk(tuple(job.units), 1.0)])
    work_part(folder, 0)


def test_a_run_reads_the_next_checkpoint_while_it_scores_one(plan, happened):
    execute(plan, listener=lambda _: None)
    assert happened == IN_TURN


def test_a_worker_of_a_cluster_reads_the_next_checkpoint_while_it_scores_one(job, happened):
    work_as_one_part(job)
    assert happened == IN_TURN


def test_what_a_worker_of_a_cluster_need_not_score_is_not_read(job, happened):
    assert [status.state for status in work_units(job, job.units[1:2], lambda _: None)] == ["done"]
    happened.clear()
    work_as_one_part(job)
    assert happened == ["read 8", "read 4096", "stored 8", "stored 4096"]


def test_a_unit_that_takes_too_long_fails_alone(job, monkeypatch):
    monkeypatch.setattr(workbench.Workbench, "_score", lambda *_: time.sleep(5))
    short = replace(job, terms=Terms(unit_timeout_seconds=0.2))
    (status,) = work_units(short, job.units[:1], lambda _: None)
    assert status.state == "failed"
    assert "took longer than 0.2 s" in status.problem


def test_what_is_made_of_a_status_is_no_part_of_the_time_of_its_unit(job, monkeypatch):
    monkeypatch.setattr(workbench.Workbench, "_score", lambda *_: ())
    heard = []

    def page_is_written(event):
        if isinstance(event, UnitStatus):
            time.sleep(0.4)
            heard.append(event)

    short = replace(job, terms=Terms(unit_timeout_seconds=0.2))
    assert list(work_units(short, job.units[:2], page_is_written)) == heard
    assert [status.state for status in heard] == ["done", "done"]
