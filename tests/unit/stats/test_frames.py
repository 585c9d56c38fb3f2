"""Frames of other libraries give what pandas gives."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import ckpt_analyzer
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.compare import compare_arms
from ckpt_analyzer.stats.frames import as_pandas
from required import required


def u_shape():
    tokens = np.geomspace(1e8, 1e11, 12)
    x = np.linspace(-1, 1, 12)
    return pd.DataFrame(
        {"task": "t", "metric": "accuracy", "size": "1b", "arm": "base", "step": range(1, 13),
         "tokens": tokens, "value": 0.2 + 0.6 * x**2, "stderr": 0.01}
    )  # fmt: skip


def test_a_frame_of_pandas_is_handed_on_as_it_is():
    frame = u_shape()
    assert as_pandas(frame) is frame


def test_arrow_gives_the_verdict_that_pandas_gives():
    frame = u_shape()
    ours = ckpt_analyzer.find_flips(frame)
    assert ours["verdict"].tolist() == ["U"]
    pd.testing.assert_frame_equal(ckpt_analyzer.find_flips(pa.Table.from_pandas(frame)), ours)


def test_polars_gives_the_verdict_that_pandas_gives_lazy_or_not():
    polars = required("polars")
    frame = u_shape()
    ours = ckpt_analyzer.find_flips(frame)
    theirs = polars.from_pandas(frame)
    for given in (theirs, theirs.lazy()):
        pd.testing.assert_frame_equal(ckpt_analyzer.find_flips(given), ours)


def test_arms_are_compared_in_any_frame():
    rows = [
        {"task": "t", "metric": "accuracy", "size": "1b", "arm": arm, "step": 1, "item": str(i),
         "score": float(i % 2 if arm == "base" else i % 3 == 0)}
        for arm in ("base", "instruct") for i in range(60)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    pd.testing.assert_frame_equal(compare_arms(pa.Table.from_pandas(frame)), compare_arms(frame))


@pytest.mark.parametrize("given", [[1, 2], "trends.csv", None])
def test_what_is_no_table_is_said_to_be_none(given):
    with pytest.raises(UserError, match="a table is needed"):
        ckpt_analyzer.find_flips(given)
