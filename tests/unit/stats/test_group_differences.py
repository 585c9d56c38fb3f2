import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.stats.group_differences import COLUMNS, NO_CAUSE, Draws, group_differences

CAUSES = {"a": "strong prior", "b": "strong prior", "c": "distractor task"}


def sides(changes, *, base=None):
    """`changes` maps (task, model) to the change of each item; base scores are 0 unless given."""
    parts = []
    for (task, model), change in changes.items():
        zero = np.zeros(len(change)) if base is None else base
        for side, score in (("base", zero), ("tuned", zero + np.asarray(change, float))):
            parts.append(pd.DataFrame({
                "task": task, "model": model, "size": model, "side": side,
                "item": [str(i) for i in range(len(change))], "score": score,
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def row(table, level, cause="", size=""):
    found = table[(table["level"] == level) & (table["cause"] == cause) & (table["size"] == size)]
    assert len(found) == 1
    return found.iloc[0]


def test_a_cause_is_the_mean_over_its_tasks_however_many_items_each_has():
    table = group_differences(
        sides({("a", "1b"): [1, 1, 1, 1], ("b", "1b"): [0] * 50, ("c", "1b"): [0, 1] * 5}), CAUSES
    )
    strong = row(table, "cause", "strong prior")
    assert (strong["difference"], strong["n_tasks"], strong["n_items"]) == (0.5, 2, 54)
    assert row(table, "all")["difference"] == pytest.approx(0.5)
    assert row(table, "size", size="1b")["n_tasks"] == 3


def test_the_interval_of_one_task_is_near_that_of_the_t_test():
    change = np.random.default_rng(3).normal(0.2, 1.0, 400)
    found = row(group_differences(sides({("a", "1b"): change}), CAUSES), "cause", "strong prior")
    stderr = change.std(ddof=1) / 20
    assert found["ci_lo"] == pytest.approx(change.mean() - 1.96 * stderr, abs=0.2 * stderr)
    assert found["ci_hi"] == pytest.approx(change.mean() + 1.96 * stderr, abs=0.2 * stderr)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    # 200 made-up data sets of two tasks at two sizes that share their items' difficulty.
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        item = {task: rng.normal(0, 1, 60) for task in "ab"}
        made = sides({(t, m): 0.3 + item[t] + rng.normal(0, 1, 60) for t in "ab" for m in "12"})
        found = row(group_differences(made, CAUSES, Draws(n_draws=200)), "all")
        covered += found["ci_lo"] <= 0.3 <= found["ci_hi"]
    assert 178 <= covered <= 200  # binomial(200, 0.95) lies in [180, 198] with 99.8 %


def test_sizes_share_their_items_so_more_sizes_of_the_same_change_are_no_more_evidence():
    change = np.random.default_rng(0).normal(0.1, 1.0, 200)
    one = row(group_differences(sides({("a", "1"): change}), CAUSES), "all")
    three = row(group_differences(sides({("a", m): change for m in "123"}), CAUSES), "all")
    assert three["ci_hi"] - three["ci_lo"] == pytest.approx(one["ci_hi"] - one["ci_lo"])


def test_where_every_item_breaks_the_interval_has_width_and_stays_in_range():
    table = group_differences(sides({("a", "1b"): [-1] * 100}, base=np.ones(100)), CAUSES)
    found = row(table, "cause", "strong prior")
    assert found["difference"] == -1
    assert -1 <= found["ci_lo"] < found["ci_hi"] < -0.9
    assert found["p"] == pytest.approx(2 / 2001)


def test_p_and_interval_agree():
    for shift in (0.0, 0.1, 0.2, 0.3):
        change = np.random.default_rng(7).normal(shift, 1.0, 150)
        found = row(group_differences(sides({("a", "1b"): change}), CAUSES), "all")
        assert (found["p"] < 0.05) == (found["ci_lo"] > 0 or found["ci_hi"] < 0)


def test_the_same_seed_gives_the_same_numbers_and_other_tasks_change_none():
    alone = sides({("a", "1b"): np.random.default_rng(1).normal(size=40)})
    more = pd.concat([alone, sides({("c", "1b"): [1, 2, 3]})])
    first = row(group_differences(alone, CAUSES, Draws(seed=5)), "cause", "strong prior")
    second = row(group_differences(more, CAUSES, Draws(seed=5)), "cause", "strong prior")
    assert (first["ci_lo"], first["ci_hi"]) == (second["ci_lo"], second["ci_hi"])
    other = row(group_differences(alone, CAUSES, Draws(seed=6)), "cause", "strong prior")
    assert other["ci_lo"] != first["ci_lo"]
    assert first["seed"] == 5


def test_items_that_were_not_scored_are_left_out_in_pairs():
    table = group_differences(sides({("a", "1b"): [1.0, np.nan, 3.0]}), CAUSES)
    assert row(table, "all")["difference"] == 2.0
    assert row(table, "all")["n_items"] == 2


def test_a_task_without_a_cause_is_counted_as_such():
    table = group_differences(sides({("own", "1b"): [0.5, 0.2, 0.1]}), {"own": None})
    assert row(table, "cause", NO_CAUSE)["n_tasks"] == 1


def test_p_is_adjusted_within_a_level():
    rng = np.random.default_rng(2)
    made = {(t, "1b"): rng.normal(0.25 if t == "a" else 0.0, 1, 200) for t in "abc"}
    causes = {"a": "strong prior", "b": "distractor task", "c": "unwanted imitation"}
    table = group_differences(sides(made), causes)
    strong = row(table, "cause", "strong prior")
    assert strong["p_adjusted"] == pytest.approx(3 * strong["p"])
    assert row(table, "all")["p_adjusted"] == row(table, "all")["p"]


def test_without_sides_the_table_is_empty_with_its_columns():
    empty = group_differences(sides({("a", "1b"): [1.0]}).iloc[:0], CAUSES)
    assert empty.empty
    assert tuple(empty.columns) == COLUMNS
