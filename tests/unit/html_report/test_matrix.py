from __future__ import annotations

import pytest

import made_up_trends
from ckpt_analyzer.charts._series import panels_of, sizes_of
from ckpt_analyzer.html_report.cards import group
from ckpt_analyzer.html_report.matrix import column_groups, matrix, strength, tally

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()


@pytest.fixture
def verdicts():
    flips = FLIPS[FLIPS["metric"] == "accuracy"]
    columns = column_groups(TRENDS, panels_of(TRENDS, sizes_of(TRENDS)))
    return matrix(flips, columns, group((), TRENDS))


def _row(verdicts, task):
    return next(row for _, rows in verdicts.causes for row in rows if row.card.name == task)


def test_columns_come_by_arm_and_then_by_parameters(verdicts):
    assert [g.title for g in verdicts.groups] == ["Base", "Instruct"]
    assert [c.label for c in verdicts.groups[0].columns] == ["14m", "70m", "410m"]


def test_a_cell_says_its_shape_and_where_it_turns(verdicts):
    cell = _row(verdicts, "quote-repetition").cells[0]
    assert cell.verdict.key == "U"
    assert cell.turn.endswith("B")
    assert "turns at" in cell.words


def test_a_tuned_arm_turns_at_tokens_of_its_own(verdicts):
    cell = _row(verdicts, "memo-trap").cells[3]
    assert cell.turn.replace("\u202f", " ") == "600 M"


def test_a_shape_without_turning_point_shows_none(verdicts):
    assert _row(verdicts, "neqa").cells[0].turn == ""


def test_a_missing_verdict_is_not_an_undecided_one():
    columns = column_groups(TRENDS, panels_of(TRENDS, sizes_of(TRENDS)))
    first = FLIPS[FLIPS["task"] == "memo-trap"].head(1)
    one = matrix(first, columns, group((), TRENDS))
    ((_, (row,)),) = one.causes
    assert {cell.verdict.key for cell in row.cells} == {first["verdict"].iloc[0], ""}
    assert len(one.left_out) == TRENDS["task"].nunique() - 1
    empty = matrix(FLIPS.iloc[:0], columns, group((), TRENDS))
    assert tally(empty) == {"Base": {}, "Instruct": {}}


def test_the_weaker_arm_decides_the_strength_of_a_flip():
    flip = FLIPS[FLIPS["verdict"] == "U"].iloc[0]
    weak = flip.copy()
    weak["effect_after_se"] = 1.0
    assert (strength(flip), strength(weak)) == (2, 0)


def test_the_tally_counts_each_cell_once(verdicts):
    assert tally(verdicts)["Base"]["U"] == 3
    assert sum(tally(verdicts)["Instruct"].values()) == 18


def test_a_turn_that_adjustment_takes_away_is_tentative():
    columns = column_groups(TRENDS, panels_of(TRENDS, sizes_of(TRENDS)))
    flips = FLIPS[FLIPS["metric"] == "accuracy"].assign(p_adjusted=0.09)
    cells = _row(matrix(flips, columns, group((), TRENDS)), "memo-trap").cells
    assert all(cell.is_tentative for cell in cells)
    assert "not significant once adjusted" in cells[0].words
