from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.regression import (
    COLUMNS,
    EFFECTS,
    nominal_size,
    regressable,
    size_tokens_regression,
)

#: t(60) and p after Benjamini-Hochberg for size, tokens and interaction, as printed. Source:
#: Michaelov and Bergen (2023), file statistical_tests.tsv of jmichaelov/emergent-inabilities (MIT).
PUBLISHED = {
    ("hindsight-neglect", "accuracy"): (
        ("-4.22", "<0.001"),
        ("-4.69", "<0.001"),
        ("-2.88", "=0.012"),
    ),
    ("into-the-unknown", "accuracy"): (("-0.31", "=0.824"), ("2.04", "=0.079"), ("0.02", "=0.986")),
    ("memo-trap", "accuracy"): (("-10.05", "<0.001"), ("-11.34", "<0.001"), ("-9.71", "<0.001")),
    ("modus-tollens", "accuracy"): (("-0.16", "=0.927"), ("-2.13", "=0.071"), ("-1.5", "=0.208")),
    ("neqa", "accuracy"): (("0.79", "=0.559"), ("-0.08", "=0.963"), ("2.45", "=0.034")),
    ("pattern-matching-suppression", "accuracy"): (
        ("-3.2", "=0.005"),
        ("-9.58", "<0.001"),
        ("-6.37", "<0.001"),
    ),
    ("redefine", "accuracy"): (("0.6", "=0.645"), ("-0.79", "=0.559"), ("-1.53", "=0.205")),
    ("repetitive-algebra", "accuracy"): (
        ("-0.49", "=0.706"),
        ("-2.11", "=0.071"),
        ("-1", "=0.443"),
    ),
    ("resisting-correction", "accuracy"): (
        ("5.13", "<0.001"),
        ("5.63", "<0.001"),
        ("-1.89", "=0.104"),
    ),
    ("sig-figs", "accuracy"): (("-0.59", "=0.645"), ("-0.74", "=0.574"), ("-1.46", "=0.215")),
    ("truthfulqa_mc", "mc1"): (("-10.9", "<0.001"), ("-11.45", "<0.001"), ("-2.97", "=0.01")),
    ("truthfulqa_mc", "mc2"): (("-24.72", "<0.001"), ("-23.89", "<0.001"), ("-12.02", "<0.001")),
}


def agrees(row: pd.Series, t: str, p: str) -> bool:
    """Whether a row rounds to what was printed: t to 2 decimals, p to 3 or below 0.001."""
    right_p = (
        row["p_adjusted"] < 0.001 if p == "<0.001" else round(row["p_adjusted"], 3) == float(p[1:])
    )
    return round(row["t"], 2) == float(t) and right_p


def assert_published(table: pd.DataFrame) -> None:
    assert len(table) == 36
    rows = table.set_index(["task", "metric", "effect"])
    wrong = [
        (task, metric, effect)
        for (task, metric), printed in PUBLISHED.items()
        for effect, (t, p) in zip(EFFECTS, printed, strict=True)
        if not agrees(rows.loc[(task, metric, effect)], t, p)
    ]
    assert not wrong
    assert set(table["df"]) == {60}


def grid(values, *, metric: str = "accuracy", task: str = "memo-trap") -> pd.DataFrame:
    sizes = ["70m", "160m", "410m", "1b"]
    steps = 2.0 ** np.arange(1, 9)
    cells = [(s, int(t)) for s in sizes for t in steps]
    return pd.DataFrame(
        {
            "suite": "pythia", "arm": "base", "task": task, "shots": 0, "prompt_format": "plain",
            "dtype": "float32", "metric": metric, "size": [s for s, _ in cells],
            "tokens": [t for _, t in cells], "value": values,
        }
    )  # fmt: skip


@pytest.fixture
def published_csv(shared_data) -> pd.DataFrame:
    rows = pd.read_csv(shared_data / "trends" / "emergent_inabilities.csv")
    rows["task"] = rows["task"].str.removeprefix("isp_").str.replace("_", "-")
    rows["task"] = rows["task"].replace({"truthfulqa-mc": "truthfulqa_mc"})
    rows["metric"] = rows["metric"].replace({"acc": "accuracy", "acc_norm": "accuracy_per_char"})
    rows["size"] = rows["model"].str.removeprefix("pythia-")
    return rows.assign(suite="pythia", arm="base", shots=0, prompt_format="lm-eval", dtype="x")


@pytest.mark.shared_data
def test_the_published_table_is_reproduced_from_the_tidy_table(published_csv):
    assert_published(size_tokens_regression(published_csv))


@pytest.mark.shared_data
def test_rows_in_another_order_give_the_same_table(published_csv):
    rows = published_csv
    shuffled = size_tokens_regression(rows.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, size_tokens_regression(rows))


def test_size_tokens_and_interaction_are_told_apart():
    rng = np.random.default_rng(0)
    base = grid(np.zeros(32))
    x = np.log10(base["tokens"].to_numpy(float))
    table = size_tokens_regression(grid(0.1 * x + 0.001 * rng.normal(size=32)))
    assert tuple(table.columns) == COLUMNS
    t = table.set_index("effect")["t"]
    assert t["tokens"] > 20
    assert abs(t["parameters"]) < 3
    assert abs(t["interaction"]) < 3


def test_a_score_that_never_moves_has_no_effect():
    table = size_tokens_regression(grid(np.ones(32)))
    assert (table["t"] == 0).all()
    assert (table["p_adjusted"] == 1).all()


def test_metrics_that_were_not_asked_for_stay_out_of_the_family():
    values = np.random.default_rng(1).normal(size=32)
    rows = pd.concat([grid(values), grid(values, metric="accuracy_per_char")])
    assert len(size_tokens_regression(rows)) == 3


def test_shots_are_separate_groups():
    values = np.random.default_rng(1).normal(size=32)
    rows = pd.concat([grid(values), grid(values).assign(shots=5)])
    assert len(size_tokens_regression(rows)) == 6


def test_step_zero_has_no_logarithm_and_is_left_out():
    rows = grid(np.random.default_rng(1).normal(size=32))
    zero = rows.iloc[:1].assign(tokens=0, value=100.0)
    pd.testing.assert_frame_equal(
        size_tokens_regression(pd.concat([zero, rows])), size_tokens_regression(rows)
    )


def test_a_checkpoint_without_a_score_is_left_out_and_costs_no_task_its_p():
    both = [grid(np.random.default_rng(k).normal(size=32), task=f"t{k}") for k in range(2)]
    rows = pd.concat(both, ignore_index=True)
    gone = rows.assign(value=rows["value"].where(rows.index != 5))
    expected = size_tokens_regression(rows.drop(index=5))
    pd.testing.assert_frame_equal(size_tokens_regression(gone), expected)
    assert regressable(gone)["value"].notna().all()


def test_too_few_sizes_are_an_error_that_names_the_task():
    rows = grid(np.arange(32.0))
    with pytest.raises(UserError, match="memo-trap"):
        size_tokens_regression(rows[rows["size"] == "70m"])


def test_no_rows_of_the_metric_are_an_error_that_names_those_that_are_there():
    with pytest.raises(UserError, match="accuracy"):
        size_tokens_regression(grid(np.arange(32.0)), metrics=["brier"])


def test_nominal_sizes_are_read_from_the_label():
    assert [nominal_size(x) for x in ("70m", "1.4b", "12B")] == [70e6, 1.4e9, 12e9]
    with pytest.raises(UserError, match="large"):
        nominal_size("large")
