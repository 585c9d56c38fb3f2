import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.stats.after_tuning import after_tuning
from ckpt_analyzer.stats.shape_changes import CHANGES, compare_shapes


def flip(verdict, at=np.nan, low=np.nan, high=np.nan, task="t"):
    return pd.DataFrame([{
        "task": task, "verdict": verdict, "flip_at": at, "ci_lo": low, "ci_hi": high,
        "p_adjusted": 0.01,
    }])  # fmt: skip


def compared(base, tuned):
    table = compare_shapes(base, tuned, ["task"])
    assert set(table["change"]) <= set(CHANGES)
    return table.iloc[0]


@pytest.mark.parametrize(
    ("base", "tuned", "change"),
    [
        ("U", "monotone_down", "removed"),
        ("flat", "inverted_U", "appeared"),
        ("U", "inverted_U", "turned over"),
        ("monotone_up", "monotone_up", "same"),
        ("monotone_up", "flat", "changed"),
        ("U", "inconclusive", "undecided"),
    ],
)
def test_what_became_of_a_shape(base, tuned, change):
    assert compared(flip(base, 1e3, 500, 2e3), flip(tuned, 1e3, 500, 2e3))["change"] == change


def test_a_flip_has_moved_where_the_interval_of_the_ratio_leaves_out_one():
    row = compared(flip("U", 1e3, 900, 1100), flip("U", 4e3, 3600, 4400))
    assert row["change"] == "moved later"
    assert row["ratio"] == pytest.approx(4.0)
    assert row["ratio_lo"] < 4 < row["ratio_hi"]
    assert compared(flip("U", 4e3, 3600, 4400), flip("U", 1e3, 900, 1100))["change"] == (
        "moved earlier"
    )


def test_a_flip_of_wide_interval_has_not_moved():
    assert compared(flip("U", 1e3, 100, 9e3), flip("U", 4e3, 400, 4e4))["change"] == "same"


def test_the_interval_of_the_ratio_is_that_of_zou_and_donner():
    # By hand, on logarithms: parts of 0.2 below and 0.3 above, and of 0.1 and 0.4.
    base = flip("U", np.exp(1.0), np.exp(0.8), np.exp(1.3))
    tuned = flip("U", np.exp(2.0), np.exp(1.9), np.exp(2.4))
    row = compared(base, tuned)
    assert np.log(row["ratio_lo"]) == pytest.approx(1 - np.hypot(0.1, 0.3))
    assert np.log(row["ratio_hi"]) == pytest.approx(1 + np.hypot(0.4, 0.2))


def test_a_series_that_only_one_side_holds_is_not_compared():
    assert compare_shapes(flip("U", task="a"), flip("U", task="b"), ["task"]).empty


@pytest.mark.parametrize(
    ("verdict", "difference", "p", "change"),
    [
        ("U", -0.2, 0.001, "undone"),
        ("U", 0.2, 0.001, "carried on"),
        ("U", -0.2, 0.2, "kept"),
        ("inverted_U", 0.2, 0.001, "undone"),
        ("monotone_up", -0.2, 0.001, "reversed"),
        ("monotone_down", -0.2, 0.001, "carried on"),
        ("flat", 0.1, 0.001, "changed"),
        ("other", 0.1, 0.001, "undecided"),
    ],
)
def test_what_tuning_makes_of_the_shape_of_training(verdict, difference, p, change):
    names = {"suite": "s", "task": "t", "shots": 0, "prompt_format": "raw", "dtype": "fp32",
             "metric": "accuracy"}  # fmt: skip
    tasks = pd.DataFrame([{
        **names, "base": "base", "tuned": "sft", "base_model": "m", "model": "m-sft", "size": "1b",
        "difference": difference, "ci_lo": 0.0, "ci_hi": 0.0, "p_adjusted": p,
    }])  # fmt: skip
    flips = pd.DataFrame([{
        **names, "arm": "base", "axis": "tokens", "model": "m", "verdict": verdict, "flip_at": 5.0,
    }])  # fmt: skip
    assert list(after_tuning(tasks, flips)["change"]) == [change]
    assert after_tuning(tasks.assign(base="sft"), flips).empty
