from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_analyzer import tables
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.flips import FlipOptions, find_flips
from ckpt_analyzer.stats.series_tables import Cut, cut_series

FLIPPED = ("U", "inverted_U", "other")
quick = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def tokens(n: int) -> np.ndarray:
    return np.logspace(9, 11.5, n)


def item_scores(mean, *, seed=0, n_items=300, shock=0.0, task="neqa") -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = len(mean)
    right = np.clip(mean + shock * rng.normal(size=n), 0, 1)
    scores = (rng.uniform(size=(n_items, n)) < right).astype(float)
    return pd.DataFrame(
        {
            "task": task, "metric": "accuracy", "size": "1b",
            "step": np.tile(np.arange(1, n + 1), n_items), "tokens": np.tile(tokens(n), n_items),
            "item": np.repeat(np.arange(n_items), n), "score": scores.ravel(),
        }
    )  # fmt: skip


def means(values, stderr=0.015, **columns) -> pd.DataFrame:
    n = len(values)
    return pd.DataFrame(
        {
            "task": "neqa", "metric": "accuracy", "size": "1b", "model": "m-1b",
            "parameters": 10**9, "step": np.arange(1, n + 1), "tokens": tokens(n),
            "value": values, "stderr": stderr,
        }
        | columns
    )  # fmt: skip


def v(n: int, turn: float = 0.5, ends=(0.5, 1.0), bottom: float = 0.02) -> np.ndarray:
    return np.interp(np.linspace(0, 1, n), [0, turn, 1], [ends[0], bottom, ends[1]])


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize("n", [16, 20])
def test_a_clear_u_of_item_scores_is_found_and_placed(n):
    row = only(find_flips(item_scores(v(n))))
    assert row["verdict"] == "U"
    assert row["ci_lo"] <= 10**10.25 <= row["ci_hi"]
    assert row["ci_lo"] <= row["flip_at"] <= row["ci_hi"]
    assert row["p"] < 0.01
    assert row["effect_before"] < -0.2
    assert row["effect_after"] > 0.4
    assert row["n_items"] == 300


def test_a_clear_inverted_u_of_means_is_found():
    assert only(find_flips(means(1 - v(16))))["verdict"] == "inverted_U"


@pytest.mark.parametrize(
    ("curve", "verdict"),
    [
        (lambda x: 0.3 + 0.4 * x, "monotone_up"),
        (lambda x: 0.8 - 0.5 * np.exp(-6 * x), "monotone_up"),
        (lambda x: 0.3 + 0.5 * np.maximum(x - 0.6, 0) / 0.4, "monotone_up"),
        (lambda x: np.where(x < 0.5, 0.7, 0.3), "monotone_down"),
    ],
)
def test_saturation_plateau_and_step_are_monotone(curve, verdict):
    x = np.linspace(0, 1, 20)
    assert only(find_flips(item_scores(curve(x), seed=3)))["verdict"] == verdict


def test_three_arms_are_other_with_their_turning_points():
    values = np.interp(np.linspace(0, 1, 24), [0, 0.3, 0.65, 1], [0.8, 0.2, 0.8, 0.2])
    row = only(find_flips(means(values)))
    assert row["verdict"] == "other"
    first, second = np.log10(row["turning_points"])
    assert first == pytest.approx(9 + 0.3 * 2.5, abs=0.25)
    assert second == pytest.approx(9 + 0.65 * 2.5, abs=0.25)


def test_a_quiet_curve_is_flat_and_a_noisy_one_inconclusive():
    rng = np.random.default_rng(0)
    quiet = means(0.5 + 0.001 * rng.normal(size=16), stderr=0.001)
    noisy = means(0.5 + 0.06 * rng.normal(size=16), stderr=0.06)
    assert only(find_flips(quiet))["verdict"] == "flat"
    assert only(find_flips(noisy))["verdict"] == "inconclusive"


def test_shocks_larger_than_the_item_error_are_seen_and_flagged():
    rng = np.random.default_rng(1)
    row = only(find_flips(means(0.5 + 0.1 * rng.normal(size=20), stderr=0.005)))
    assert 0.05 < row["shock_sd"] < 0.2
    assert "shock-dominated" in row["flags"]
    assert row["verdict"] not in FLIPPED


