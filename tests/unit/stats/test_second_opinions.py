"""Every second opinion against an independent implementation: see tests/golden."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats import fits
from ckpt_analyzer.stats.fits import broken_power_law, segmented, two_lines
from ckpt_analyzer.stats.fits._item_clusters import estimate
from ckpt_analyzer.stats.movement import lines, movement_with_size
from ckpt_analyzer.stats.random_effects import meta_regression
from ckpt_analyzer.stats.replicates import noise_from_items, noise_from_means
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.surface import fit_surface, size_tokens_surface

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "second_opinions.json").read_text(encoding="utf-8")
)
X, Y = (np.array(GOLDEN["curve"][name]) for name in ("position", "value"))


def series(position_K, value_K, covariance_KK=None, n_items=None):
    n = len(position_K)
    return Series(
        key={"metric": "accuracy"},
        axis="tokens",
        position_K=np.asarray(position_K, float),
        value_K=np.asarray(value_K, float),
        item_covariance_KK=np.eye(n) * 1e-4 if covariance_KK is None else covariance_KK,
        n_items=n_items,
    )


CURVE = series(X, Y)


def test_the_quadratic_agrees_with_r():
    golden, fitted = GOLDEN["quadratic"], fits.load("quadratic").apply(CURVE, 0.0)
    np.testing.assert_allclose(fitted.fitted_K, golden["fitted"], rtol=1e-9)
    found = [fitted.turning_point, fitted.lo, fitted.hi, fitted.p]
    np.testing.assert_allclose(found, [golden[k] for k in ("turn", "lo", "hi", "p")], rtol=1e-7)
    assert fitted.is_u


def test_the_broken_line_agrees_with_segmented_of_r():
    golden, fitted = GOLDEN["segmented"], fits.load("segmented").apply(CURVE, 0.0)
    best = segmented.best_broken_line(X, Y)
    assert best.breakpoint == pytest.approx(golden["breakpoint"], abs=1e-6)
    assert best.residual_squares == pytest.approx(golden["rss"], rel=1e-9)
    np.testing.assert_allclose(best.slope_2, golden["slopes"], rtol=1e-5)
    assert fitted.turning_point == best.breakpoint
    step = (X[-2] - X[1]) / 400  # of the profile
    np.testing.assert_allclose([fitted.lo, fitted.hi], [golden["lo"], golden["hi"]], atol=2 * step)


def test_the_breakpoint_is_the_best_of_all_where_there_are_several_minima():
    x = np.linspace(0, 10, 41)
    y = np.where(x < 2, -x, np.where(x < 8, -2 + 0.05 * (x - 2), -1.7 + 2.5 * (x - 8)))
    tried = np.linspace(x[1], x[-2], 4001)
    least = min(segmented._broken_line(x, y, b).residual_squares for b in tried)
    assert segmented.best_broken_line(x, y).residual_squares <= least + 1e-12


def test_interrupted_lines_agree_with_lm_and_hc3_of_r():
    golden = GOLDEN["interrupted"]
    lines = two_lines.interrupted(X, Y, golden["at"])
    for side, line in (("before", lines.before), ("after", lines.after)):
        np.testing.assert_allclose(
            [line.slope, line.t, line.p],
            [golden[f"{side}_{name}"] for name in ("slope", "t", "p")],
            rtol=1e-7,
        )


def test_robin_hood_takes_from_the_surer_line():
    flat = np.linspace(0, 4, 5)
    assert two_lines.robin_hood(flat, t_before=-3.0, t_after=1.0) == 1.0  # a quarter: by hand
    assert two_lines.robin_hood(flat, t_before=-1.0, t_after=3.0) == 3.0


def test_two_lines_agree_with_simonsohns_algorithm_over_mgcv():
    golden, fitted = GOLDEN["two_lines"], fits.load("two-lines").apply(CURVE, 0.0)
    spacing = X[1] - X[0]
    assert fitted.turning_point == pytest.approx(golden["breakpoint"], abs=spacing)
    assert fitted.is_u
    assert fitted.p < 1e-4


def test_two_lines_of_one_sign_are_no_turn():
    rising = series(X, np.log(X - 8) + 0.01 * np.sin(17 * X))
    fitted = fits.load("two-lines").apply(rising, 0.0)
    assert (fitted.turning_point, fitted.p) == (None, 1.0)


def test_the_smoothing_spline_agrees_with_smooth_spline_of_r():
    # Both pick their penalty by generalised cross-validation, to a tolerance.
    fitted = fits.load("smoothing-spline").apply(CURVE, 0.0).fitted_K
    np.testing.assert_allclose(fitted, GOLDEN["smoothing_spline"]["fitted"], atol=5e-4)


def test_the_broken_power_law_fits_as_well_as_nls_of_r_that_started_at_the_truth():
    golden = {k: np.array(v) for k, v in GOLDEN["broken_power_law"].items()}
    law = broken_power_law.fit_power_law(golden["position"], golden["value"])
    fitted = law(golden["position"])
    assert ((fitted - golden["value"]) ** 2).sum() <= golden["rss"] * (1 + 1e-4)
    assert np.abs(fitted - golden["truth"]).max() < 0.01


def items_series(scores_NK, position_K):
    n = len(scores_NK)
    centred = scores_NK - scores_NK.mean(axis=0)
    covariance = centred.T @ centred / (n * (n - 1))
    return series(position_K, scores_NK.mean(axis=0), covariance, n)


ITEMS = GOLDEN["items"]
POSITION = np.array(ITEMS["position"])
SCORES = np.array(ITEMS["scores"]).reshape(ITEMS["n_items"], -1)


@pytest.mark.parametrize(
    ("structure", "is_exchangeable"), [("independence", False), ("exchangeable", True)]
)
def test_the_logistic_quadratic_clustered_by_item_agrees_with_geepack(structure, is_exchangeable):
    golden = ITEMS[structure]
    found = estimate(items_series(SCORES, POSITION), POSITION, exchangeable=is_exchangeable)
    np.testing.assert_allclose(found.coefficient_P, golden["coefficients"], rtol=1e-5)
    np.testing.assert_allclose(
        found.covariance_PP.ravel(), golden["covariance"], rtol=1e-4, atol=1e-7
    )
    assert found.correlation == pytest.approx(golden["correlation"], abs=1e-5)


def test_the_logistic_quadratic_agrees_with_statsmodels_on_proportions_with_weights():
    # GLM on (successes, failures) with scale="X2" leaves the trials out of its scale.
    design = np.column_stack([np.ones_like(POSITION), POSITION, POSITION**2])
    weights = np.full(len(POSITION), len(SCORES))
    glm = sm.GLM(SCORES.mean(axis=0), design, sm.families.Binomial(), var_weights=weights).fit(
        tol=1e-12
    )
    found = estimate(items_series(SCORES, POSITION), POSITION, exchangeable=False)
    np.testing.assert_allclose(found.coefficient_P, glm.params, rtol=1e-7)
    # Items that are independent at every checkpoint: the robust error is the model's own.
    mean = glm.fittedvalues
    independent = series(POSITION, mean, np.diag(mean * (1 - mean) / (len(SCORES) - 1)), 80)
    np.testing.assert_allclose(
        estimate(independent, POSITION, exchangeable=False).covariance_PP,
        glm.cov_params(),
        rtol=1e-6,
    )


@pytest.mark.parametrize("name", ["item-clustered-glm", "item-exchangeable-gee"])
def test_a_checkpoint_where_all_items_are_right_has_a_finite_logit(name):
    value = np.array([1.0, 0.8, 0.5, 0.6, 0.9, 1.0])
    covariance = np.diag(np.maximum(value * (1 - value), 0.01) / 100)
    fitted = fits.load(name).apply(series(np.arange(6.0), value, covariance, 100), 0.0)
    assert np.isfinite(fitted.fitted_K).all()
    assert fitted.is_u


@pytest.mark.parametrize("method", ["DL", "REML"])
def test_the_regression_with_heterogeneity_agrees_with_metafor(method):
    golden = GOLDEN["movement"]
    size, place, error = (np.array(golden[name]) for name in ("size", "place", "se"))
    fit = meta_regression(place, error, np.column_stack([np.ones_like(size), size]), method=method)
    wanted = golden[method.lower()]
    found = [fit.tau2, fit.coefficient_P[1], np.sqrt(fit.covariance_PP[1, 1]), *fit.interval(1)]
    names = ["tau2", "slope", "se", "lo", "hi"]
    np.testing.assert_allclose(found, [wanted[name] for name in names], rtol=1e-6)
    np.testing.assert_allclose(
        [fit.p(1), fit.q, fit.q_p], [wanted[name] for name in ("p", "q", "q_p")], rtol=1e-6
    )


def flips(places, errors, sizes, flags=None):
    half = 10 ** (1.959964 * np.asarray(errors))
    at = 10.0 ** np.asarray(places)
    return pd.DataFrame(
        {
            "suite": "s", "arm": "base", "task": "t", "shots": 0, "prompt_format": "raw",
            "dtype": "fp32", "metric": "accuracy", "verdict": "U", "axis": "tokens",
            "parameters": 10.0 ** np.asarray(sizes), "flip_at": at, "ci_lo": at / half,
            "ci_hi": at * half, "flags": flags or [[] for _ in at],
        }
    )  # fmt: skip


def test_the_movement_of_a_flip_with_size_agrees_with_metafor():
    golden = GOLDEN["movement"]
    (row,) = movement_with_size(flips(golden["place"], golden["se"], golden["size"])).to_dict(
        "records"
    )
    wanted = golden["reml"]
    np.testing.assert_allclose(
        [row["slope"], row["slope_lo"], row["slope_hi"], row["p"], row["tau_decades"] ** 2],
        [wanted[name] for name in ("slope", "lo", "hi", "p", "tau2")],
        rtol=1e-5,
    )


def test_the_line_and_its_band_are_those_of_the_regression():
    golden = GOLDEN["movement"]
    sizes, places, errors = (np.array(golden[name]) for name in ("size", "place", "se"))
    found = lines(movement_with_size(flips(places, errors, sizes)))
    at_end = np.column_stack([np.ones_like(sizes), sizes - sizes.max()])
    fit = meta_regression(places, errors, at_end)
    end = found.iloc[-1]
    assert end["parameters"] == pytest.approx(10 ** sizes.max())
    expected = [fit.coefficient_P[0], *fit.interval(0)]
    np.testing.assert_allclose(np.log10(end[["at", "lo", "hi"]].astype(float)), expected, rtol=1e-5)
    assert (found["task"] == "t").all()
    assert lines(movement_with_size(flips(places[:2], errors[:2], sizes[:2]))).empty


def test_a_place_at_the_edge_does_not_move_the_line():
    golden = GOLDEN["movement"]
    table = flips(
        [*golden["place"], 11.4], [*golden["se"], 0.01], [*golden["size"], 10.1],
        [[] for _ in golden["place"]] + [["at-edge"]],
    )  # fmt: skip
    (row,) = movement_with_size(table).to_dict("records")
    assert (row["n_sizes"], row["n_left_out"]) == (6, 1)
    assert row["slope"] == pytest.approx(golden["reml"]["slope"], rel=1e-5)
    assert movement_with_size(table.iloc[4:]).empty


def test_the_surface_agrees_with_lm_and_the_delta_method_of_r():
    golden = GOLDEN["surface"]
    size, tokens, value = (np.array(golden[name]) for name in ("size", "tokens", "value"))
    surface = fit_surface(size, tokens, value)
    np.testing.assert_allclose(surface.coefficient_P, golden["coefficients"], rtol=1e-7)
    found = [surface.turn_at_mean, surface.movement, surface.movement_se, surface.r2]
    names = ["turn_at_mean", "movement", "movement_se", "r2"]
    np.testing.assert_allclose(found, [golden[name] for name in names], rtol=1e-7)


def test_the_surface_of_a_table_turns_where_it_was_made_to():
    rows = [
        {"parameters": 10**size, "tokens": 10**tokens,
         "value": 0.4 + 0.05 * (tokens - 10.2 - 0.3 * (size - 8.5)) ** 2 + 1e-6 * (size % 0.7)}
        for size in (8.0, 8.5, 9.0)
        for tokens in np.linspace(9, 11.4, 9)
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(
        suite="s", arm="base", task="t", shots=0, prompt_format="raw", dtype="fp32",
        metric="accuracy", suspect=None,
    )  # fmt: skip
    (row,) = size_tokens_surface(table).to_dict("records")
    assert np.log10(row["turn_at"]) == pytest.approx(10.2, abs=0.02)
    assert row["movement"] == pytest.approx(0.3, abs=0.02)
    assert row["is_u"]
    assert size_tokens_surface(table[table["parameters"] < 10**8.7]).empty


def test_the_scatter_of_seeds_agrees_with_the_two_way_layout_of_r():
    golden = GOLDEN["replicates"]
    value_RK = np.array(golden["value"]).reshape(4, 6)
    noise = noise_from_means(value_RK, item_variance=1e-4)
    assert noise.residual_variance == pytest.approx(golden["residual_mean_square"], rel=1e-9)
    assert noise.df == golden["df"]
    assert noise.shock_variance == pytest.approx(golden["residual_mean_square"] - 1e-4)
    between = (golden["seed_mean_square"] - golden["residual_mean_square"]) / 6
    assert noise.seed_variance == pytest.approx(between, rel=1e-9)


def test_seeds_that_share_their_items_recover_the_shock():
    rng = np.random.default_rng(5)
    n_items, n_seeds, n_checkpoints, shock = 400, 5, 40, 0.03
    mean_RK = np.linspace(0.3, 0.6, n_checkpoints) + shock * rng.normal(
        size=(n_seeds, n_checkpoints)
    )
    ability = 0.15 * rng.normal(size=(n_items, 1, 1))  # of an item, the same for all seeds
    score = (rng.random((n_items, n_seeds, n_checkpoints)) < mean_RK + ability).astype(float)
    noise = noise_from_items(score)
    assert noise.item_variance < 0.25 / n_items
    assert noise.shock_variance == pytest.approx(shock**2, rel=0.25)


def test_items_alone_leave_no_shock():
    score = (np.random.default_rng(1).random((300, 4, 60)) < 0.5).astype(float)
    assert noise_from_items(score).shock_variance < 1e-4


@pytest.mark.parametrize("shape", [(1, 5), (4, 1), (5,)])
def test_one_run_has_no_replicates(shape):
    with pytest.raises(UserError, match="two seeds"):
        noise_from_means(np.zeros(shape), 0.0)


def test_a_seed_that_lacks_a_checkpoint_is_refused():
    value = np.zeros((3, 4))
    value[1, 2] = np.nan
    with pytest.raises(UserError, match="every seed"):
        noise_from_means(value, 0.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fit", ["item-clustered-glm", "item-exchangeable-gee"])
def test_where_no_error_of_items_is_known_clusters_of_items_say_nothing(fit, seed):
    """Their p was one of rounding: 0, or the root of a negative variance."""
    rng = np.random.default_rng(seed)
    n = 8 + 3 * seed
    value = 0.5 + 0.3 * np.abs(np.linspace(-1, 1, n)) + 0.01 * rng.normal(size=n)
    curve = fits.load(fit).apply(series(np.linspace(9, 11, n), value, np.zeros((n, n))), 0.0)
    assert len(curve.fitted_K) == n
    assert (curve.turning_point, curve.p) == (None, None)
