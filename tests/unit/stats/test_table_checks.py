"""A table that no series can be cut from is refused with the column, the row and the next step."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.flips import FlipOptions, find_flips
from ckpt_analyzer.stats.series_tables import Cut, cut_series


@pytest.fixture(scope="module")
def scores():
    """Ten items at eight steps of three sizes."""
    rng = np.random.default_rng(0)
    grid = pd.MultiIndex.from_product(
        [["70m", "160m", "410m"], range(1, 9), [f"i{k}" for k in range(10)]],
        names=["size", "step", "item"],
    ).to_frame(index=False)
    parameters = grid["size"].map({"70m": 7e7, "160m": 1.6e8, "410m": 4.1e8})
    return grid.assign(
        task="neqa", metric="accuracy", tokens=grid["step"] * 1e9, parameters=parameters,
        score=(rng.random(len(grid)) < 0.5).astype(float),
    )  # fmt: skip


def changed(scores, column, cell, at):
    """`scores` with `cell` in the rows `at` of `column`."""
    values = scores[column].astype(object).to_list()
    for row in at:
        values[row] = cell
    return scores.assign(**{column: pd.Series(values, dtype=object)})


def refused(table, **how):
    with pytest.raises(UserError) as raised:
        find_flips(table, **how)
    return raised.value


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("tokens", None, "the column 'tokens' is empty in some rows"),
        ("tokens", np.inf, "the column 'tokens' holds infinite numbers"),
        ("tokens", "2.1B", "the column 'tokens' holds '2.1B', which is no number"),
        ("score", -np.inf, "the column 'score' holds infinite numbers"),
        ("score", "right", "the column 'score' holds 'right', which is no number"),
        ("item", None, "the column 'item' is empty in some rows"),
        ("task", None, "the column 'task' is empty in some rows"),
        ("size", None, "the column 'size' is empty in some rows"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_with_its_row(scores, column, cell, problem):
    error = refused(changed(scores, column, cell, [85, 86]))
    assert error.problem == problem
    assert "2 of " in error.where
    assert "size 160m" in error.where or column == "size"
    assert error.hint


def test_tokens_that_are_missing_for_some_items_only_are_refused(scores):
    """They used to fall on the last checkpoint of the item before."""
    rows = scores.index[(scores["step"] == 4) & (scores["item"] != "i0")]
    assert "'tokens'" in refused(changed(scores, "tokens", np.nan, rows)).problem


def test_columns_of_one_name_are_refused(scores):
    error = refused(pd.concat([scores, scores[["score"]]], axis=1))
    assert error.problem == "the table has two columns named 'score'"


@pytest.mark.parametrize("alpha", [0, 1, 5, -0.1, float("nan")])
def test_a_level_that_is_none_is_refused(scores, alpha):
    assert "lies between 0 and 1" in refused(scores, alpha=alpha).problem
    with pytest.raises(UserError):
        FlipOptions(alpha=alpha)


@pytest.mark.parametrize("axis", ["parameters", "flops"])
def test_models_with_several_checkpoints_need_steps_along_size(scores, axis):
    error = refused(scores.drop(columns="step"), axis=axis)
    assert error.problem.startswith("the table has no column 'step'")
    assert "8 numbers of tokens" in error.where
    last = scores[scores["step"] == 8].drop(columns="step")
    assert find_flips(last, axis=axis)["n_checkpoints"].tolist() == [3]


@pytest.mark.parametrize("axis", ["parameters", "flops", "shots"])
def test_a_missing_step_is_refused_where_steps_tell_series_apart(scores, axis):
    table = changed(scores.assign(shots=0), "step", None, [0])
    assert refused(table, axis=axis).problem == "the column 'step' is empty in some rows"


@pytest.mark.parametrize(
    ("axis", "column", "cell"),
    [("parameters", "step", "step100"), ("tokens", "parameters", "70M"), ("tokens", "shots", "a")],
)
def test_words_where_numbers_name_a_series_are_refused(scores, axis, column, cell):
    problem = refused(scores.assign(**{column: cell}), axis=axis).problem
    assert problem == f"the column {column!r} holds {cell!r}, which is no number"


@pytest.mark.parametrize("trusted", [False, "", None])
def test_what_is_under_no_suspicion_takes_part(scores, trusted):
    same_flips(scores.assign(suspect=trusted), scores)
    mixed = scores.assign(suspect=pd.Series([trusted] * len(scores), dtype=object))
    mixed.loc[mixed["step"] == 3, "suspect"] = "garbled"
    assert (find_flips(mixed)["n_checkpoints"] == 7).all()


def test_an_axis_that_is_no_name_is_refused(scores):
    assert "axis" in refused(scores, axis=None).problem


def test_negative_shots_are_refused(scores):
    error = refused(changed(scores.assign(shots=0), "shots", -1, [0]), axis="shots")
    assert error.problem == "the column 'shots' holds numbers below 0"


def test_an_infinite_error_and_a_seed_in_words_are_refused(scores):
    means = scores.groupby(["task", "metric", "size", "step", "tokens"], as_index=False).agg(
        value=("score", "mean")
    )
    assert "'stderr'" in refused(means.assign(stderr=np.inf)).problem
    assert "'seed'" in refused(means.assign(seed="first")).problem


def same_flips(table, expected):
    names = ["task", "size", "verdict", "p", "n_items", "n_checkpoints", "item_se"]
    pd.testing.assert_frame_equal(
        find_flips(table).sort_values("size")[names].reset_index(drop=True),
        find_flips(expected).sort_values("size")[names].reset_index(drop=True),
    )


@pytest.mark.parametrize("levels", [["task"], ["task", "item"], ["size", "step"]])
def test_named_levels_of_an_index_are_columns(scores, levels):
    same_flips(scores.set_index(levels), scores)
    same_flips(scores.set_index(levels, drop=False), scores)


def test_a_table_with_item_and_item_id_is_read_by_item(scores):
    same_flips(scores.assign(item_id="same"), scores)
    same_flips(scores.rename(columns={"item": "item_id"}), scores)


@pytest.mark.parametrize("kind", [int, bool, Decimal, object, "Int64", "category"])
def test_scores_of_any_kind_of_number_are_scores(scores, kind):
    if kind is Decimal:
        other = pd.Series([Decimal(int(cell)) for cell in scores["score"]], dtype=object)
    else:
        other = scores["score"].astype(kind)
    same_flips(scores.assign(score=other), scores)


def test_names_may_be_numbers(scores):
    number = scores["size"].map({"70m": 70, "160m": 160, "410m": 410})
    table = find_flips(scores.assign(size=number, task=7))
    assert sorted(table["size"]) == ["160", "410", "70"]
    assert set(table["task"]) == {"7"}
    (one, *_) = cut_series(scores.assign(size=number), Cut("tokens"))
    assert one.key["model"] == one.key["size"] == "70"