def test_step_zero_has_no_logarithm_and_is_left_out_and_said():
    table = means(v(16))
    zero = table.iloc[:1].assign(step=0, tokens=0.0, value=1.0)
    row = only(find_flips(pd.concat([zero, table])))
    assert "zero-left-out" in row["flags"]
    assert row["n_checkpoints"] == 16


def test_suspect_checkpoints_carry_no_flip_unless_asked_to():
    table = means(np.where(np.isin(np.arange(12), (4, 5, 6)), 0.1, 0.6), suspect=None)
    table["suspect"] = table["suspect"].astype(object)
    table.loc[4:6, "suspect"] = "equal to the last checkpoint"
    assert only(find_flips(table))["verdict"] not in FLIPPED
    assert "suspect-left-out" in only(find_flips(table))["flags"]
    kept = find_flips(table, options=FlipOptions(keep_suspect=True))
    assert only(kept)["verdict"] == "U"


def test_a_suspect_checkpoint_beside_the_turn_is_flagged():
    table = means(v(16), suspect=None)
    table["suspect"] = table["suspect"].astype(object)
    table.loc[7, "suspect"] = "wrong weights"
    row = only(find_flips(table))
    assert row["verdict"] == "U"
    assert "suspect-in-reach" in row["flags"]


def test_a_flip_of_one_checkpoint_is_flagged_as_such():
    spike = np.full(40, 0.6)
    spike[20] = 0.1
    row = only(find_flips(means(spike, stderr=0.01)))
    assert row["verdict"] not in FLIPPED or "single-checkpoint" in row["flags"]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_few_checkpoints_are_flagged_and_too_few_are_inconclusive(n):
    row = only(find_flips(means(np.linspace(0, 1, n))))
    assert "few-checkpoints" in row["flags"]
    if n < 4:
        assert row["verdict"] == "inconclusive"
        assert np.isnan(row["p"])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_right_throughout_has_an_error_and_no_flip(value):
    row = only(find_flips(item_scores(np.full(10, value))))
    assert row["item_se"] > 0
    assert row["verdict"] in ("flat", "inconclusive")
    constant = only(find_flips(means(np.full(10, value), stderr=0.0)))
    assert constant["verdict"] in ("flat", "inconclusive")


def test_items_not_scored_are_left_out():
    table = item_scores(v(16))
    table.loc[::7, "score"] = np.nan
    assert only(find_flips(table))["verdict"] == "U"


def test_the_table_conforms_to_flips():
    table = find_flips(pd.concat([means(v(16)), means(v(3), task="redefine")]))
    assert tables.conform(table, tables.FLIPS).num_rows == 2
    assert "mde_80" in table.columns


def test_p_is_adjusted_over_the_tasks_of_a_metric():
    rng = np.random.default_rng(2)
    parts = [means(0.5 + 0.01 * rng.normal(size=12), task=f"t{i}") for i in range(5)]
    table = find_flips(pd.concat([means(v(12)), *parts]))
    assert (table["p_adjusted"] >= table["p"] - 1e-12).all()
    assert table["p"].min() < table["p_adjusted"].min()


def test_the_public_name_of_the_place_says_its_axis():
    row = only(find_flips(means(v(16))))
    assert row["flip_tokens"] == row["flip_at"]


def test_the_honest_set_holds_the_calibrated_one():
    table = find_flips(pd.concat([means(v(16, 0.4), task="a"), means(1 - v(20, 0.7), task="b")]))
    assert set(table["verdict"]) == {"U", "inverted_U"}
    assert (table["honest_lo"] <= table["ci_lo"]).all()
    assert (table["ci_hi"] <= table["honest_hi"]).all()
    assert (table["honest_hi"] - table["honest_lo"] < 10**11.5).all()


def test_the_interval_of_an_arm_is_about_its_effect_and_beside_zero():
    row = only(find_flips(means(v(16))))
    assert row["effect_before_lo"] < row["effect_before"] < row["effect_before_hi"] < 0
    assert 0 < row["effect_after_lo"] < row["effect_after"] < row["effect_after_hi"]


def test_benjamini_yekutieli_is_the_harmonic_number_times_benjamini_hochberg():
    rng = np.random.default_rng(6)
    parts = [means(0.5 + 0.02 * rng.normal(size=8), task=str(i)) for i in range(3)]
    table = find_flips(pd.concat([means(v(8)), *parts]))
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    expected = np.minimum(table["p_adjusted"] * harmonic, 1)
    np.testing.assert_allclose(table["p_adjusted_by"], expected)


