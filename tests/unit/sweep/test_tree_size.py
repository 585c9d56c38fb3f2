"""Tokens of a plan, before any text is tokenized."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer import tasks
from ckpt_analyzer.sweep.config import prize_tasks
from ckpt_analyzer.sweep.tree_size import interpolated_tokens, sizes_of, unique_bytes
from ckpt_analyzer.task import Item, SampleTokens

SIZES = (SampleTokens(1, 100), SampleTokens(30, 1500), SampleTokens(1000, 30_000))


def item(context, *choices, other=None):
    return Item("0", context, choices, 0, other_context=other)


def test_what_texts_share_counts_once():
    assert unique_bytes([item("abc", " x", " y")]) == 3 + 2 + 1
    assert unique_bytes([item("abc", " x", " y"), item("abd", " x")]) == 6 + 1 + 2
    assert unique_bytes([item("ab", "c", other="ab")]) == 3
    assert unique_bytes([item("é", "x")]) == 3
    assert unique_bytes([]) == 0


@given(st.lists(st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=3)))
def test_unique_bytes_are_the_nodes_of_a_tree_of_characters(contents):
    items = [item(texts[0], *texts) for texts in contents]
    texts = {one.context + choice for one in items for choice in one.choices}
    assert unique_bytes(items) == len({text[: k + 1] for text in texts for k in range(len(text))})


@pytest.mark.parametrize("size", SIZES)
def test_declared_samples_are_met(size):
    assert interpolated_tokens(SIZES, size.n_items) == size.tokens


def test_between_samples_tokens_grow_and_tokens_per_item_fall():
    tokens = [interpolated_tokens(SIZES, n) for n in range(1, 1000, 7)]
    assert tokens == sorted(tokens)
    per_item = [t / n for t, n in zip(tokens, range(1, 1000, 7), strict=True)]
    assert per_item[0] > per_item[5] > per_item[-1]
    assert interpolated_tokens(SIZES, 0) == interpolated_tokens((), 5) == 0


def test_items_at_hand_are_sized_by_their_text():
    items = [item("The cat sat on the" + " mat" * k, " a", " b") for k in range(9)]
    one, all_of_them = sizes_of(items)
    assert (one.n_items, all_of_them.n_items) == (1, 9)
    assert one.tokens < all_of_them.tokens < 9 * one.tokens
    assert all_of_them.tokens == round(unique_bytes(items) / 4)


def test_every_prize_task_declares_its_sizes_up_to_all_items():
    for name in prize_tasks():
        task = tasks.load(name)
        numbers = [size.n_items for size in task.sample_tokens]
        assert numbers == sorted(set(numbers))
        assert (numbers[0], numbers[-1]) == (1, task.n_items)
