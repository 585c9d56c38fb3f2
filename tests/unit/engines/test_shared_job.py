"""What a driver hears of a job that its workers wrote down in a folder."""

from types import SimpleNamespace

from ckpt_analyzer.engines._shared_job import Following, SharedJob, follow
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.jobs import Said, new_folder, record_job


def never(_part):
    raise AssertionError("no part ended before its units did")


def test_units_of_one_label_in_two_parts_both_end(tmp_path):
    folder = new_folder(tmp_path)
    unit = SimpleNamespace(label="small@checkpoint-100")
    record = record_job(folder, "ray", "1", 2, 2)
    for part, n_items in enumerate((10, 20)):
        Said(folder, part).end(UnitStatus(unit.label, "done", n_items))
    shared = SharedJob(None, ((unit,), (unit,)))
    told = []
    statuses = list(follow(record, shared, Following(lambda: {0, 1}, never), told.append))
    assert [status.n_items for status in statuses] == [10, 20]
    assert told == statuses