def test_p_is_never_below_what_the_draws_allow_and_says_so():
    sharp = means(v(20, ends=(1.0, 1.0)), stderr=0.002)
    row = only(find_flips(sharp, options=FlipOptions(n_draws=100)))
    assert row["p"] == pytest.approx(1 / 201 / 3)  # the shape agrees: a third of that of the arms
    assert "p-at-floor" in row["flags"]


def test_a_metric_without_the_flip_is_said():
    rise = means(np.linspace(0.2, 0.9, 16), metric="gold_probability")
    table = find_flips(pd.concat([means(v(16)), rise])).set_index("metric")
    assert "metrics-disagree" in table.loc["accuracy", "flags"]
    assert "metrics-disagree" not in table.loc["gold_probability", "flags"]


def test_a_third_arm_of_one_checkpoint_is_not_called_but_flagged():
    values = v(24, 0.5, ends=(0.9, 0.9), bottom=0.1)
    values[20] = 0.45
    row = only(find_flips(means(values, stderr=0.01)))
    assert row["verdict"] == "U"
    assert "possible-third-arm" in row["flags"]


def test_four_checkpoints_are_enough_for_an_enormous_fall_beside_a_quiet_run():
    base = [item_scores(v(16), seed=k, task=f"t{k}") for k in range(3)]
    tuned = item_scores(np.array([0.97, 0.1, 0.02, 0.02]), task="tuned")
    table = find_flips(pd.concat([*base, tuned])).set_index("task")
    assert table.loc["tuned", "verdict"] == "monotone_down"
    assert "few-checkpoints" in table.loc["tuned", "flags"]


def test_items_that_are_asked_again_make_changes_more_certain_than_means_alone():
    """The same items throughout, each right below its own difficulty: changes hardly vary."""
    difficulty = (np.arange(300) + 0.5) / 300
    curve = v(10, ends=(0.56, 0.56), bottom=0.5)
    table = item_scores(curve)
    table["score"] = (difficulty[table["item"]] < curve[table["step"] - 1]).astype(float)
    of_means = (
        table.groupby(["task", "metric", "size", "step", "tokens"])["score"]
        .agg(["mean", "std"])
        .reset_index()
    )
    of_means = of_means.assign(value=of_means["mean"], stderr=of_means["std"] / np.sqrt(300),
                               n_items=300)  # fmt: skip
    assert only(find_flips(table))["p"] < only(find_flips(of_means))["p"]


@pytest.mark.parametrize("axis", ["parameters", "flops"])
def test_models_are_one_series_along_size_and_compute(axis):
    parts = [
        means([y], parameters=10 ** (8 + i), size=f"s{i}", model=f"m{i}")
        for i, y in enumerate(v(9, ends=(0.9, 0.9)))
    ]
    row = only(find_flips(pd.concat(parts), axis=axis))
    assert (row["verdict"], row["model"], row["n_checkpoints"]) == ("U", "(all)", 9)


def test_along_shots_zero_shots_takes_part():
    shots = [0, 1, 2, 4, 8, 16, 32, 64]
    parts = [means([y], shots=k) for k, y in zip(shots, v(8, ends=(0.9, 0.9)), strict=True)]
    row = only(find_flips(pd.concat(parts), axis="shots"))
    assert (row["verdict"], row["n_checkpoints"]) == ("U", 8)
    assert 2 <= row["ci_lo"] <= row["flip_at"] <= row["ci_hi"] <= 16


def test_a_table_without_scores_or_an_unknown_axis_is_an_error_that_says_what_to_do():
    with pytest.raises(UserError, match="item and score"):
        find_flips(pd.DataFrame({"task": ["a"]}))
    with pytest.raises(UserError, match="tokens"):
        find_flips(means(v(8)), axis="token")


def test_the_same_seed_gives_the_same_table_whatever_the_order_of_rows():
    table = item_scores(v(12), shock=0.03)
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(find_flips(table), find_flips(shuffled))


curves = st.builds(
    lambda turn, seed, n: means(v(n, turn) + 0.02 * np.random.default_rng(seed).normal(size=n)),
    st.floats(0.2, 0.8),
    st.integers(0, 1000),
    st.integers(6, 16),
)
TURNED = {"U": "inverted_U", "inverted_U": "U", "monotone_up": "monotone_down",
          "monotone_down": "monotone_up"}  # fmt: skip


