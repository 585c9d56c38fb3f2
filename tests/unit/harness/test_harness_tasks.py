"""What a task of the harness is here, and what a user reads where it cannot be had."""

from __future__ import annotations

import sys

import pytest

from harness_tasks import QUESTIONS, TASKS, WRITING, write_tasks
from required import required

required("lm_eval")

from ckpt_analyzer.errors import SweepError, TaskDataError, UnknownNameError
from ckpt_analyzer.harness.tasks import load_harness_tasks
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.prepare import plan_tasks


def load(folder, name):
    (loaded,) = load_harness_tasks(name, folder)
    return loaded


def sweep_of(task_folder, tasks="[lm_eval:toy_plain]", **keys):
    more = "\n".join(f"{key}: {value}" for key, value in keys.items())
    text = f"name: x\nsuites: [toy-neox]\ntasks: {tasks}\nlm_eval_include: {task_folder}\n"
    return parse_sweep(f"{text}store: s\n{more}\n", "x.yaml")


def test_items_are_the_requests_of_the_harness(task_folder):
    loaded = load(task_folder, "toy_norm")
    first = loaded.items[0]
    assert loaded.task.kind == "classification"
    assert first.item_id == "0"
    assert first.context == "Q: which animal sat on the mat?\nA:"
    assert first.choices == (" cat", " dog", " a very large bird")
    assert first.bare_choices == ("cat", "dog", "a very large bird")
    assert [item.gold for item in loaded.items] == [row["answer"] for row in QUESTIONS]


def test_a_blank_has_a_context_for_each_way_to_fill_it(task_folder):
    first = load(task_folder, "toy_blank").items[0]
    assert first.choice_contexts == (
        "The cat sat near the dog because the cat",
        "The cat sat near the dog because the dog",
    )
    assert first.choices == (" was asleep.",) * 2
    assert first.context == "The cat sat near the dog because the "
    assert first.texts[1] == "The cat sat near the dog because the dog was asleep."


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("toy_mc2", "harness"),
        ("toy_mutual", "harness"),
        ("toy_several", "harness"),
        ("toy_last_word", "sequence_prob"),
    ],
)
def test_the_kind_says_whose_rules_judge(task_folder, name, kind):
    assert load(task_folder, name).task.kind == kind


def test_the_address_follows_the_content_and_not_the_place(tmp_path, task_folder):
    copy = write_tasks(tmp_path / "copy")
    for name in TASKS:
        assert load(task_folder, name).sha256 == load(copy, name).sha256
    rows, config = TASKS["toy_plain"]
    changed = write_tasks(tmp_path / "rows", {"toy_plain": (rows[1:], config)})
    other = write_tasks(
        tmp_path / "config", {"toy_plain": (rows, {**config, "fewshot_delimiter": "\n"})}
    )
    known = load(task_folder, "toy_plain").sha256
    assert len({known, load(changed, "toy_plain").sha256, load(other, "toy_plain").sha256}) == 3


def test_examples_come_before_and_never_hold_the_item_itself(task_folder):
    loaded = load(task_folder, "toy_plain")
    for item in loaded.rules.with_shots(2, seed=3):
        blocks = item.context.split("\n\n")
        assert len(blocks) == 3
        assert blocks[-1] not in {block.rpartition("A:")[0] + "A:" for block in blocks[:2]}
    assert loaded.rules.with_shots(2, seed=3) == loaded.rules.with_shots(2, seed=3)
    assert loaded.rules.with_shots(2, seed=3) != loaded.rules.with_shots(2, seed=4)
    assert loaded.rules.max_shots == len(QUESTIONS) - 1


def test_a_group_stands_for_its_tasks(task_folder):
    planned = plan_tasks(sweep_of(task_folder, "[lm_eval:toy_both, lm_eval:toy_norm]"))
    assert [each.task.name for each in planned] == ["toy_plain", "toy_norm"]
    assert all(each.n_items == len(QUESTIONS) and each.tree_tokens > 0 for each in planned)


def test_a_task_that_lets_models_write_is_refused(tmp_path):
    folder = write_tasks(tmp_path, {"toy_writing": WRITING})
    with pytest.raises(TaskDataError, match="lets the model write") as caught:
        load_harness_tasks("toy_writing", folder)
    assert "multiple_choice" in caught.value.hint


@pytest.mark.parametrize(("wrong", "right"), [("toy_plane", "toy_plain"), ("arc_easi", "arc_easy")])
def test_an_unknown_task_is_named_with_the_nearest(task_folder, wrong, right):
    with pytest.raises(UnknownNameError, match=wrong) as caught:
        load_harness_tasks(wrong, task_folder)
    assert f"'{right}'" in caught.value.hint


def test_documents_that_are_not_there_are_said_to_be_missing(tmp_path):
    folder = write_tasks(tmp_path, {"toy_plain": TASKS["toy_plain"]})
    (folder / "toy_plain.jsonl").unlink()
    with pytest.raises(TaskDataError, match="cannot be built") as caught:
        load_harness_tasks("toy_plain", folder)
    assert caught.value.where == "lm_eval:toy_plain"


def test_too_many_shots_are_refused_before_anything_runs(task_folder):
    with pytest.raises(SweepError, match="9 shots") as caught:
        plan_tasks(sweep_of(task_folder, shots="[0, 9]"))
    assert caught.value.hint == f"give at most {len(QUESTIONS) - 1} shots"


def test_a_folder_of_tasks_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TaskDataError, match="no such folder"):
        plan_tasks(sweep_of(tmp_path / "nowhere"))


def test_a_user_without_the_extra_reads_what_to_type(task_folder, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "lm_eval"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "ckpt_analyzer.harness.tasks")
    with pytest.raises(SweepError, match="lm-evaluation-harness") as caught:
        plan_tasks(sweep_of(task_folder))
    assert caught.value.hint == "pip install 'ckpt-analyzer[lm_eval]'"
    assert caught.value.where == "x.yaml:3, key tasks"


def test_a_name_of_ours_is_not_taken_by_other_rows(tmp_path):
    rows, config = TASKS["toy_plain"]
    folder = write_tasks(tmp_path, {"neqa": (rows, config)})
    with pytest.raises(TaskDataError, match="holds other rows"):
        plan_tasks(sweep_of(folder, "[lm_eval:neqa]"))
