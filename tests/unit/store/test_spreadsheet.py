"""Cells that a spreadsheet would run as a formula."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ckpt_analyzer.store.spreadsheet import disarmed


@pytest.mark.parametrize(
    "text",
    ["=cmd|'/C calc'!A0", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff20a"],
)
def test_a_text_that_begins_as_a_formula_is_marked(text):
    assert disarmed(pa.table({"a": [text]}))["a"].to_pylist() == ["'" + text]


def test_other_texts_numbers_and_nothing_stay_as_they_are():
    table = pa.table({"a": ["a=1", "", None, "'=1"], "b": [-1.0, 2.0, None, -4.0]})
    assert disarmed(table) == table