@quick
@given(curves)
def test_turning_scores_over_swaps_u_and_inverted_u(table):
    row, over = only(find_flips(table)), only(find_flips(table.assign(value=-table["value"])))
    assert over["verdict"] == TURNED.get(row["verdict"], row["verdict"])
    assert over["p"] == row["p"]
    np.testing.assert_allclose(over["flip_at"], row["flip_at"])


@quick
@given(curves, st.floats(0.01, 100))
def test_scaling_tokens_moves_the_place_by_that_factor(table, factor):
    row, scaled = (
        only(find_flips(table)), only(find_flips(table.assign(tokens=table["tokens"] * factor)))
    )  # fmt: skip
    assert scaled["verdict"] == row["verdict"]
    for column in ("flip_at", "ci_lo", "ci_hi"):
        np.testing.assert_allclose(scaled[column], row[column] * factor, rtol=1e-6)


@quick
@given(curves, st.floats(-5, 5))
def test_adding_a_constant_changes_nothing(table, constant):
    row, moved = (
        only(find_flips(table)), only(find_flips(table.assign(value=table["value"] + constant)))
    )  # fmt: skip
    assert moved["verdict"] == row["verdict"]
    np.testing.assert_allclose(moved["flip_at"], row["flip_at"], rtol=1e-6)


@quick
@given(st.integers(0, 1000))
def test_turning_item_scores_over_swaps_the_verdict_and_keeps_the_place(seed):
    table = item_scores(v(10, ends=(0.6, 0.6), bottom=0.2), seed=seed, n_items=100)
    row, over = (
        only(find_flips(table)), only(find_flips(table.assign(score=1 - table["score"])))
    )  # fmt: skip
    assert over["verdict"] == TURNED.get(row["verdict"], row["verdict"])
    np.testing.assert_allclose(over["p"], row["p"], atol=0.003)
    np.testing.assert_allclose(over["flip_at"], row["flip_at"], rtol=1e-6)


@quick
@given(st.integers(0, 1000))
def test_permuting_items_changes_nothing(seed):
    table = item_scores(v(10, ends=(0.4, 0.4), bottom=0.2), seed=seed, n_items=60)
    names = np.random.default_rng(seed).permutation(60)
    row, other = (
        only(find_flips(table)), only(find_flips(table.assign(item=names[table["item"]])))
    )  # fmt: skip
    assert other["verdict"] == row["verdict"]
    np.testing.assert_allclose(other["p"], row["p"], atol=0.003)


@pytest.mark.parametrize("n", [8, 20])
@pytest.mark.parametrize("shock", [0.0, 0.03])
def test_false_flips_of_curves_that_never_turn_are_rare(n, shock):
    x = np.linspace(0, 1, n)
    shapes = [
        np.full(n, 0.5), 0.3 + 0.4 * x, 0.8 - 0.5 * np.exp(-6 * x),
        0.3 + 0.5 * np.maximum(x - 0.6, 0) / 0.4, np.where(x < 0.5, 0.3, 0.7),
    ]  # fmt: skip
    rng = np.random.default_rng(n)
    error = np.sqrt(0.25 / 300)
    parts = [
        means(shape + np.hypot(error, shock) * rng.normal(size=n), error, task=f"{i}-{k}")
        for i, shape in enumerate(shapes)
        for k in range(10)
    ]
    verdicts = find_flips(pd.concat(parts), options=FlipOptions(n_draws=200))["verdict"]
    assert verdicts.isin(FLIPPED).mean() <= 0.04


@pytest.mark.parametrize("n", [8, 20])
@pytest.mark.parametrize(
    "curve",
    [lambda x: 0 * x, lambda x: 0.3 * (x > 0.6)],
    ids=["flat", "step"],
)
def test_p_is_small_by_chance_no_more_often_than_it_says(n, curve):
    rng = np.random.default_rng(20)
    level = 0.4 + curve(np.linspace(0, 1, n))
    shocks = rng.normal(scale=0.02, size=(80, n))
    table = pd.concat(
        means(level + shock + rng.normal(scale=0.015, size=n), task=f"task {i:03d}")
        for i, shock in enumerate(shocks)
    )
    p = find_flips(table)["p"].to_numpy(float)
    for least in (0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8):
        by_chance = 3 * np.sqrt(least * (1 - least) / len(p))
        assert (p <= least).mean() <= least + by_chance


