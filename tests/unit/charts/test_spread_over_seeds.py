"""Runs of several seeds: never mixed in one curve, and their spread is drawn as what it is."""

import pytest

from ckpt_analyzer.charts._across import place_across
from ckpt_analyzer.charts._series import panels_of, sizes_of
from ckpt_analyzer.charts.metric_over_tokens import draw as draw_curves
from ckpt_analyzer.charts.metric_over_tokens import panel_rows
from ckpt_analyzer.charts.spread_over_seeds import draw, spread_rows
from ckpt_analyzer.errors import UserError
from made_up_trends import flips, trends, with_seeds

ONE = trends().query("task == 'memo-trap' and metric == 'accuracy' and arm == 'base'")


def runs():
    return with_seeds(ONE)


def test_the_band_goes_from_the_least_to_the_greatest_run_and_the_curve_is_their_mean():
    rows = spread_rows(runs())
    middle = ONE[ONE["suspect"].isna()].set_index(["size", "step"])["value"]
    rows = rows.set_index(["size", "step"])
    assert len(rows) == len(middle)
    middle = middle.loc[rows.index]
    assert (rows["lo"] - (middle - 0.03)).abs().max() < 1e-12
    assert (rows["hi"] - (middle + 0.06)).abs().max() < 1e-12
    assert (rows["value"] - (middle + 0.01)).abs().max() < 1e-12
    assert set(rows["n_seeds"]) == {3}


def test_a_suspect_checkpoint_of_one_run_is_left_out_and_the_count_says_so():
    table = runs()
    wrong = (table["seed"] == 3) & (table["size"] == "14m") & (table["step"] == table["step"].max())
    table.loc[wrong, "suspect"] = "wrong weights"
    rows = spread_rows(table).set_index(["size", "step"])
    assert rows.loc[("14m", table["step"].max()), "n_seeds"] == 2
    assert rows.loc[("70m", table["step"].max()), "n_seeds"] == 3


def test_the_chart_draws_a_band_and_one_curve_per_size():
    spec = draw(runs(), flips()).to_dict()
    (panel,) = spec["hconcat"]
    band = panel["layer"][0]
    assert band["mark"]["type"] == "area"
    assert band["encoding"]["y"]["field"] == "lo"
    drawn = [d for d in spec["datasets"].values() if d and "n_seeds" in d[0]]
    assert {row["size"] for row in drawn[0]} == {"14m", "70m", "410m"}


def test_runs_without_seeds_have_no_spread():
    with pytest.raises(UserError, match="more than one seed"):
        draw(ONE, flips())
    with pytest.raises(UserError, match="more than one seed"):
        draw(runs().query("seed == 1"), flips())


def test_curves_over_tokens_keep_runs_of_a_size_apart():
    table = runs()
    (panel,) = panels_of(table, sizes_of(table))
    points = panel_rows(panel, table, flips().iloc[:0]).points
    per_curve = points.groupby(["key", "step"]).size()
    assert per_curve.max() == 1
    assert points["key"].nunique() == 9
    assert draw_curves(table, flips().iloc[:0]).to_dict()["hconcat"]


def test_a_flip_of_one_seed_across_sizes_lies_on_the_curve_of_that_seed():
    last = ONE["step"].max()
    table = runs()
    across = flips().iloc[:2].assign(
        axis="parameters", verdict="U", model=["(seed 1)", "(seed 3)"], size=f"step {last}",
        task="memo-trap", metric="accuracy", arm="base", suite=ONE["suite"].iloc[0],
        flip_at=70e6, ci_lo=6e7, ci_hi=8e7,
    )  # fmt: skip
    heights = list(place_across(across, table)["y"])
    assert heights[1] - heights[0] == pytest.approx(0.09)
