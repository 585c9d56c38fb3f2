"""What the page says in words: what ran, methods, and flags said once."""

from __future__ import annotations

import pandas as pd
import pytest

import made_up_trends
from ckpt_analyzer.html_report import prose
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.facts import facts
from ckpt_analyzer.html_report.flip_rows import flip_table
from ckpt_analyzer.html_report.run_rows import RUN_COLUMNS
from ckpt_analyzer.stats import flips as flips_module

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()
CARDS = {name: TaskCard(name, name, None, None, "") for name in made_up_trends.SHAPES}
NO_RUNS = pd.DataFrame(columns=list(RUN_COLUMNS))


@pytest.mark.parametrize(
    ("dtypes", "words"),
    [(["fp32"], "weights in fp32"), (["unstated"], "dtype not stated by the source"),
     (["fp32", "unstated"], "weights in fp32, or not stated")],
)  # fmt: skip
def test_a_dtype_that_nobody_stated_is_not_a_dtype(dtypes, words):
    trends = pd.concat([TRENDS.assign(dtype=dtype) for dtype in dtypes])
    said = [each for fact in facts(trends, NO_RUNS) for each in fact.words]
    assert words in said


def _flagged(*flags_by_row):
    turning = FLIPS[FLIPS["verdict"].isin(["U", "inverted_U"])].head(len(flags_by_row))
    return flip_table(turning.assign(flags=list(flags_by_row)), CARDS)


def test_a_flag_of_every_row_is_said_once():
    table = _flagged(*[["zero-left-out"]] * 5)
    assert table.common == ("In every row: the checkpoint before training was left out.",)
    assert {row.flags for row in table.rows} == {""}


def test_a_flag_of_nearly_every_row_is_said_once_with_its_count():
    table = _flagged(["single-checkpoint"], *[["shock-dominated"]] * 8, ["shock-dominated"])
    n = len(table.rows)
    assert table.common[0].startswith(f"In {n - 1} of {n} rows")
    assert [row.flags for row in table.rows if row.flags] == ["rests on a single checkpoint"]


def test_a_flag_of_some_rows_stays_with_them():
    table = _flagged(["at-edge"], [], [], ["at-edge"])
    assert table.common == ()
    assert sum(bool(row.flags) for row in table.rows) == 2


def test_a_flip_says_which_other_fits_see_it():
    row = flip_table(FLIPS[FLIPS["verdict"] == "U"].head(1), CARDS).rows[0]
    assert row.opinions == "1 of 2 see this turn, not two lines"
    unasked = FLIPS[FLIPS["verdict"] == "U"].head(1).assign(second_opinions=None)
    assert flip_table(unasked, CARDS).rows[0].opinions == ""


def test_methods_are_prose_and_say_what_flat_means():
    flips = FLIPS.assign(method=flips_module._METHOD)
    text = " ".join(prose.methods(TRENDS, flips, (), ()))
    assert "come from" not in text
    assert "block contrasts" in text
    assert "within ±0.05" in text
    assert "it is the verdict to expect" in text


def test_a_method_that_the_report_does_not_know_is_named():
    assert "the method “two-lines”" in " ".join(prose.methods(TRENDS, FLIPS, (), ()))


def test_seeds_are_no_sizes_and_one_checkpoint_reaches_from_nowhere_to_nowhere():
    seeds = made_up_trends.with_seeds(TRENDS[TRENDS["arm"] == "base"])
    assert facts(seeds, NO_RUNS)[0].words[0] == "9 models of 3 sizes, 14m to 410m"
    base = TRENDS[TRENDS["arm"] == "base"]
    last = base[base["step"] == base["step"].max()]
    assert facts(last, NO_RUNS)[0].words[1].endswith("1 checkpoint, 300\u202fB tokens")
