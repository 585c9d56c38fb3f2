"""Scores as a grid are cut into the same series as the same scores in a long table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.stats.series_tables import AXES, Cut, ItemGrid, cut_grid, cut_rows, cut_series

N_ITEMS = 30


@pytest.fixture(scope="module")
def points():
    """Rows of trends: two sizes of two seeds and a third of one, five steps, two shots."""
    rows = [
        (size, seed, step, shots)
        for size, seeds in ((10, (0, 1)), (20, (0, 1)), (40, (0,)))
        for seed in seeds
        for step in (0, 1, 2, 4, 8)
        for shots in (0, 2)
    ]
    frame = pd.DataFrame(rows, columns=["parameters", "seed", "step", "shots"])
    return frame.assign(
        suite="s", arm="base", task="t", metric="m", prompt_format="raw", dtype="float32",
        model="m" + frame["parameters"].astype(str) + "-" + frame["seed"].astype(str),
        size=frame["parameters"].astype(str), tokens=frame["step"] * 100,
        arm_tokens=frame["step"] * 100, value=0.5, stderr=0.1, n_items=N_ITEMS,
        suspect=[None if i % 7 else "odd" for i in range(len(frame))],
    )  # fmt: skip


@pytest.fixture(scope="module", params=["all scored", "some not", "proportions"])
def score_PN(points, request):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(len(points), N_ITEMS))
    if request.param == "some not":
        scores[rng.random(scores.shape) < 0.2] = np.nan
        scores[3] = np.nan  # a point of which no item is scored
        scores[:, 5] = np.nan  # an item that is scored nowhere
    return (scores > 0).astype(float) if request.param == "proportions" else scores


def long(points, score_PN):
    parts = [
        pd.concat([points.drop(columns="value").iloc[[i]]] * N_ITEMS).assign(
            item=[f"{j:02}" for j in range(N_ITEMS)], score=score_PN[i]
        )
        for i in range(len(points))
    ]
    return pd.concat(parts)


@pytest.mark.parametrize("keep_suspect", [False, True])
@pytest.mark.parametrize("axis", AXES)
def test_a_grid_gives_the_series_of_a_long_table(points, score_PN, axis, keep_suspect):
    cut = Cut(axis, keep_suspect)
    expected = cut_series(long(points, score_PN), cut)
    found = cut_grid(ItemGrid(points, score_PN), cut)
    assert [one.key for one in found] == [one.key for one in expected]
    assert len(found) > 1
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.notes, mine.n_items) == (theirs.notes, theirs.n_items)
        assert mine.suspect_position == theirs.suspect_position
        for name in ("position_K", "value_K", "item_covariance_KK"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


@pytest.mark.parametrize("axis", AXES)
def test_a_part_of_the_grid_gives_its_series(points, score_PN, axis):
    cut = Cut(axis)
    whole = {str(one.key): one for one in cut_grid(ItemGrid(points, score_PN), cut)}
    for part in cut_rows(points, cut)[:4]:
        for one in cut_grid(ItemGrid(part, score_PN[part.index]), cut):
            np.testing.assert_array_equal(one.value_K, whole[str(one.key)].value_K)
