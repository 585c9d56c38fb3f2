from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ckpt_analyzer.stats import turn_shapes
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.turn_shapes import TurnPosterior, turn_posterior


def series(values, variance=1e-4, position=None) -> Series:
    n = len(values)
    return Series(
        key={"metric": "accuracy"},
        axis="tokens",
        position_K=np.arange(float(n)) if position is None else position,
        value_K=np.asarray(values, float),
        item_covariance_KK=np.eye(n) * variance,
        n_items=None,
    )


def posterior(values, variance=1e-4, shock=0.0, position=None) -> TurnPosterior:
    return turn_posterior(series(values, variance, position), shock * np.eye(len(values)))


def split_normal(x, turn, left, right):
    return 0.3 + 0.3 * np.exp(-0.5 * ((x - turn) / np.where(x < turn, left, right)) ** 2)


def test_the_weight_of_a_shape_is_a_normal_density_with_sizes_and_level_integrated_out():
    """scipy's density of the covariance that the priors of level and arms imply."""
    value, shapes = (
        np.array([0.9, 0.2, 0.4, 0.5, 0.7]),
        turn_shapes._shapes((0, 0.25, 0.5, 0.75, 1), 4096),
    )
    covariance = np.diag([0.01, 0.02, 0.01, 0.03, 0.01])
    found = turn_shapes._fits(shapes, value, covariance).log_weight_J
    expected = []
    for j in (0, 700, 1500, 2900):
        arms = np.stack([shapes.early_JK[j], shapes.late_JK[j]]).astype(float)
        whole = covariance + turn_shapes._LEVEL_SPREAD**2 + arms.T @ arms
        expected.append(multivariate_normal(np.zeros(5), whole).logpdf(value))
    np.testing.assert_allclose(np.diff(found[[0, 700, 1500, 2900]]), np.diff(expected), atol=1e-4)


def test_arms_are_zero_at_the_turn_and_only_rise_away_from_it():
    shapes = turn_shapes._shapes(tuple(np.round(np.linspace(0, 1, 21), 9)), 4096)
    assert (np.diff(shapes.early_JK, axis=1) <= 1e-6).all()
    assert (np.diff(shapes.late_JK, axis=1) >= -1e-6).all()
    assert not (shapes.early_JK * shapes.late_JK).any()
    assert shapes.early_JK.max() == pytest.approx(1)


def test_shapes_of_every_part_of_the_axis_are_alike():
    """Independent draws leave a part of the axis with more blunt turns than its neighbour."""
    drawn = turn_shapes._drawn(4096)
    for column in drawn.columns:
        parts = column.reshape(32, -1)
        assert np.abs(parts.mean(axis=1) - 0.5).max() < 0.02


@pytest.mark.parametrize(("turn", "left", "right"), [(0.35, 0.1, 0.3), (0.5, 0.2, 0.2),
                                                    (0.7, 0.3, 0.12)])  # fmt: skip
@pytest.mark.parametrize("n", [8, 20, 60])
def test_a_turn_is_placed_between_points_by_a_form_that_is_not_among_the_shapes(
    n, turn, left, right
):
    x = np.linspace(0, 1, n)
    place = posterior(split_normal(x, turn, left, right), 1e-5, position=x).place(is_u=False)
    assert place.at == pytest.approx(turn, abs=0.06)
    assert place.lo <= turn <= place.hi
    assert place.hi - place.lo < 0.35


def test_the_set_of_turns_holds_the_truth_of_foreign_forms_with_correlated_shocks():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 20)
    likeness = 0.02**2 * 0.5 ** np.abs(np.subtract.outer(np.arange(20), np.arange(20)))
    held = []
    for _ in range(60):
        turn, left, right = rng.uniform(0.3, 0.7), *rng.uniform(0.12, 0.35, 2)
        values = split_normal(x, turn, left, right)
        values = values + rng.multivariate_normal(np.zeros(20), likeness + 1e-4 * np.eye(20))
        place = turn_posterior(series(values, 1e-4, x), likeness).place(is_u=False)
        held.append(place.lo <= turn <= place.hi)
    assert np.mean(held) >= 0.88


def test_more_shock_makes_the_set_of_turns_wider():
    values = np.abs(np.linspace(-1, 1, 15))
    narrow, wide = (posterior(values, shock=v).place(is_u=True) for v in (0.0, 0.1))
    assert wide.hi - wide.lo > narrow.hi - narrow.lo


def test_turning_values_over_swaps_the_two_kinds():
    values = np.array([0.2, 0.5, 0.9, 0.6, 0.5, 0.1])
    one, over = posterior(values), posterior(-values)
    assert one.place(is_u=False) == pytest.approx(over.place(is_u=True))
    assert one.doubt(is_u=False) == pytest.approx(over.doubt(is_u=True))


@pytest.mark.parametrize(
    "curve",
    [lambda x: x, lambda x: 1 - np.exp(-8 * x), lambda x: np.maximum(x - 0.6, 0), lambda x: 0 * x,
     lambda x: 1.0 * (x > 0.4)],
)  # fmt: skip
def test_a_monotone_curve_is_in_doubt_and_a_turn_is_not(curve):
    x = np.linspace(0, 1, 20)
    noise = 0.03 * np.random.default_rng(1).normal(size=20)
    told = posterior(curve(x) + noise, 9e-4)
    assert min(told.doubt(is_u=True), told.doubt(is_u=False)) > 0.1
    assert posterior(np.abs(x - 0.5) + noise, 9e-4).doubt(is_u=True) < 1e-6


def test_without_noise_the_turn_lies_beside_the_lowest_point_and_stays_uncertain():
    values = [0.9, 0.7, 0.5, 0.3, 0.1, 0.4, 0.6, 0.8]
    place = posterior(values, 1e-9).place(is_u=True)
    assert 3 <= place.lo < place.at < place.hi <= 5
    assert place.hi - place.lo > 0.1


def test_where_little_noise_leaves_few_shapes_more_are_tried():
    values = np.abs(np.linspace(-1, 1, 20))
    rough, sure = (len(posterior(values, variance).u_J) for variance in (0.01, 1e-8))
    assert rough == turn_shapes._N_SHAPES
    assert sure == turn_shapes._MORE_SHAPES


def test_mass_is_a_probability_that_rests_on_many_shapes():
    mass = posterior(np.abs(np.linspace(-1, 1, 12)), 1e-8).probabilities(is_u=True)
    assert mass.sum() == pytest.approx(1)
    assert 1 / (mass**2).sum() >= turn_shapes._LEAST_SHAPES - 0.1


@pytest.mark.parametrize("page", ["concepts.md", "architecture.md"])
def test_pages_say_how_many_curves_are_averaged_and_which_part_of_them_is_the_interval(page):
    prose = (Path(__file__).resolve().parents[3] / "docs" / page).read_text()
    assert f"{turn_shapes._N_SHAPES:,} curves" in prose
    assert f"the middle {turn_shapes._CONTENT:.0%}".replace("%", " %") in prose
