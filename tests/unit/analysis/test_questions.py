"""The questions, from made-up verdicts: what a sentence says, and what it wants."""

from __future__ import annotations

import pandas as pd
import pytest

from ckpt_analyzer import metrics
from ckpt_analyzer.analysis.questions import (
    Evidence,
    do_shots_turn_inverse_scaling_into_u,
    does_tuning_undo_flips,
    does_tuning_worsen_strong_priors,
)

CAUSES = {"memo-trap": "strong prior", "neqa": "distractor task"}
SIZES = (1, 2, 4, 8)


def trends(shots):
    rows = [
        {"suite": "s", "arm": "base", "task": task, "shots": n, "parameters": size,
         "prompt_format": "raw", "suspect": None}
        for n in shots for task in CAUSES for size in SIZES
    ]  # fmt: skip
    return pd.DataFrame(rows)


def flips(verdicts):
    """`verdicts` maps (task, shots, step) to the verdict over parameters."""
    return pd.DataFrame([
        {"suite": "s", "arm": "base", "task": task, "shots": shots, "prompt_format": "raw",
         "dtype": "fp32", "axis": "parameters", "size": f"step {step}", "verdict": verdict}
        for (task, shots, step), verdict in verdicts.items()
    ])  # fmt: skip


def groups(difference, p, cause="strong prior"):
    return pd.DataFrame([{
        "by": "arm", "level": "cause", "cause": cause, "base": "base", "tuned": "instruct",
        "n_tasks": 4, "n_sizes": 3, "difference": difference, "ci_lo": difference - 0.02,
        "ci_hi": difference + 0.02, "p_adjusted": p,
    }])  # fmt: skip


EMPTY_GROUPS = groups(0.0, 1.0).iloc[:0]
EMPTY_SHAPES = pd.DataFrame(columns=["base", "tuned", "task", "size", "verdict_base", "change"])


def evidence(metric="accuracy", **changes):
    fields = {
        "metric": metrics.load(metric), "trends": trends([0]), "flips": flips({}),
        "groups": EMPTY_GROUPS, "shapes": EMPTY_SHAPES, "causes": CAUSES,
    }  # fmt: skip
    return Evidence(**(fields | changes))


@pytest.mark.parametrize(
    ("metric", "difference", "p", "word"),
    [
        ("accuracy", -0.1, 0.01, "Yes:"),
        ("accuracy", 0.1, 0.01, "No, it improves them:"),
        ("accuracy", -0.1, 0.2, "Not for certain:"),
        ("classification_loss", 0.3, 0.01, "Yes:"),
    ],
)
def test_the_first_word_follows_the_metric_and_the_adjusted_p(metric, difference, p, word):
    found = does_tuning_worsen_strong_priors(evidence(metric, groups=groups(difference, p)))
    assert found.answer.startswith(word)
    assert "4 tasks and 3 sizes" in found.answer


def test_other_causes_stand_beside_it():
    both = pd.concat([groups(-0.1, 0.01), groups(0.05, 0.3, "distractor task")])
    found = does_tuning_worsen_strong_priors(evidence(groups=both))
    assert "Beside it: distractor task +0.050" in found.answer


def test_flips_that_tuning_undoes_are_counted_and_named():
    shapes = pd.DataFrame(
        [
            ("base", "sft", "memo-trap", "1b", "U", "undone"),
            ("base", "sft", "memo-trap", "2b", "U", "kept"),
            ("base", "sft", "neqa", "1b", "monotone_up", "reversed"),
        ],
        columns=EMPTY_SHAPES.columns,
    )
    found = does_tuning_undo_flips(evidence(shapes=shapes))
    assert found.answer.startswith(
        "Of 2 trends that turn in training, from base to sft: 1 undone, 0 carried on, 1 kept."
    )
    assert "Undone: memo-trap at 1b." in found.answer
    titled = does_tuning_undo_flips(evidence(shapes=shapes, titles={"memo-trap": "Memo Trap"}))
    assert "Undone: Memo Trap at 1b." in titled.answer


def test_tasks_that_examples_turn_into_a_u_are_named_at_the_last_step():
    verdicts = {
        ("memo-trap", 0, 10): "monotone_down", ("memo-trap", 5, 10): "U",
        ("neqa", 0, 10): "monotone_down", ("neqa", 5, 10): "monotone_down",
        ("neqa", 5, 3): "U",  # an earlier checkpoint
    }  # fmt: skip
    found = do_shots_turn_inverse_scaling_into_u(
        evidence(trends=trends([0, 5]), flips=flips(verdicts))
    )
    assert found.is_answered
    assert "Of 2 trends over size that get worse without examples, with 5 in context" in (
        found.answer
    )
    assert "They turn: memo-trap." in found.answer
    titles = {"memo-trap": "Memo Trap"}
    titled = do_shots_turn_inverse_scaling_into_u(
        evidence(trends=trends([0, 5]), flips=flips(verdicts), titles=titles)
    )
    assert "They turn: Memo Trap." in titled.answer


def test_of_a_loss_inverse_scaling_rises():
    verdicts = {("neqa", 0, 10): "monotone_up", ("neqa", 5, 10): "inverted_U"}
    found = do_shots_turn_inverse_scaling_into_u(
        evidence("classification_loss", trends=trends([0, 5]), flips=flips(verdicts))
    )
    assert "They turn: neqa." in found.answer


def test_without_an_inverse_trend_there_is_none_to_turn():
    verdicts = {("neqa", 0, 10): "monotone_up", ("neqa", 5, 10): "U"}
    found = do_shots_turn_inverse_scaling_into_u(
        evidence(trends=trends([0, 5]), flips=flips(verdicts))
    )
    assert found.is_answered
    assert found.answer.startswith("None of 1 trend over size")


def test_without_shots_or_sizes_it_says_what_to_score():
    found = do_shots_turn_inverse_scaling_into_u(
        evidence(trends=trends([0])[lambda rows: rows["parameters"] < 4])
    )
    assert not found.is_answered
    assert "0 shots and some (scored: 0" in found.answer
    assert "4 sizes or more of one suite (scored: 2)" in found.answer
