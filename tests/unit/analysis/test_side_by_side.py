"""Stores set side by side: what is paired by item, what is not, and what cannot be."""

from __future__ import annotations

import pytest

from ckpt_analyzer.analysis.side_by_side import Matching, compare_stores, labels_of
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.store.store import open_store
from store_factory import TASK_SHA256, commit_answers

RIGHT, WRONG = [-1.0, -2.0], [-2.0, -1.0]


@pytest.fixture
def make(tmp_path):
    def make(name, answers, **facts):
        store = open_store(tmp_path / name, create=True)
        for step, of_step in answers.items():
            commit_answers(store, "m", step, of_step, **facts)
        return store

    return make


OURS = {1000: [RIGHT] * 4, 2000: [RIGHT, RIGHT, RIGHT, WRONG]}
THEIRS = {1000: [RIGHT] * 4, 2000: [RIGHT, WRONG, WRONG, WRONG]}


def test_the_last_matched_checkpoints_are_paired_by_item(make):
    found = compare_stores([make("ours", OURS), make("theirs", THEIRS)], Matching())
    row = found.points.iloc[0]
    assert len(found.points) == 1
    assert (row["step_base"], row["is_paired"], row["n_items"]) == (2000, True, 4)
    assert (row["difference"], row["n_broken"], row["n_mended"]) == (-0.5, 2, 0)
    assert (row["reference"], row["store"]) == ("ours", "theirs")


def test_every_matched_checkpoint_is_compared_on_request(make):
    found = compare_stores([make("ours", OURS), make("theirs", THEIRS)], Matching(every_step=True))
    assert list(found.points["difference"]) == [0.0, -0.5]


def test_other_data_under_one_name_is_not_paired_and_a_note_says_so(make):
    ours = make("ours", OURS)
    theirs = make("theirs", THEIRS, changes={"task_sha256": "f" * len(TASK_SHA256)})
    found = compare_stores([ours, theirs], Matching())
    assert not found.points["is_paired"].any()
    assert any("memo-trap differ" in note for note in found.notes)


def test_other_dtypes_are_compared_and_a_note_says_so(make):
    found = compare_stores(
        [make("ours", OURS), make("theirs", THEIRS, changes={"dtype": "bfloat16"})], Matching()
    )
    assert found.points["is_paired"].all()
    assert "float32 against bfloat16" in found.notes[0]


def test_imported_means_are_compared_without_pairs(make, tmp_path):
    ours = make("ours", OURS)
    theirs = open_store(tmp_path / "imported", create=True)
    theirs.add_import(ours.trends(["accuracy"]).assign(has_items=False, value=0.5), "made up")
    row = compare_stores([ours, theirs], Matching()).points.iloc[0]
    assert (row["is_paired"], row["difference"]) == (False, -0.25)


def test_verdicts_of_matched_series_stand_side_by_side(make):
    answers = {step: [RIGHT] * 4 for step in (1, 10, 100, 1000)}
    found = compare_stores([make("ours", answers), make("theirs", answers)], Matching())
    assert list(found.shapes["verdict_base"]) == list(found.shapes["verdict_tuned"])


def test_three_stores_are_each_compared_with_the_first(make):
    stores = [make("a", OURS), make("b", THEIRS), make("c", OURS)]
    found = compare_stores(stores, Matching())
    assert dict(zip(found.points["store"], found.points["difference"], strict=True)) == {
        "b": -0.5,
        "c": 0.0,
    }


def test_stores_without_a_common_series_say_what_each_holds(make):
    ours = make("ours", OURS)
    theirs = make("theirs", THEIRS, size="12b", parameters=12 * 10**9)
    theirs_elsewhere = make("elsewhere", THEIRS, task="neqa")
    for other in (theirs_elsewhere,):
        with pytest.raises(UserError, match="no series in common") as error:
            compare_stores([ours, other], Matching())
        assert "tasks memo-trap" in error.value.where
        assert "tasks neqa" in error.value.where
    assert len(compare_stores([ours, theirs], Matching()).points) == 1  # its name is the same


def test_stores_without_a_common_checkpoint_name_the_tolerance(make):
    with pytest.raises(UserError, match="no checkpoint of them") as error:
        compare_stores([make("ours", OURS), make("theirs", {1300: [RIGHT] * 4})], Matching())
    assert "--tolerance" in error.value.hint


def test_stores_of_one_folder_name_are_told_apart_by_their_parents(tmp_path):
    stores = [open_store(tmp_path / name / "demo", create=True) for name in ("a", "b")]
    assert labels_of(stores) == ("a/demo", "b/demo")


def test_a_store_given_twice_is_refused(make):
    store = make("ours", OURS)
    with pytest.raises(UserError, match="given twice"):
        compare_stores([store, store], Matching())
