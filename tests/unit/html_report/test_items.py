from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_up_items
import made_up_trends
from ckpt_analyzer.html_report.items import carried_by, even_in_log, thinned

SORTED_PLACES = st.lists(st.integers(1, 10**12), min_size=1, max_size=60, unique=True).map(sorted)


@given(SORTED_PLACES, st.integers(1, 40), st.booleans())
def test_the_last_checkpoint_is_always_kept_and_none_twice(places, n, from_zero):
    places = [0, *places] if from_zero else places
    kept = even_in_log(places, n)
    assert kept[-1] == len(places) - 1
    assert list(kept) == sorted(set(kept))
    assert len(kept) == min(n, len(places))


@given(SORTED_PLACES)
def test_two_kept_checkpoints_are_the_ends(places):
    assert even_in_log(places, 2) == tuple(sorted({0, len(places) - 1}))


def test_kept_checkpoints_are_even_in_the_logarithm():
    places = [10.0 ** (i / 10) for i in range(101)]
    assert even_in_log(places, 5) == (0, 25, 50, 75, 100)


def test_all_parts_of_a_series_are_thinned_alike():
    whole = made_up_items.series(made_up_trends.trends(), "madeup-14m", 7)
    thin = thinned(whole, 5)
    places = [whole.steps.index(step) for step in thin.steps]
    assert len(thin.steps) == len(thin.places) == 5
    np.testing.assert_array_equal(thin.value_SI, whole.value_SI[places])
    np.testing.assert_array_equal(thin.right_SI, whole.right_SI[places])


def test_a_page_carries_fewer_checkpoints_of_more_items():
    few, many = made_up_items.item_tasks(n_items=10), made_up_items.item_tasks(n_items=3000)
    assert carried_by(few).n_checkpoints > carried_by(many).n_checkpoints
    assert carried_by(few).n_levels > carried_by(many).n_levels
    assert carried_by(many, budget_bytes=1).n_checkpoints >= 2


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_single_checkpoint_stays(n):
    assert even_in_log([5.0], n) == (0,)
