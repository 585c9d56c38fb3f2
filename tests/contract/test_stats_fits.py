from __future__ import annotations

import numpy as np
import pytest

from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.stats import fits
from ckpt_analyzer.stats.series import Series


def series(value_K) -> Series:
    value_K = np.asarray(value_K, float)
    n = len(value_K)
    return Series(
        key={"metric": "accuracy"},
        axis="tokens",
        position_K=np.linspace(9, 11.5, n),
        value_K=value_K,
        item_covariance_KK=np.eye(n) * 4e-4,
        n_items=600,
    )


@pytest.fixture(params=fits.names())
def fit(request):
    return fits.load(request.param)


def test_the_name_is_the_file_and_the_assumption_is_stated(fit):
    assert fit.name in fits.names()
    assert fit.title
    assert "assumes" in fit.assumption


@pytest.mark.parametrize("n", [2, 3, 4, 8, 40])
def test_a_curve_of_any_length_is_fitted_at_every_point(fit, n):
    fitted = fit.apply(series(np.sin(np.arange(n))), 1e-4).fitted_K
    assert fitted.shape == (n,)
    assert np.isfinite(fitted).all()


def test_a_constant_curve_stays_constant(fit):
    np.testing.assert_allclose(fit.apply(series(np.full(9, 0.3)), 0.0).fitted_K, 0.3)


def test_a_clear_u_is_followed_and_its_turn_lies_in_the_interval(fit):
    x = np.linspace(-1, 1, 15)
    noise = 0.01 * np.random.default_rng(0).normal(size=15)
    result = fit.apply(series(0.2 + 0.6 * x**2 + noise), 1e-4)
    # A broken line keeps some distance to a parabola; two lines place their break for power.
    assert np.abs(result.fitted_K - 0.2 - 0.6 * x**2).max() < 0.16
    if result.turning_point is not None:
        assert result.is_u
        assert result.turning_point == pytest.approx(10.25, abs=0.35)
        assert result.p is None or result.p < 0.01
    if result.lo is not None:
        assert result.lo <= result.turning_point <= result.hi


def test_turning_the_values_over_turns_the_curve_over(fit):
    values = np.array([0.5, 0.4, 0.2, 0.25, 0.28, 0.4, 0.45, 0.7, 0.8])
    upright, over = fit.apply(series(values), 1e-4), fit.apply(series(1 - values), 1e-4)
    np.testing.assert_allclose(over.fitted_K, 1 - upright.fitted_K, atol=1e-6)
    if upright.turning_point is not None:
        assert over.turning_point == pytest.approx(upright.turning_point, abs=1e-6)
        assert (upright.is_u, over.is_u) == (True, False)
        assert over.p == pytest.approx(upright.p)


def test_the_series_is_not_changed(fit):
    one = series([0.5, 0.3, 0.2, 0.3, 0.6])
    before = one.value_K.copy()
    fit.apply(one, 1e-4)
    np.testing.assert_array_equal(one.value_K, before)


def test_one_fit_at_most_decides():
    assert [n for n in fits.names() if fits.load(n).decides] == ["isotonic"]


def test_an_unknown_fit_names_the_nearest():
    with pytest.raises(UnknownNameError, match="quadratic"):
        fits.load("quadratics")
