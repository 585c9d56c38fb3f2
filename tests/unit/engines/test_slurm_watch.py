"""How a waiting run takes it that Slurm's controller does not answer for a while."""

import subprocess
from types import SimpleNamespace

import pytest

from ckpt_analyzer.engines import slurm
from ckpt_analyzer.engines._shared_job import Following, SharedJob, follow
from ckpt_analyzer.errors import EngineError
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.jobs import Said, new_folder, record_job

AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


class Controller:
    """Answers each command with the next of `answers`, None for none; the last one stays."""

    def __init__(self, *answers):
        self.answers, self.asked, self.now = list(answers), [], 0.0

    def run(self, command, **_):
        self.asked.append(command[0])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            return SimpleNamespace(returncode=1, stdout="", stderr=AWAY)
        return SimpleNamespace(returncode=0, stdout=answer, stderr="")

    def clock(self):
        self.now += 30
        return self.now


@pytest.fixture
def watch(tmp_path, monkeypatch):
    """Make the watch over a job of one part with one unit, and what its controller says."""

    def made(*answers):
        controller = Controller(*answers)
        monkeypatch.setattr(subprocess, "run", controller.run)
        record = record_job(new_folder(tmp_path), "slurm", "7", 1, 1)
        shared = SharedJob(SimpleNamespace(store=tmp_path), ((SimpleNamespace(label="m@1"),),))
        return slurm._Watch(record, shared, clock=controller.clock), controller

    return made


def wait(watched, controller):
    while not watched.over():
        assert controller.now < 3 * slurm.AWAY_SECONDS


def test_a_controller_that_is_away_for_a_moment_does_not_end_the_waiting(watch):
    watched, controller = watch("0 RUNNING", None, None, "0 RUNNING", "0 COMPLETED")
    Said(watched._record.folder, 0).end(UnitStatus("m@1", "done", 5))
    following = Following(watched.over, watched.why, poll_seconds=0.0)
    statuses = list(follow(watched._record, watched._shared, following, lambda event: None))
    assert [status.state for status in statuses] == ["done"]
    assert len(controller.asked) == 5


def test_patience_with_a_controller_ends_and_says_that_the_job_goes_on(watch, tmp_path):
    watched, controller = watch(None)
    with pytest.raises(EngineError, match="Unable to contact") as caught:
        wait(watched, controller)
    assert controller.now >= slurm.AWAY_SECONDS
    assert f"ckpt-analyzer status {tmp_path}" in caught.value.hint


def test_patience_begins_anew_with_every_answer(watch):
    away = [None] * int(slurm.AWAY_SECONDS / 30 - 2)
    watched, controller = watch(*away, "0 RUNNING", *away, "0 COMPLETED")
    wait(watched, controller)
    assert watched.over() == {0}


def test_a_task_is_let_go_on_once_its_controller_takes_the_order(watch):
    watched, controller = watch("0 FAILED", None, "0 FAILED", "")
    Said(watched._record.folder, 0).begin("m@1")
    assert watched.over() == set()
    assert watched.over() == set()
    assert controller.asked == ["squeue", "scontrol", "squeue", "scontrol"]
    assert watched.over() == {0}, "said nothing more since it was let go on"


def test_a_reason_is_told_without_the_controller(watch):
    watched, _ = watch(None)
    assert watched.why(0).startswith("its task ended early; log: ")
