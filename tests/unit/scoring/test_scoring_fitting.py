"""As many examples as fit, per item, and never more or fewer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_analyzer.scoring.encode import encode_items
from ckpt_analyzer.scoring.fitting import encode_fitting
from ckpt_analyzer.task import Item
from ckpt_analyzer.task_data.few_shot import Drawn, prompted

ITEMS = tuple(
    Item(str(n), "The cat sat " * (n % 4) + f"on {n}:", (" Yes", " No at all"), gold=n % 2)
    for n in range(12)
)


def fitted(tokenizer, shots, length, items=ITEMS):
    prompts = prompted(items, shots, Drawn(ITEMS, seed=3))
    return prompts, encode_fitting(
        tokenizer, lambda i, k: prompts[i].at(k), len(items), shots, max_length_tokens=length
    )


def longest_tokens(item):
    return max(len(r.context_ids) + len(r.continuation_ids) for r in item.all_requests)


@settings(max_examples=25, deadline=None)
@given(shots=st.integers(0, 11), length=st.integers(20, 160))
def test_what_stays_is_the_longest_prompt_that_fits(tokenizer, shots, length):
    prompts, found = fitted(tokenizer, shots, length)
    for prompt, item, count in zip(prompts, found.encoded.items, found.n_shots_I, strict=True):

        def alone(k, prompt=prompt):
            (one,) = encode_items(tokenizer, [prompt.at(k)], max_length_tokens=length).items
            return one

        fit = [k for k in range(shots + 1) if not alone(k).truncated]
        assert count == max(fit, default=0)
        same = [(r.context_ids.tolist(), r.continuation_ids.tolist()) for r in item.requests]
        expected = alone(int(count)).requests
        assert same == [(r.context_ids.tolist(), r.continuation_ids.tolist()) for r in expected]


def test_only_an_item_that_is_too_long_by_itself_is_cut_on_the_left(tokenizer):
    _, found = fitted(tokenizer, 5, 8)
    assert set(found.n_shots_I.tolist()) == {0}
    assert found.encoded.n_truncated == sum(item.truncated for item in found.encoded.items) > 0


def test_room_for_all_leaves_all(tokenizer):
    _, found = fitted(tokenizer, 5, 10**4)
    assert set(found.n_shots_I.tolist()) == {5}
    assert found.encoded.n_truncated == 0


@pytest.mark.parametrize("length", [30, 60, 90])
def test_no_prompt_with_examples_exceeds_the_model(tokenizer, length):
    _, found = fitted(tokenizer, 11, length)
    with_examples = [
        item for item, count in zip(found.encoded.items, found.n_shots_I, strict=True) if count
    ]
    assert all(longest_tokens(item) <= length + 1 for item in with_examples)
