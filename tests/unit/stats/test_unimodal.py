from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.unimodal import fit_unimodal, independent_weights


def series(values, variance=1e-4) -> Series:
    n = len(values)
    return Series(
        key={"metric": "accuracy"},
        axis="tokens",
        position_K=np.arange(float(n)),
        value_K=np.asarray(values, float),
        item_covariance_KK=np.eye(n) * variance,
        n_items=None,
    )


def best_by_search(values: np.ndarray) -> float:
    """The least cost over all gaps, each arm by scipy's isotonic regression."""
    costs = []
    for gap in range(len(values) + 1):
        arms = [(values[:gap], False), (values[gap:], True)]
        fits = [isotonic_regression(arm, increasing=up).x for arm, up in arms if len(arm)]
        costs.append(float(((np.concatenate(fits) - values) ** 2).sum()))
    return min(costs)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12))
def test_no_unimodal_curve_is_nearer_than_the_fit(values):
    values = np.array(values)
    fitted = fit_unimodal(series(values), shock_variance=0.0, is_u=True).fitted_K
    assert ((fitted - values) ** 2).sum() == pytest.approx(best_by_search(values), abs=1e-9)
    bottom = int(fitted.argmin())
    assert (np.diff(fitted[: bottom + 1]) <= 1e-12).all()
    assert (np.diff(fitted[bottom:]) >= -1e-12).all()


def test_an_exact_u_is_fitted_exactly_and_turns_inside():
    values = [0.9, 0.5, 0.1, 0.4, 0.8]
    fit = fit_unimodal(series(values, 1e-6), shock_variance=0.0, is_u=True)
    np.testing.assert_allclose(fit.fitted_K, values)
    assert fit.turns_inside
    assert list(fit.deficit_G[2:4]) == [0.0, 0.0]


def test_a_monotone_curve_does_not_turn_inside():
    fit = fit_unimodal(series([0.1, 0.2, 0.3, 0.4]), shock_variance=0.0, is_u=True)
    assert not fit.turns_inside


def test_what_all_points_share_takes_no_weight_away():
    own = np.diag([1.0, 2.0, 4.0])
    np.testing.assert_allclose(
        independent_weights(own + 3.0, 0.0), independent_weights(own, 0.0), rtol=1e-9
    )
