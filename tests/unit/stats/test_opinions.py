from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer import tables
from ckpt_analyzer.stats import fits
from ckpt_analyzer.stats.flips import find_flips
from ckpt_analyzer.stats.opinions import opinion_fits, second_opinions

STEPS = np.unique(np.geomspace(8, 143_000, 16).astype(int))
TOKENS_PER_STEP = 2_097_152


def means(value_of, *, task="t", sigma=0.01, seed=0):
    """Trends of one model whose value is a function of log10 tokens."""
    tokens = STEPS * TOKENS_PER_STEP
    noise = sigma * np.random.default_rng(seed).normal(size=len(STEPS))
    return pd.DataFrame(
        {
            "model": "m", "size": "1b", "task": task, "metric": "accuracy", "step": STEPS,
            "tokens": tokens, "value": value_of(np.log10(tokens)) + noise, "stderr": 0.01,
            "n_items": 1000,
        }
    )  # fmt: skip


def u(turn):
    return lambda x: 0.3 + 0.12 * np.abs(x - turn)


@pytest.fixture(scope="module")
def both():
    table = pd.concat([means(u(9.6)), means(lambda x: 0.1 * (x - 7), task="rising", seed=1)])
    return table, find_flips(table, opinions=True)


def test_a_flip_carries_the_opinion_of_every_fit_that_looks_for_a_turn(both):
    _, flips = both
    told = flips.set_index("task").loc["t"]
    assert told["verdict"] == "U"
    opinions = {opinion["fit"]: opinion for opinion in told["second_opinions"]}
    assert set(opinions) == set(opinion_fits())
    line = opinions["segmented"]
    assert line["verdict"] == "U"
    assert np.log10(line["flip_at"]) == pytest.approx(9.6, abs=0.15)
    assert line["ci_lo"] < line["flip_at"] < line["ci_hi"]
    assert opinions["broken-power-law"]["p"] is None


def test_a_trend_that_does_not_turn_is_given_no_opinions(both):
    _, flips = both
    told = flips.set_index("task").loc["rising"]
    assert told["second_opinions"] == []


def test_verdicts_stay_and_the_table_conforms(both):
    table, flips = both
    plain = find_flips(table)
    tables.conform(flips, tables.FLIPS)
    assert plain["second_opinions"].isna().all()
    same = [name for name in flips.columns if name not in ("second_opinions", "flags")]
    pd.testing.assert_frame_equal(flips[same], plain[same])


def test_fits_that_decide_or_draw_are_no_second_opinion():
    assert {"isotonic", "smoothing-spline"}.isdisjoint(opinion_fits())
    assert set(opinion_fits()) <= set(fits.names())


def test_a_turn_in_the_first_steps_is_flagged():
    early = STEPS[5] * TOKENS_PER_STEP
    table = means(u(np.log10(early)), sigma=0.003)
    (told,) = find_flips(table, opinions=True).to_dict("records")
    assert told["verdict"] == "U"
    assert told["flip_at"] < 512 * TOKENS_PER_STEP
    assert "early-steps" in told["flags"]
    late = means(u(10.5), sigma=0.003)
    (told,) = find_flips(late, opinions=True).to_dict("records")
    assert "early-steps" not in told["flags"]


def test_all_series_are_asked_and_only_turns_inside_count(both):
    table, _ = both
    told = second_opinions(table, names=["quadratic", "segmented"])
    assert len(told) == 4
    by = told.set_index(["task", "fit"])
    assert by.loc[("t", "quadratic"), "verdict"] == "U"
    assert by.loc[("rising", "segmented"), "verdict"] == "none"
    assert np.isnan(by.loc[("rising", "segmented"), "flip_at"])


def test_in_a_run_of_few_tokens_no_turn_is_early():
    """A toy model is through with its whole training before step 512 of a Pythia."""
    table = means(u(np.log10(STEPS[5] * TOKENS_PER_STEP)), sigma=0.003)
    (told,) = find_flips(table.assign(tokens=table["tokens"] / 1e4), opinions=True).to_dict(
        "records"
    )
    assert told["verdict"] == "U"
    assert "early-steps" not in told["flags"]
