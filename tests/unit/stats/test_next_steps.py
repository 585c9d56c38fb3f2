from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_analyzer.stats.next_steps import Curve, Grid, Search, next_steps, place_of
from ckpt_analyzer.stats.series import Series

STEPS = np.array([2**k for k in range(10)] + list(range(1000, 144_000, 1000)))
GRID = Grid(STEPS, np.log10(STEPS * 2_097_152.0))
START = [1, 4, 32, 128, 1000, 5000, 26000, 143000]


def curve(steps, value_of, name="t", shock=1e-6):
    position = np.log10(np.array(sorted(steps)) * 2_097_152.0)
    n = len(position)
    return Curve(
        Series(
            key={"task": name, "metric": "accuracy"},
            axis="tokens",
            position_K=position,
            value_K=value_of(position),
            item_covariance_KK=np.eye(n) * 1e-6,
            n_items=1000,
        ),
        shock,
    )


def u(turn):
    return lambda x: 0.2 + 0.3 * np.abs(x - turn)


def rising(x):
    return 0.1 * (x - 6)


def searched(value_of, search):
    steps = list(START)
    while proposals := next_steps([curve(steps, value_of)], GRID, steps, search):
        assert len(proposals) <= search.per_round
        steps += [proposal.step for proposal in proposals]
    return steps


def test_the_search_closes_in_on_the_turn_and_stops_when_it_is_known():
    search = Search(width_decades=0.1)
    steps = searched(u(10.62), search)
    place = place_of(curve(steps, u(10.62)))
    assert place.is_u
    assert place.lo <= 10.62 <= place.hi
    assert place.hi - place.lo <= 0.1
    assert len(steps) < search.budget


def test_the_budget_is_never_exceeded():
    steps = searched(u(10.62), Search(width_decades=1e-6, budget=17))
    assert len(steps) == 17


def test_no_step_is_proposed_twice_and_all_exist():
    steps = searched(u(9.9), Search(width_decades=1e-6, budget=60))
    assert len(set(steps)) == len(steps)
    assert set(steps) <= set(STEPS.tolist())


def test_a_round_keeps_three_steps_apart_while_there_is_room():
    proposals = next_steps([curve(START, u(11.0))], GRID, START, Search())
    index = sorted(np.searchsorted(STEPS, [*START, *(p.step for p in proposals)]))
    new = set(np.searchsorted(STEPS, [p.step for p in proposals]))
    gaps = [b - a for a, b in pairwise(index) if a in new or b in new]
    assert min(gaps) >= 3


def test_without_a_sign_of_a_turn_the_widest_gaps_are_looked_at_once():
    search = Search()
    steps = searched(rising, search)
    assert len(steps) == search.look
    assert all(step > 512 for step in set(steps) - set(START))


def test_curves_that_turn_share_the_round_and_are_named():
    both = [curve(START, u(9.6), "early"), curve(START, lambda x: 1 - u(10.9)(x), "late")]
    proposals = next_steps(both, GRID, START, Search(per_round=6, width_decades=0.3))
    reasons = " ".join(p.reason for p in proposals)
    assert "early may turn here (U)" in reasons
    assert "late may turn here (inverted U)" in reasons


def test_a_curve_whose_turn_is_known_asks_for_nothing():
    steps = STEPS[::2].tolist()
    assert next_steps([curve(steps, u(10.62))], GRID, steps, Search(budget=153)) == ()


def test_with_nothing_scored_the_gaps_are_filled():
    assert len(next_steps([], GRID, [], Search())) == 4


def test_later_rounds_also_score_the_ends_of_the_arms():
    steps = list(START)
    reasons = []
    for _ in range(4):
        proposals = next_steps(
            [curve(steps, u(10.62))], GRID, steps, Search(per_round=5, width_decades=1e-6)
        )
        reasons += [p.reason for p in proposals]
        steps += [p.step for p in proposals]
    assert "end of an arm of t" in reasons
    assert "widest gap" in reasons


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_turn_is_as_likely_on_either_side_of_its_median(share):
    place = place_of(curve(START, u(10.62)))
    at = place.quantile(share)
    below = np.clip((at - place.edge_E[:-1]) / np.maximum(np.diff(place.edge_E), 1e-12), 0, 1)
    assert (below * place.mass_G).sum() == pytest.approx(share, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 40))
def test_whatever_the_curve_proposals_are_free_steps_within_the_budget(seed, budget):
    rng = np.random.default_rng(seed)
    steps = sorted(rng.choice(STEPS, size=8, replace=False).tolist())
    noisy = curve(steps, lambda x: rng.normal(0.5, 0.05, len(x)))
    proposals = [p.step for p in next_steps([noisy], GRID, steps, Search(budget=budget))]
    assert len(proposals) <= budget - len(steps)
    assert len(set(proposals)) == len(proposals)
    assert not set(proposals) & set(steps)
    assert set(proposals) <= set(STEPS.tolist())
