from __future__ import annotations

import numpy as np
import pytest

from ckpt_analyzer.stats.contrasts import NullOptions, _largest_change, block_contrasts, find_arms
from ckpt_analyzer.stats.noise import estimate_noise
from ckpt_analyzer.stats.series import Series


def arms(values, *, sd=0.02, covariance=None):
    n = len(values)
    one = Series(
        key={"metric": "accuracy"},
        axis="tokens",
        position_K=np.arange(float(n)),
        value_K=np.asarray(values, float),
        item_covariance_KK=np.eye(n) * sd**2 if covariance is None else covariance,
        n_items=None,
    )
    return find_arms(one, estimate_noise([one])[0], NullOptions(n_draws=400))


@pytest.mark.parametrize("n", [2, 5, 8, 20])
def test_contrasts_are_later_minus_earlier_block_means(n):
    contrasts = block_contrasts(n)
    np.testing.assert_allclose(contrasts.weight_MK.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(
        contrasts.weight_MK @ np.arange(n), contrasts.late_M - contrasts.early_M
    )
    assert (contrasts.late_M > contrasts.early_M).all()


@pytest.mark.parametrize(
    ("turns", "directions"),
    [
        ([0, 1], (1,)),
        ([1, 0, 1], (-1, 1)),
        ([0, 1, 0], (1, -1)),
        ([0, 1, 0, 1], (1, -1, 1)),
        ([1, 0, 1, 0, 1], (-1, 1, -1, 1)),
        ([0.5, 0.5], ()),
    ],
)
def test_the_chain_of_arms_is_that_of_the_curve(turns, directions):
    x = np.linspace(0, len(turns) - 1, 33)
    assert arms(np.interp(x, np.arange(len(turns)), turns)).directions == directions


def test_the_place_of_an_arm_in_time_tells_u_from_inverted_u():
    u = arms(np.abs(np.linspace(-1, 1, 16)))
    assert u.is_u
    assert u.first.effect < 0 < u.second.effect
    assert not arms(-np.abs(np.linspace(-1, 1, 16))).is_u


def test_noise_that_all_points_share_hides_no_flip():
    values = np.abs(np.linspace(-0.3, 0.3, 12))
    shared = np.eye(12) * 0.02**2 + 1.0
    assert arms(values, covariance=shared).p_flip == pytest.approx(arms(values).p_flip, abs=0.01)


def test_the_p_of_a_fall_is_uniform_or_larger_on_flat_curves():
    rng = np.random.default_rng(0)
    p = [arms(0.5 + 0.02 * rng.normal(size=12)).p_fall for _ in range(100)]
    assert np.mean(np.array(p) < 0.1) <= 0.16


def test_noise_on_a_rise_adds_no_arms():
    rng = np.random.default_rng(3)
    rise = np.linspace(0.3, 0.7, 20)
    found = [arms(rise + 0.02 * rng.normal(size=20)).directions for _ in range(20)]
    assert found.count((1,)) >= 19


@pytest.mark.parametrize("n", [41, 153])
def test_long_series_are_compared_at_few_places_but_at_every_length(n):
    contrasts = block_contrasts(n)
    assert len(contrasts.weight_MK) < 15 * n
    sizes = set((contrasts.weight_MK > 0).sum(axis=1))
    assert sizes == {2**i for i in range(6) if 2**i <= n // 2}
    assert (contrasts.start_M < contrasts.early_M + 1).all()
    assert (contrasts.end_M > contrasts.late_M - 1).all()


def test_the_turn_lies_between_the_certain_fall_and_the_certain_rise():
    found = arms(np.abs(np.linspace(-1, 1, 17)), sd=1e-3)
    assert found.turn_after < 8 < found.turn_before
    assert arms(np.full(9, 0.5)).turn_after == 0
    assert arms(np.full(9, 0.5)).turn_before == 8


def test_the_largest_change_is_bounded_by_its_closed_form():
    """Six equal points of variance v: no change, and a block of two differs by sqrt(v)."""
    found = _largest_change(np.full(6, 0.4), 0.01 * np.eye(6), reach=2.0)
    assert found == pytest.approx(2.0 * 0.1)
