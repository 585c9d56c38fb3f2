from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import made_up_items
import made_up_trends
from ckpt_analyzer.html_report.item_shapes import ANSWERS, SHAPES, codes, contributions

TRENDS = made_up_trends.trends()


def _series(value_SI, right_SI=None):
    value_SI = np.asarray(value_SI, float)
    whole = made_up_items.series(TRENDS, "madeup-14m", value_SI.shape[1])
    n = len(value_SI)
    return dataclasses.replace(
        whole, steps=whole.steps[:n], places=tuple(10.0**i for i in range(n)), value_SI=value_SI,
        right_SI=None if right_SI is None else np.asarray(right_SI, float),
    )  # fmt: skip


def _words(series, unit="probability"):
    return [(ANSWERS[c // len(SHAPES)], SHAPES[c % len(SHAPES)]) for c in codes(series, unit)]


@pytest.mark.parametrize("n_steps", [5, 15])
def test_items_have_the_shapes_that_they_were_made_with(n_steps):
    words = _words(_series(made_up_items.values(n_steps, 5)))
    assert [shape for _, shape in words] == ["steady", "U", "inverted U", "rising", "falling"]


def test_a_wiggle_is_no_turn():
    assert _words(_series([[0.5], [0.4], [0.6], [0.5]])) == [("changing", "steady")]


def test_one_strange_checkpoint_of_many_is_no_turn():
    curve = np.full((15, 1), 0.8)
    curve[7] = 0.2
    assert _words(_series(curve))[0][1] == "steady"
    assert _words(_series(curve[5:10]))[0][1] == "U"


def test_ln_p_turns_by_nats():
    curve = [[-2.0], [-2.6], [-2.0]]
    assert _words(_series(curve), "ln p")[0][1] == "steady"
    assert _words(_series(curve), "probability")[0][1] == "U"


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ([1, 1, 1, 1, 1, 1], "always right"),
        ([0, 0, 0, 0, 0, 0], "always wrong"),
        ([1, 1, 0, 1, 0, 0], "right, then wrong"),
        ([0, 0, 1, 0, 1, 1], "wrong, then right"),
        ([1, 0, 1, 0, 1, 0], "changing"),
        ([np.nan] * 6, "changing"),
        ([np.nan, 1, 1, 1, 1, 1], "always right"),
    ],
)
def test_answers_in_words(right, words):
    series = _series(np.full((6, 1), 0.5), np.array(right, float)[:, None])
    assert _words(series)[0][0] == words


def test_an_item_that_was_never_scored_has_no_shape():
    assert _words(_series(np.full((4, 1), np.nan))) == [("changing", "steady")]


def test_contributions_add_up_to_the_turn_of_the_mean():
    values = made_up_items.values(15, 5)
    found = contributions(_series(values), turn_tokens=10.0**7, sign=1)
    means = values.mean(axis=1)
    depth = (means[:3].mean() + means[-3:].mean()) / 2 - means[6:9].mean()
    assert found.mean == pytest.approx(depth)
    assert found.value_I.argmax() == 1
    assert found.value_I.argmin() == 2


def test_an_inverted_u_is_driven_by_the_items_that_rise_and_fall():
    found = contributions(_series(made_up_items.values(15, 5)), turn_tokens=10.0**7, sign=-1)
    assert found.value_I.argmax() == 2


def test_a_turn_at_the_edge_stays_inside_the_series():
    found = contributions(_series(made_up_items.values(15, 5)), turn_tokens=1e30, sign=1)
    assert np.isfinite(found.value_I).all()
