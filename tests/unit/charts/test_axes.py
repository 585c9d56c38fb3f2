"""Panels over tokens, FLOPs and parameters: which checkpoints, and where flips and starts lie."""

from __future__ import annotations

import pandas as pd
import pytest

import made_up_trends
from ckpt_analyzer.charts._across import place_across
from ckpt_analyzer.charts._series import axis_places, panels_of, sizes_of, spread_steps
from ckpt_analyzer.charts.metric_over_parameters import draw_steps, step_rows
from ckpt_analyzer.charts.metric_over_tokens import panel_rows

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()
ONE = TRENDS[(TRENDS["task"] == "memo-trap") & (TRENDS["metric"] == "accuracy")]
BASE, TUNED = panels_of(TRENDS, sizes_of(TRENDS))


def _across(axis, **changes):
    row = FLIPS[(FLIPS["task"] == "memo-trap") & (FLIPS["metric"] == "accuracy")].head(1)
    return row.assign(axis=axis, model="(all)", parameters=0, verdict="U", **changes)


def test_steps_are_few_spread_and_end_with_the_last():
    rows = TRENDS[TRENDS["arm"] == "base"]
    steps = spread_steps(rows)
    assert 4 <= len(steps) <= 8
    assert steps[-1] == rows["step"].max()
    assert 0 not in steps


def test_a_checkpoint_that_one_size_lacks_is_not_drawn_over_parameters():
    rows = ONE[ONE["arm"] == "base"]
    last = rows["step"].max()
    lacking = rows[(rows["step"] != last) | (rows["size"] != "14m")]
    assert last not in spread_steps(lacking)


def test_one_size_alone_has_no_curve_over_parameters():
    assert spread_steps(ONE[ONE["size"] == "14m"].query("arm == 'base'")) == ()


def test_flops_of_a_tuned_arm_are_those_of_its_tuning():
    tuned = ONE[ONE["arm"] == "instruct"]
    places = axis_places(tuned, "flops")
    assert places.tolist() == (6.0 * tuned["parameters"] * tuned["arm_tokens"]).tolist()


def test_tuning_starts_at_the_end_of_the_base_model():
    starts = panel_rows(TUNED, ONE, FLIPS).starts
    ends = starts[starts["is_base"]].set_index("size")
    base = ONE[(ONE["arm"] == "base") & (ONE["size"] == "70m")].sort_values("tokens")
    assert ends.loc["70m", "value"] == base["value"].iloc[-1]
    assert (ends["x"] == 0).all()
    assert (starts["size"].value_counts() == 2).all()


def test_a_base_panel_has_no_start():
    assert panel_rows(BASE, ONE, FLIPS).starts.empty
    assert not BASE.has_base_end
    assert TUNED.has_base_end


def test_a_suspect_checkpoint_is_not_drawn_over_parameters():
    bad = ONE.assign(suspect=ONE["suspect"].mask(ONE["size"] == "14m", "wrong weights"))
    assert "14m" not in set(step_rows(BASE, bad, FLIPS).points["size"])


def test_each_seed_has_a_curve_of_its_own_over_parameters():
    twice = pd.concat([ONE.assign(seed=1.0), ONE.assign(seed=2.0)])
    points = step_rows(BASE, twice, FLIPS).points
    assert set(points["run"]) == {"1", "2"}
    assert not points.duplicated(["step", "run", "x"]).any()
    assert set(step_rows(BASE, ONE, FLIPS).points["run"]) == {""}
    drawn = draw_steps(BASE, step_rows(BASE, twice, FLIPS), "accuracy").to_dict()
    lines = [layer for layer in drawn["layer"] if layer["mark"]["type"] == "line"]
    kept_apart = [[each["field"] for each in layer["encoding"]["detail"]] for layer in lines[-2:]]
    assert kept_apart == [["step", "run"]] * 2


def test_a_flip_over_parameters_lies_on_the_curve_of_its_checkpoint():
    step = BASE.steps[-1]
    flips = _across("parameters", size=f"step {step}", flip_at=float(made_up_trends.SIZES["70m"]))
    row = place_across(flips, ONE).iloc[0]
    there = ONE[(ONE["step"] == step) & (ONE["size"] == "70m") & (ONE["arm"] == "base")]
    assert row["step"] == step
    assert row["y"] == pytest.approx(there["value"].iloc[0])
    assert len(step_rows(BASE, ONE, flips).flips) == 1
    assert step_rows(TUNED, ONE, flips).flips.empty


def test_a_flip_stands_only_on_its_own_axis():
    flips = pd.concat([_across("flops", size="(all)", flip_at=1e18), FLIPS])
    on_flops = panel_rows(BASE, ONE, flips, "flops").flips
    assert on_flops["x"].tolist() == [1e18]
    assert 1e18 not in set(panel_rows(BASE, ONE, flips[flips["task"] == "memo-trap"]).flips["x"])
    assert step_rows(BASE, ONE, flips).flips.empty


def test_flops_of_a_tuned_arm_carry_no_flip():
    flips = _across("flops", size="(all)", flip_at=1e18)
    assert len(place_across(flips, ONE)) == 1
    assert place_across(flips.assign(arm="instruct"), ONE).empty
