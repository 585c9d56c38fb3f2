import json
from pathlib import Path

import pytest

from ckpt_analyzer.errors import StoreError, SweepError, TaskDataError
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep, plan_tasks, prepare_plan

TEXT = """\
name: t
suites: [toy-neox]
sizes: [36k]
steps: [8, 16]
tasks: [toy-grammar]
limit: 20
store: {store}
"""


@pytest.fixture
def text(tmp_path):
    return TEXT.format(store=tmp_path / "store")


def own_file(path, n_rows=3):
    row = {"prompt": "Q", "classes": [" a", " b"], "answer_index": 0}
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for _ in range(n_rows)))
    return path


def test_a_checkpoint_that_two_entries_name_is_scored_once(text):
    twice = parse_sweep(text.replace("[toy-neox]", "[toy-neox, toy-neox]"), "x")
    assert len(plan_sweep(twice, Overrides()).units) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[36k]", "[37k]", "x:3, key sizes"),
        ("[8, 16]", "[8, 17]", "x:4, key steps"),
        ("sizes: [36k]", "arms: [dpo]", "x:3, key arms"),
    ],
)
def test_what_a_suite_does_not_have_is_said_with_file_line_and_key(text, old, new, expected):
    with pytest.raises(SweepError) as caught:
        plan_sweep(parse_sweep(text.replace(old, new), "x"), Overrides())
    assert expected in str(caught.value)


@pytest.mark.parametrize("place", ["runs", "runs/*/step_{step}", "hub:org/name", "toy-neox"])
def test_the_plan_of_a_place_names_the_command_that_makes_it(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    with pytest.raises(SweepError, match="is a place of checkpoints") as caught:
        prepare_plan(Path(place), Overrides())
    assert "ckpt-analyzer run " in caught.value.hint
    assert "--dry-run" in caught.value.hint


def test_more_shots_than_items_are_refused_before_anything_is_scored(text):
    with pytest.raises(SweepError, match="at most 359 shots"):
        plan_tasks(parse_sweep(text + "shots: [0, 360]\n", "x"))


def test_two_files_of_one_name_are_refused(text, tmp_path):
    files = [own_file(tmp_path / folder / "mine.jsonl") for folder in ("a", "b")]
    sweep = parse_sweep(text.replace("[toy-grammar]", f"{[str(file) for file in files]}"), "x")
    with pytest.raises(SweepError, match="two tasks are called 'mine'"):
        plan_tasks(sweep)


def test_other_rows_under_the_name_of_a_declared_task_are_refused(text, tmp_path):
    file = own_file(tmp_path / "memo-trap.jsonl")
    sweep = parse_sweep(text.replace("[toy-grammar]", f"['{file}']"), "x")
    with pytest.raises(TaskDataError, match="rename the file"):
        plan_tasks(sweep)


def test_a_plan_finds_that_the_data_folder_lacks_a_file(text, tmp_path):
    sweep = parse_sweep(text.replace("[toy-grammar]", "prize") + f"data: {tmp_path}\n", "x")
    with pytest.raises(TaskDataError, match="is missing"):
        plan_tasks(sweep)


def test_a_plan_refuses_a_place_that_cannot_become_a_store(text, tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreError, match="give a new or an empty folder"):
        plan_sweep(parse_sweep(text, "x"), Overrides())
