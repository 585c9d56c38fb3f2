"""What a store's arms, stages and prompt formats differ in, and the questions answered from it."""

from __future__ import annotations

import pytest

from ckpt_analyzer.analysis.comparing import (
    Asked,
    NothingToCompareError,
    answers_of,
    compare,
    possible,
    present_sides,
)
from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.stats.group_differences import Draws
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.task import Item
from store_factory import TASK_SHA256, commit_answers

RIGHT, WRONG = [-1.0, -2.0], [-2.0, -1.0]
DRAWS = Draws(n_draws=200, seed=3)
TUNED = {"base_model": "m", "arm_tokens": 5}


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    commit_answers(store, "m", 2000, [RIGHT] * 40)
    commit_answers(store, "m-sft", 5, [RIGHT] * 40, arm="sft", **TUNED)
    commit_answers(store, "m-sft", 10, [WRONG] * 20 + [RIGHT] * 20, arm="sft", **TUNED)
    commit_answers(store, "m-chat", 10, [WRONG] * 38 + [RIGHT] * 2, arm="instruct", **TUNED)
    items = [Item(str(i), f"question {i}", (" yes", " no"), 0) for i in range(40)]
    store.save_items("memo-trap", TASK_SHA256, items)
    return store


def of(table, base, tuned):
    return table[(table["base"] == base) & (table["tuned"] == tuned)]


def test_all_arms_of_the_store_are_compared_in_order(store):
    found = compare(store, Asked(draws=DRAWS))
    assert found.asked.sides == ("base", "sft", "instruct")
    pairs = found.tasks.set_index(["base", "tuned"])["difference"]
    assert dict(pairs) == {
        ("base", "sft"): -0.5, ("sft", "instruct"): -0.45, ("base", "instruct"): -0.95,
    }  # fmt: skip


def test_each_pair_has_its_groups_with_the_cause_and_the_seed(store):
    groups = of(compare(store, Asked(draws=DRAWS)).groups, "base", "instruct")
    strong = groups[groups["level"] == "cause"].iloc[0]
    assert (strong["cause"], strong["difference"], strong["seed"]) == ("strong prior", -0.95, 3)


def test_every_checkpoint_within_tuning_is_compared_on_request(store):
    found = compare(store, Asked(sides=("base", "sft"), every_step=True, draws=DRAWS))
    steps = found.tasks.set_index("tuned_step")["difference"]
    assert dict(steps) == {5: 0.0, 10: -0.5}


def test_items_that_tuning_breaks_come_with_their_texts(store):
    items = of(compare(store, Asked(draws=DRAWS)).items, "base", "sft")
    assert len(items) == 20
    assert set(items["change"]) == {"broken"}
    first = items.iloc[0]
    assert (first["context"], list(first["choices"])) == ("question 0", [" yes", " no"])


def test_prompt_formats_are_compared_item_by_item(store):
    commit_answers(store, "m-chat", 10, [RIGHT] * 40, arm="instruct",
                   changes={"prompt_format": "chat"}, **TUNED)  # fmt: skip
    found = compare(store, Asked(by="prompt_format", sides=("plain", "chat"), draws=DRAWS))
    assert list(found.tasks["difference"]) == [0.95]
    answers = answers_of(store, "accuracy", possible(store, "accuracy", DRAWS))
    chat = answers[-1]
    assert chat.is_answered
    assert "0.950" in chat.answer


def test_the_question_of_the_paper_is_answered_with_its_numbers(store):
    answers = answers_of(store, "accuracy", possible(store, "accuracy", DRAWS))
    strong = answers[0]
    assert strong.question == "Does tuning worsen Strong Prior tasks?"
    assert "from base to instruct, accuracy over 1 task and 1 size changed by −0.950" in (
        strong.answer
    )
    assert strong.answer.startswith("Yes:")


def test_a_question_without_data_says_what_to_score(tmp_path):
    store = open_store(tmp_path / "base", create=True)
    commit_answers(store, "m", 2000, [RIGHT] * 4)
    assert possible(store, "accuracy", DRAWS) == []
    answers = answers_of(store, "accuracy", [])
    assert not any(answer.is_answered for answer in answers)
    assert "models tuned from them (scored: base)" in answers[0].answer
    assert "shots" in answers[2].answer


def test_an_arm_that_is_not_there_is_named_with_those_that_are(store):
    with pytest.raises(UnknownNameError, match="'dpo'") as error:
        compare(store, Asked(sides=("base", "dpo")))
    assert "base" in error.value.hint


def test_one_arm_alone_is_nothing_to_compare(tmp_path):
    store = open_store(tmp_path / "base", create=True)
    commit_answers(store, "m", 2000, [RIGHT] * 4)
    with pytest.raises(NothingToCompareError, match="no two arms"):
        compare(store, Asked())


def test_sides_stand_in_the_order_of_training(store):
    assert present_sides(store, "arm") == ("base", "sft", "instruct")
