"""Few-shot prompts follow the prize's protocol and depend on nothing but seed and item."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.errors import TaskDataError
from ckpt_analyzer.prompt_rules import ShotRules
from ckpt_analyzer.task import Item
from ckpt_analyzer.task_data.few_shot import SEPARATOR, Drawn, prompted, with_shots

ITEMS = tuple(Item(str(n), f"Q{n}?", (f" no{n}", f" yes{n}"), gold=1) for n in range(12))


def test_examples_are_other_items_with_their_right_answers():
    for item, shown in zip(ITEMS, with_shots(ITEMS, 11, seed=0), strict=True):
        *examples, last = shown.context.split(SEPARATOR)
        assert last == item.context
        others = {f"{o.context}{o.choices[1]}" for o in ITEMS if o is not item}
        assert set(examples) == others
        assert len(examples) == 11


def test_no_shots_change_nothing():
    assert with_shots(ITEMS, 0, seed=1) == ITEMS


@given(shots=st.integers(1, 11), seed=st.integers(0, 2**32), chosen=st.permutations(range(12)))
def test_examples_do_not_depend_on_which_items_are_asked_for(shots, seed, chosen):
    whole = with_shots(ITEMS, shots, seed)
    part = [ITEMS[n] for n in chosen[:5]]
    assert with_shots(part, shots, seed, pool=ITEMS) == tuple(whole[n] for n in chosen[:5])


@given(shots=st.integers(2, 11), seed=st.integers(0, 2**32))
def test_more_shots_add_examples_to_the_same_ones(shots, seed):
    more, fewer = with_shots(ITEMS, shots, seed), with_shots(ITEMS, shots - 1, seed)
    for a, b in zip(more, fewer, strict=True):
        assert a.context.split(SEPARATOR)[: shots - 1] == b.context.split(SEPARATOR)[: shots - 1]


def test_another_seed_draws_other_examples():
    assert with_shots(ITEMS, 3, seed=0) != with_shots(ITEMS, 3, seed=1)


def test_every_item_has_a_draw_of_its_own():
    shown = [item.context.split(SEPARATOR)[:3] for item in with_shots(ITEMS, 3, seed=0)]
    assert len({tuple(examples) for examples in shown}) > 6


@pytest.mark.parametrize(("shots", "problem"), [(12, "the task has 12"), (-1, "fewer than none")])
def test_an_impossible_number_of_shots_is_refused(shots, problem):
    with pytest.raises(TaskDataError, match=problem):
        with_shots(ITEMS, shots, seed=0)


def test_log_odds_items_are_refused():
    item = Item("0", "a", (" x", " y"), 0, other_context="b")
    with pytest.raises(TaskDataError, match="log-odds"):
        with_shots((item, *ITEMS), 1, seed=0)


def test_own_separators_and_fixed_examples_take_the_place_of_the_prizes():
    fixed = (ITEMS[3], Item("x", "A?", (" a", " b"), gold=0), Item("y", "B?", (" c", " d"), gold=1))
    rules = ShotRules(separator="\n--\n", answer_separator=" is")
    drawn = Drawn(ITEMS, fixed=fixed)
    first, fourth = prompted((ITEMS[0], ITEMS[3]), 2, drawn, rules)
    assert first.at(2).context == "Q3? is yes3\n--\nA? is a\n--\nQ0?"
    # An item is not its own example.
    assert fourth.at(2).context == "A? is a\n--\nB? is d\n--\nQ3?"
    assert first.at(1).context == "Q3? is yes3\n--\nQ0?"
    assert first.at(0) == ITEMS[0]


def test_too_few_fixed_examples_are_refused():
    with pytest.raises(TaskDataError, match="has 1"):
        prompted(ITEMS, 2, Drawn(ITEMS, fixed=(ITEMS[3], Item("x", "A?", (" a",), gold=0))))
