"""The verbs ``compare`` and ``export`` as a user types them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ckpt_analyzer.cli import app
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.store.store import open_store
from store_factory import commit_answers

RIGHT, WRONG = [-1.0, -2.0], [-2.0, -1.0]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = open_store(tmp_path_factory.mktemp("verbs") / "ours", create=True)
    commit_answers(store, "m", 1000, [RIGHT] * 10)
    for arm, answers in (("sft", [WRONG] * 5 + [RIGHT] * 5), ("instruct", [WRONG] * 10)):
        commit_answers(store, f"m-{arm}", 10, answers, arm=arm, base_model="m", arm_tokens=5)
    return store


@pytest.fixture
def typed(store):
    def typed(*arguments):
        done = CliRunner().invoke(app, [*map(str, arguments)])
        if isinstance(done.exception, UserError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return typed


def test_all_stages_are_shown_with_their_differences_and_the_questions(store, typed):
    shown = typed("compare", store.path, "--draws", 200)
    assert "Means over tasks" in shown
    assert "-1.000" in shown
    assert "Does tuning worsen Strong Prior tasks?\n  " in shown


def test_json_holds_every_table_and_the_seed(store, typed):
    found = json.loads(typed("compare", store.path, "--json", "--draws", 200, "--seed", 4))
    assert set(found) == {"metric", "tasks", "groups", "shapes", "moves", "items", "answers"}
    pairs = {(row["base"], row["tuned"]): row["difference"] for row in found["tasks"]}
    assert pairs == {("base", "sft"): -0.5, ("sft", "instruct"): -0.5, ("base", "instruct"): -1.0}
    assert {row["seed"] for row in found["groups"]} == {4}


def test_base_and_tuned_choose_one_pair(store, typed):
    shown = json.loads(typed("compare", store.path, "--tuned", "sft", "--json", "--draws", 200))
    assert {(row["base"], row["tuned"]) for row in shown["tasks"]} == {("base", "sft")}


def test_stages_want_two_arms_and_no_other_choice(store, typed):
    with pytest.raises(UserError, match="two arms or more"):
        typed("compare", store.path, "--stages", "base")
    with pytest.raises(UserError, match="names all arms"):
        typed("compare", store.path, "--stages", "base,sft", "--tuned", "sft")


def test_questions_alone_are_answered_of_any_store(store, typed):
    shown = typed("compare", store.path, "--questions")
    assert "Means over tasks" not in shown
    assert "few-shot examples" in shown


def test_items_are_listed_on_request(store, typed):
    shown = typed("compare", store.path, "--items", 1, "--draws", 200)
    assert "memo-trap: 20 items broken, 1 of them:" in shown
    assert "no text is kept" in shown


def test_two_stores_are_set_side_by_side(store, typed, tmp_path):
    other = open_store(tmp_path / "theirs", create=True)
    commit_answers(other, "m", 1000, [RIGHT] * 4 + [WRONG] * 6)
    shown = typed("compare", store.path, other.path)
    assert "theirs" in shown
    assert "-0.600" in shown
    found = json.loads(typed("compare", store.path, other.path, "--json"))
    assert found["stores"] == ["ours", "theirs"]
    assert found["points"][0]["is_paired"] is True


def test_export_without_a_folder_says_what_to_type(store, typed):
    with pytest.raises(UserError, match="nothing to write") as error:
        typed("export", store.path)
    assert "--figures" in error.value.hint


def test_export_writes_the_figures_that_are_asked_for(store, typed, tmp_path):
    typed(
        "export", store.path, "--figures", tmp_path, "--chart", "base-to-tuned", "--width", "single"
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        f"base-to-tuned_accuracy{ending}"
        for ending in (".csv", "_single.pdf", "_single.png", "_single.svg", "_single.vl.json")
    }


def test_the_difference_over_tuning_is_drawn_into_a_file(store, typed, tmp_path):
    path = tmp_path / "chart.svg"
    typed("compare", store.path, "--draws", 200, "--chart", path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "base" in text
    with pytest.raises(UserError, match=r"picture"):
        typed("compare", store.path, "--draws", 200, "--chart", tmp_path / "chart.txt")


def test_the_questions_are_answered_of_every_store(store, typed, tmp_path):
    other = open_store(tmp_path / "theirs", create=True)
    commit_answers(other, "m", 1000, [WRONG] * 10)
    commit_answers(other, "m-sft", 10, [RIGHT] * 10, arm="sft", base_model="m", arm_tokens=5)
    arguments = ("compare", store.path, other.path, "--questions", "--draws", 200, "--json")
    answers = json.loads(typed(*arguments))
    assert {each["question"].partition(": ")[0] for each in answers} == {"ours", "theirs"}
    assert len(answers) % 2 == 0
