import json

import numpy as np
import pytest

from ckpt_analyzer.cli.output import (
    counted,
    readable,
    readable_bytes,
    readable_count,
    show,
    show_json,
)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0"), (999, "999"), (2_097_152_000, "2.1 B"), (143_000, "143 k"), (3e21, "3e+21")],
)
def test_counts_are_short(count, expected):
    assert readable_count(count) == expected


def test_one_of_a_kind_has_no_plural():
    assert [counted(n, "unit") for n in (0, 1, 1200)] == ["0 units", "1 unit", "1,200 units"]


def test_bytes_are_decimal():
    assert readable_bytes(1_500_000_000) == "1.5 GB"
    assert readable_bytes(0) == "0 B"


def test_values_have_no_nan_and_no_long_decimals():
    assert readable(float("nan")) == ""
    assert readable(0.123456789) == "0.1235"
    assert readable(["a", "b"]) == "a, b"


def test_json_has_null_for_nan_and_plain_lists_for_arrays(capsys):
    show_json({"a": float("nan"), "b": np.array([1.0, np.inf])})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.0, None]}


def test_rows_go_to_stdout_unfolded(capsys):
    show([{"name": "x" * 150, "n": 1}], as_json=False)
    assert "x" * 150 in capsys.readouterr().out
