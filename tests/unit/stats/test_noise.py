from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ckpt_analyzer.stats.noise import _over_trends, _whitening, estimate_noise
from ckpt_analyzer.stats.series import Series


def series(values, *, item_sd=0.0, metric="accuracy") -> Series:
    n = len(values)
    return Series(
        key={"metric": metric},
        axis="tokens",
        position_K=np.linspace(9, 11, n),
        value_K=np.asarray(values, float),
        item_covariance_KK=np.eye(n) * item_sd**2,
        n_items=None,
    )


def test_two_points_say_nothing_and_leave_the_prior():
    two, one = estimate_noise([series([0.1, 0.9], item_sd=0.02)]), series([0.5], item_sd=0.02)
    np.testing.assert_allclose(two[0].weight_TR.sum(axis=0), [0.4, 0.35, 0.25], atol=0.02)
    assert two[0].shock_variance == pytest.approx(estimate_noise([one])[0].shock_variance)


def test_the_marginal_likelihood_is_that_of_a_normal_distribution():
    """One trend, one shock: scipy's density of the same covariance."""
    one = series([0.3, 0.1, 0.5, 0.4], item_sd=0.05)
    x = np.linspace(-0.5, 0.5, 4)
    trend_44, value_4 = np.eye(4) * 0.05**2 + np.outer(x, x) + 1.0, one.value_K - one.value_K.mean()
    for r, rho in enumerate((0.0, 0.35, 0.65)):
        found_1 = _over_trends(
            value_4, trend_44[None], np.ones(1), np.array([0.01]), _whitening(4, r)
        )
        shock_44 = 0.01 * rho ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
        expected = multivariate_normal(np.zeros(4), trend_44 + shock_44).logpdf(value_4)
        assert found_1[0] == pytest.approx(expected + 2 * np.log(2 * np.pi), abs=1e-8)


@pytest.mark.parametrize(
    "curve",
    [lambda x: 0.1 + 0.8 * (x > 0.5), lambda x: 1 / (1 + np.exp(-30 * (x - 0.5))),
     lambda x: np.abs(x - 0.5)],
)  # fmt: skip
def test_a_steep_turn_or_step_is_no_noise(curve):
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 20)
    run = [series(curve(x) + 0.02 * rng.normal(size=20), item_sd=0.02) for _ in range(5)]
    assert all(noise.shock_variance < 0.02**2 for noise in estimate_noise(run))


def test_shocks_of_neighbours_that_are_alike_are_seen_on_long_series():
    rng = np.random.default_rng(4)
    run = []
    for _ in range(4):
        shock = rng.normal(size=153)
        for k in range(1, 153):
            shock[k] = 0.6 * shock[k - 1] + 0.8 * shock[k]
        run.append(series(0.5 + 0.03 * shock, item_sd=0.005))
    alike = np.mean([noise.correlation for noise in estimate_noise(run)])
    apart = np.mean(
        [n.correlation for n in estimate_noise([series(0.5 + 0.03 * rng.normal(size=153))])]
    )
    assert alike > 0.3
    assert apart < 0.2


@pytest.mark.parametrize("shock", [0.0, 0.02, 0.05])
def test_shocks_are_told_from_item_noise(shock):
    rng = np.random.default_rng(0)
    slope = np.linspace(0.2, 0.7, 20)
    run = [
        series(slope + np.hypot(0.02, shock) * rng.normal(size=20), item_sd=0.02) for _ in range(60)
    ]
    found = np.mean([noise.shock_variance for noise in estimate_noise(run)])
    assert found == pytest.approx(shock**2, rel=0.3, abs=1e-4)


def test_series_of_one_run_lend_each_other_strength():
    rng = np.random.default_rng(1)
    run = [series(0.5 + 0.03 * rng.normal(size=8), item_sd=0.01) for _ in range(30)]
    alone = [estimate_noise([one])[0].shock_variance for one in run]
    pooled = [noise.shock_variance for noise in estimate_noise(run)]
    assert np.std(pooled) < 0.7 * np.std(alone)


def test_metrics_of_other_units_are_not_pooled():
    rng = np.random.default_rng(2)
    small = [series(0.01 * rng.normal(size=12)) for _ in range(5)]
    large = [series(9.0 * rng.normal(size=12), metric="loss") for _ in range(5)]
    together = estimate_noise([*small, *large])[:5]
    apart = estimate_noise(small)
    assert [n.shock_variance for n in together] == pytest.approx([n.shock_variance for n in apart])