def test_strong_flips_are_found_under_shocks():
    rng = np.random.default_rng(0)
    parts = [means(v(20, 0.45) + 0.04 * rng.normal(size=20), 0.03, task=str(k)) for k in range(20)]
    table = find_flips(pd.concat(parts))
    assert (table["verdict"] == "U").mean() >= 0.9
    at = 10 ** (9 + 0.45 * 2.5)
    assert ((table["ci_lo"] <= at) & (at <= table["ci_hi"])).mean() >= 0.85


@pytest.mark.shared_data
def test_eight_published_steps_are_seldom_called_a_flip(shared_data):
    path = shared_data / "trends" / "emergent_inabilities.csv"
    rows = pd.read_csv(path).rename(columns={"size_params": "parameters"})
    rows = rows[rows["metric"] == "acc"].assign(size=lambda r: r["model"])
    table = find_flips(rows)
    assert len(table) == 80
    assert table["verdict"].isin(FLIPPED).mean() <= 0.12
    assert table["p_adjusted"].min() > 0.05  # a quadratic finds some that survive correction
    largest = table[table["size"] == "pythia-12b"].set_index("task")
    assert largest["p"].idxmin() == "isp_resisting_correction"
    assert largest.loc["isp_resisting_correction", "verdict"] == "inverted_U"
    assert largest.loc["isp_memo_trap", "verdict"] == "monotone_down"
    suppression = table[table["task"] == "isp_pattern_matching_suppression"]
    assert (suppression["verdict"] == "monotone_down").sum() >= 3


