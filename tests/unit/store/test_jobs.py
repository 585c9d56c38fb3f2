"""What workers write down: read back, also after they were killed within a line."""

import pytest

from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.jobs import Said, new_folder, read_jobs, record_job


@pytest.fixture
def said(tmp_path):
    return Said(new_folder(tmp_path), 0)


def test_jobs_are_read_back_newest_first(tmp_path):
    for cluster_id in ("7", "8"):
        record_job(new_folder(tmp_path), "slurm", cluster_id, 12, 3)
    newest, oldest = read_jobs(tmp_path)
    assert {newest.cluster_id, oldest.cluster_id} == {"7", "8"}
    assert newest.created >= oldest.created
    assert newest.name.startswith("slurm job")


def test_a_unit_ends_once_whatever_is_said_twice(said):
    said.begin("a@1")
    said.end(UnitStatus("a@1", "done", 5, 1.0, warnings=("w",)))
    said.end(UnitStatus("a@1", "failed", problem="late"))
    assert said.statuses() == (UnitStatus("a@1", "done", 5, 1.0, warnings=("w",)),)


def test_a_death_is_a_beginning_without_an_end(said):
    assert said.deaths("a@1") == 0
    said.begin("a@1")
    said.begin("a@1")
    said.interrupted("a@1")
    assert said.deaths("a@1") == 1
    said.begin("b@1")
    said.end(UnitStatus("b@1", "done"))
    assert said.deaths("b@1") == 0


def test_a_line_that_was_cut_off_is_none_and_spoils_no_other(said):
    said.begin("a@1")
    with said._path.open("ab") as file:
        file.write(b'\n{"ended": {"unit": "a@')
    assert said.statuses() == ()
    said.end(UnitStatus("a@1", "done"))
    assert [status.unit for status in said.statuses()] == ["a@1"]
