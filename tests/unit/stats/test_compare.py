import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ckpt_analyzer.stats.compare import COLUMNS, compare_arms


def table(base, tuned, *, task="t", metric="accuracy", tuned_step=5):
    rows = []
    for arm, step, values in (("base", 100, base), ("instruct", tuned_step, tuned)):
        for item, score in enumerate(values):
            rows.append((task, metric, "1b", arm, step, str(item), score))
            rows.append((task, metric, "1b", arm, 0, str(item), 0.5))  # an earlier checkpoint
    names = ["task", "metric", "size", "arm", "step", "item", "score"]
    return pd.DataFrame(rows, columns=names)


def test_the_last_checkpoints_are_compared_item_by_item():
    row = compare_arms(table([1, 1, 1, 0, 0, 1], [0, 0, 1, 1, 0, 0])).iloc[0]
    assert (row["base_step"], row["tuned_step"], row["n_items"]) == (100, 5, 6)
    assert row["difference"] == pytest.approx(2 / 6 - 4 / 6)
    assert (row["n_broken"], row["n_mended"]) == (3, 1)


def test_mcnemar_equals_the_binomial_test_of_the_discordant_pairs():
    # Closed form: exact McNemar is a two-sided sign test, here of 9 against 2.
    base, tuned = [1] * 9 + [0] * 2 + [1] * 5, [0] * 9 + [1] * 2 + [1] * 5
    row = compare_arms(table(base, tuned)).iloc[0]
    assert row["test"] == "McNemar exact"
    assert row["p"] == pytest.approx(stats.binomtest(2, 11).pvalue)


def test_the_interval_of_accuracies_is_that_of_bonett_and_price():
    # Closed form by hand: n = 18 + 2, (2 + 1) / 20 rise and (9 + 1) / 20 fall.
    base, tuned = [1] * 9 + [0] * 2 + [1] * 7, [0] * 9 + [1] * 2 + [1] * 7
    row = compare_arms(table(base, tuned)).iloc[0]
    centre, stderr = 0.15 - 0.5, np.sqrt((0.65 - 0.35**2) / 20)
    assert row["ci_lo"] == pytest.approx(centre - 1.959964 * stderr, abs=1e-6)
    assert row["ci_hi"] == pytest.approx(centre + 1.959964 * stderr, abs=1e-6)


def test_where_every_item_breaks_the_interval_has_width_and_stays_in_range():
    row = compare_arms(table([1] * 50, [0] * 50)).iloc[0]
    assert row["difference"] == -1
    assert -1 <= row["ci_lo"] < row["ci_hi"] < -0.8


def test_losses_are_compared_by_a_paired_t_test():
    base, tuned = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.2, 0.9, 0.5, 0.85])
    row = compare_arms(table(base, tuned, metric="classification-loss")).iloc[0]
    assert row["test"] == "paired t"
    expected = stats.ttest_rel(tuned, base)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert tuple(row[["ci_lo", "ci_hi"]]) == pytest.approx(tuple(expected.confidence_interval()))


def test_pairing_makes_the_interval_narrower_than_two_independent_means():
    generator = np.random.default_rng(0)
    difficulty = generator.normal(size=200)
    row = compare_arms(table(difficulty, difficulty + 0.1 + generator.normal(0, 0.1, 200))).iloc[0]
    assert row["ci_lo"] < 0.1 < row["ci_hi"]
    assert row["stderr"] < 0.1 * difficulty.std() * np.sqrt(2 / 200) * 2


@settings(deadline=None)  # tables are slow on a busy machine
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40))
def test_swapping_the_arms_swaps_the_sign_and_nothing_else(pairs):
    base, tuned = (list(map(float, arm)) for arm in zip(*pairs, strict=True))
    forward = compare_arms(table(base, tuned)).iloc[0]
    backward = compare_arms(table(base, tuned), base="instruct", tuned="base").iloc[0]
    assert backward["difference"] == pytest.approx(-forward["difference"])
    assert backward["p"] == pytest.approx(forward["p"])
    assert backward["n_mended"] == forward["n_broken"]


def test_items_that_were_not_scored_are_left_out_in_pairs():
    row = compare_arms(table([1, np.nan, 0, 1], [1, 1, np.nan, 0])).iloc[0]
    assert row["n_items"] == 2


def test_p_is_adjusted_over_the_tasks_of_a_metric():
    many = [table([1] * 12, [0] * 12 if n == 0 else [1] * 12, task=f"t{n}") for n in range(4)]
    compared = compare_arms(pd.concat(many)).set_index("task")
    assert compared.loc["t0", "p_adjusted"] == pytest.approx(4 * compared.loc["t0", "p"])


def test_without_a_tuned_arm_the_table_is_empty_with_its_columns():
    scores = table([1, 0], [0, 1])
    empty = compare_arms(scores[scores["arm"] == "base"])
    assert empty.empty
    assert tuple(empty.columns) == COLUMNS
