from __future__ import annotations

import itertools
import json
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_up_trends
from ckpt_analyzer.charts._series import sizes_of
from ckpt_analyzer.html_report import base91
from ckpt_analyzer.html_report.payload import Names, _deltas, data_json, packed
from ckpt_analyzer.html_report.views import metric_choices, setting_choices

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()


def _payload(trends=TRENDS, flips=FLIPS, fits=None):
    names = Names(
        list(dict.fromkeys(TRENDS["task"])),
        list(dict.fromkeys(TRENDS["task"])),
        metric_choices(TRENDS, ()),
        setting_choices(TRENDS),
        sizes_of(TRENDS),
    )
    return data_json(trends, flips, fits, names)


def test_every_value_is_there_once():
    payload = _payload()
    assert sum(len(series["v"]) for series in payload["series"]) == len(TRENDS)


def test_values_are_those_of_the_table_to_five_digits():
    payload = _payload()
    series = payload["series"][0]
    model = payload["models"][series["m"]]
    rows = TRENDS[
        (TRENDS["model"] == model["name"])
        & (TRENDS["task"] == payload["tasks"][series["t"]])
        & (TRENDS["metric"] == payload["metrics"][series["k"]]["name"])
    ].sort_values("step")
    values = [number / series["scale"] for number in itertools.accumulate(series["v"])]
    assert values == pytest.approx(rows["value"].tolist(), rel=1e-4)
    assert model["step"] == rows["step"].tolist()


def test_a_series_that_lacks_a_checkpoint_says_which_it_has():
    lost = TRENDS.drop(TRENDS[(TRENDS["task"] == "neqa") & (TRENDS["step"] == 0)].index)
    with_gap = [series for series in _payload(lost)["series"] if "at" in series]
    assert with_gap
    assert all(series["at"][0] == 1 for series in with_gap)


def test_what_is_not_scored_is_null():
    holes = TRENDS.assign(value=TRENDS["value"].mask(TRENDS["step"] == 0))
    assert _payload(holes)["series"][0]["v"][0] is None
    assert packed(_payload(holes))  # NaN would be refused


def test_flips_of_a_tuned_arm_lie_on_its_own_axis():
    payload = _payload()
    tuned = [f for f in payload["flips"] if payload["models"][f["m"]]["arm"] == "instruct"]
    assert tuned
    assert all(flip["x"] < 1e10 for flip in tuned)


def test_fitted_curves_keep_their_places():
    rows = TRENDS[(TRENDS["arm"] == "instruct") & (TRENDS["metric"] == "accuracy")]
    fits = rows.assign(axis="tokens", at=rows["arm_tokens"].astype(float), fitted=rows["value"])
    places = _payload(fits=fits)["fits"][0]["x"]
    assert places[0] == 0
    assert places[-1] == pytest.approx(rows["arm_tokens"].max(), rel=1e-6)


def _unpacked(text):
    return json.loads(zlib.decompress(base91.decoded(text)))


def test_packed_text_comes_back_and_cannot_be_markup():
    hostile = {"task": "</script><script>alert(1)</script><!-- \u2028 & 'x' \"y\""}
    text = packed(hostile)
    assert not set(text) & set('<&" \n')
    assert _unpacked(text) == hostile


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        packed({"value": math.nan})


@given(st.lists(st.none() | st.integers(-99_999, 99_999)))
def test_steps_add_up_to_the_numbers(numbers):
    totals = itertools.accumulate(step for step in _deltas(numbers) if step is not None)
    assert [None if n is None else next(totals) for n in numbers] == numbers
