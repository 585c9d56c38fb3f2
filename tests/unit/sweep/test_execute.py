import errno
import json

import pytest
import torch

from ckpt_analyzer.errors import ScoringError, StoreError, TaskDataError
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store import atomic
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep

TEXT = """\
name: t
suites: [toy-neox]
sizes: [36k]
steps: [8, 16]
tasks: [toy-grammar]
limit: 10
device: {device}
store: {store}
"""


def planned(store, device="cpu"):
    return plan_sweep(parse_sweep(TEXT.format(store=store, device=device), "x"), Overrides())


def test_a_device_that_is_not_here_is_said_once_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    seen = []
    with pytest.raises(ScoringError, match="no cuda device"):
        execute(planned(tmp_path / "store", "cuda"), listener=seen.append)
    assert seen == []
    assert not (tmp_path / "store").exists()


def test_a_full_disk_ends_the_run_at_the_first_unit(tmp_path, monkeypatch):
    plan = planned(tmp_path / "store")
    write = atomic._write_flushed

    def full(path, content):
        if path.parent.name == "units":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(atomic, "_write_flushed", full)
    seen = []
    with pytest.raises(StoreError, match="full"):
        execute(plan, listener=seen.append)
    assert not [event for event in seen if isinstance(event, UnitStatus)]
    monkeypatch.undo()
    assert execute(planned(tmp_path / "store"), listener=seen.append).n_done == 2


def test_a_damaged_unit_is_named_by_the_plan_and_scored_again(tmp_path):
    store = tmp_path / "store"
    execute(planned(store), listener=lambda event: None)
    table = min((store / "units").glob("*.parquet"))
    table.write_bytes(table.read_bytes()[:100])
    plan = planned(store)
    assert (plan.n_done, len(plan.units)) == (1, 1)
    assert "100 bytes instead of" in plan.damaged[0].reason
    execute(plan, listener=lambda event: None)
    assert planned(store).damaged == ()
    assert open_store(store).damaged() == ()


def test_an_empty_folder_may_become_a_store(tmp_path):
    assert execute(planned(tmp_path), listener=lambda event: None).n_done == 2


@pytest.mark.parametrize("changed", ["mine.jsonl", "shown.jsonl"])
def test_a_file_that_is_edited_after_the_plan_is_not_scored_under_its_old_digest(tmp_path, changed):
    row = {"prompt": "Q", "classes": [" a", " b"], "answer_index": 0}
    for name in ("mine.jsonl", "shown.jsonl"):
        (tmp_path / name).write_text(f"{json.dumps(row)}\n" * 3)
    text = TEXT.format(store=tmp_path / "store", device="cpu")
    text = text.replace("[toy-grammar]", f"['{tmp_path / 'mine.jsonl'}']")
    text += f"shots: 1\nfew_shot: {{file: '{tmp_path / 'shown.jsonl'}'}}\n"
    plan = plan_sweep(parse_sweep(text, "x"), Overrides())
    (tmp_path / changed).write_text(f"{json.dumps(row | {'answer_index': 1})}\n" * 3)
    with pytest.raises(TaskDataError, match="changed since it was planned") as caught:
        execute(plan, listener=lambda event: None)
    assert caught.value.where == str(tmp_path / changed)
    assert not (tmp_path / "store").exists()