def test_importing_the_island_loads_nothing_heavy():
    code = (
        "import sys, ckpt_analyzer.stats; "
        "print('statsmodels' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def seeds(n_seeds: int, *, shock: float, turns: bool = True, n: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    curve = v(n, 0.45, ends=(0.5, 0.55), bottom=0.3) if turns else np.linspace(0.3, 0.6, n)
    return pd.concat(
        [
            means(curve + shock * rng.normal(size=n), 0.004, seed=k, model=f"m-seed{k}")
            for k in range(n_seeds)
        ]
    )


def test_every_seed_is_a_series_of_its_own_and_says_which():
    table = find_flips(seeds(4, shock=0.005))
    assert sorted(table["seed"]) == [0, 1, 2, 3]
    assert (table["verdict"] == "U").all()
    assert "seed" not in find_flips(means(v(8))).columns
    assert find_flips(means(v(8), seed=None))["seed"].isna().all()


@pytest.mark.parametrize("shock", [0.003, 0.05])
def test_seeds_tell_shocks_from_the_trend_on_few_checkpoints(shock):
    table = seeds(8, shock=shock)
    told = find_flips(table)["shock_sd"]
    alone = pd.concat([find_flips(part.drop(columns="seed")) for _, part in table.groupby("seed")])
    expected = max(shock, 0.004)  # the least shock that is thought of is about that of the items
    np.testing.assert_allclose(told, expected, rtol=0.6)
    off = np.abs(np.log(told / expected)).mean()
    assert off < np.abs(np.log(alone["shock_sd"] / expected)).mean()


def test_fewer_items_than_checkpoints_still_have_a_covariance_with_an_inverse():
    """Pythia's 153 steps, accuracy from near 1; a positive part of each variance is its own."""
    rng, n_items = np.random.default_rng(0), 40
    step = np.array([2**i for i in range(10)] + [1000 * i for i in range(1, 144)])
    x = np.log10(step)
    alike = np.exp(-np.abs(np.subtract.outer(x, x))) + 1e-9 * np.eye(len(x))
    drift = rng.normal(size=(n_items, len(x))) @ np.linalg.cholesky(alike).T
    ability = 0.7 * rng.normal(size=(n_items, 1)) + drift
    score = ability > np.interp(x, [x[0], x[0] + 1.5, x[-1]], [-5.0, 0.3, -2.0])
    table = pd.DataFrame(
        {"task": "t", "metric": "accuracy", "size": "1b",
         "item": np.repeat(np.arange(n_items), len(x)), "step": np.tile(step, n_items),
         "tokens": np.tile(step * 2.1e6, n_items), "score": score.ravel().astype(float)}
    )  # fmt: skip
    (series,) = cut_series(table, Cut("tokens"))
    assert np.linalg.eigvalsh(series.item_covariance_KK).min() > 1e-6


@pytest.mark.parametrize("lost", [{"tokens": 0}, {"suspect": "garbled"}])
def test_a_series_without_a_point_is_inconclusive_and_stops_no_other(lost):
    clear = item_scores(v(16)).assign(suspect=None)
    empty = item_scores(v(16), task="memo-trap").assign(**{"suspect": None} | lost)
    table = find_flips(pd.concat([clear, empty]), opinions=True).set_index("task")
    assert table.loc["neqa", "verdict"] == "U"
    assert table.loc["memo-trap", "verdict"] == "inconclusive"
    assert table.loc["memo-trap", "n_checkpoints"] == 0


def test_many_missing_items_still_leave_a_covariance():
    """Covariances over the items that each two points share need not fit together."""
    rng = np.random.default_rng(5)
    for n_items, n in [(14, 39), (6, 30), (20, 12)] * 4:
        score = rng.normal(size=(n_items, n)) + 5 * rng.normal(size=(n_items, 1))
        item, step = np.nonzero(rng.random((n_items, n)) < 0.6)
        table = pd.DataFrame(
            {"task": "t", "metric": "loss", "size": "1b", "item": item, "step": step + 1,
             "tokens": 1e8 * 2.0**step, "score": score[item, step]}
        )  # fmt: skip
        (series,) = cut_series(table, Cut("tokens"))
        own = np.linalg.eigvalsh(series.item_covariance_KK)
        assert own.min() > -1e-9 * own.max()
        assert only(find_flips(table))["n_checkpoints"] == len(np.unique(step))


def test_seeds_that_disagree_are_no_metrics_that_disagree():
    """Without a column `model` all seeds of a size bear one name."""
    turns = item_scores(v(40, 0.25, ends=(0.3, 1.0)))
    rises = item_scores(v(40, 0.25, ends=(0.02, 1.0)), seed=1)
    table = find_flips(pd.concat([turns.assign(seed=0), rises.assign(seed=1)]))
    assert list(table["verdict"]) == ["U", "monotone_up"]
    assert not any("metrics-disagree" in flags for flags in table["flags"])


def test_parts_of_a_task_may_count_their_items_anew():
    """As the tables of a store do: item 0 of part 1 is not item 0 of part 0."""
    parts = [item_scores(v(16), seed=k, n_items=100).assign(part=k) for k in range(2)]
    renamed = [p.assign(item=p["part"].astype(str) + ":" + p["item"].astype(str)) for p in parts]
    table, expected = find_flips(pd.concat(parts)), find_flips(pd.concat(renamed))
    assert only(table)["n_items"] == 200
    pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize("opinions", [False, True])
def test_a_table_without_a_score_has_no_flips_and_the_columns_of_one_that_has(opinions):
    scores = item_scores(v(8))
    expected = find_flips(scores, opinions=opinions)
    for nothing in (scores.iloc[:0], scores.assign(score=np.nan)):
        table = find_flips(nothing, opinions=opinions)
        assert len(table) == 0
        assert list(table.columns) == list(expected.columns)


def test_means_of_one_place_are_averaged_whatever_their_order():
    one = means(v(16))
    twice = pd.concat([one, one.assign(value=one["value"][::-1].to_numpy())])
    (series,) = cut_series(twice, Cut("tokens"))
    (turned_round,) = cut_series(twice.iloc[::-1], Cut("tokens"))
    np.testing.assert_allclose(series.value_K, (v(16) + v(16)[::-1]) / 2)
    np.testing.assert_allclose(np.diag(series.item_covariance_KK), 0.015**2)
    np.testing.assert_allclose(turned_round.value_K, series.value_K)


def test_an_unknown_error_among_known_ones_is_not_taken_for_certainty():
    table = means(v(16), stderr=[0.01] * 7 + [None] + [0.02] * 8)
    (series,) = cut_series(table, Cut("tokens"))
    np.testing.assert_allclose(np.sqrt(np.diag(series.item_covariance_KK))[[6, 7, 8]],
                               [0.01, 0.02, 0.02])  # fmt: skip
    assert "no-item-error" in only(find_flips(table))["flags"]
