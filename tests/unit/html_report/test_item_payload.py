"""The blob of items, read back as the page's script reads it."""

from __future__ import annotations

import dataclasses
import json
import zlib

import numpy as np
import pytest

import made_up_items
import made_up_trends
from ckpt_analyzer.charts._series import sizes_of
from ckpt_analyzer.html_report import base91
from ckpt_analyzer.html_report.item_payload import ItemPage, packed_items
from ckpt_analyzer.html_report.payload import Names, models_of
from ckpt_analyzer.html_report.views import metric_choices, setting_choices

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()
TASKS = list(dict.fromkeys(TRENDS["task"]))
NAMES = Names(TASKS, TASKS, metric_choices(TRENDS, ()), setting_choices(TRENDS), sizes_of(TRENDS))


def _unpacked(tasks, flips=FLIPS, **budget):
    page = ItemPage(tasks, flips, models_of(TRENDS), NAMES)
    blob = zlib.decompress(base91.decoded(packed_items(page, **budget)))
    end = 4 + int.from_bytes(blob[:4], "little")
    return json.loads(blob[4:end]), blob[end:]


def _values(task, series, streams):
    start, length = series["v"]
    steps = np.frombuffer(streams[start : start + length], np.uint8)
    levels = np.cumsum(steps.reshape(len(series["steps"]), -1), axis=0, dtype=np.uint8)
    low, high = task["range"]
    return np.where(levels == 0, np.nan, low + (levels - 1.0) / 40 * (high - low))


@pytest.fixture(scope="module")
def tasks():
    return made_up_items.item_tasks(n_items=30)


def test_every_value_is_there_within_half_a_level(tasks):
    header, streams = _unpacked(tasks)
    for task, read in zip(tasks, header["tasks"], strict=True):
        for series, place in zip(task.series, read["series"], strict=True):
            assert place["steps"] == list(series.steps)
            error = np.abs(_values(read, place, streams) - series.value_SI)
            assert error.max() <= 0.5 / 40 + 1e-9


def test_what_was_not_scored_stays_unscored(tasks):
    value_SI = tasks[0].series[0].value_SI.copy()
    value_SI[3, 4] = np.nan
    series = dataclasses.replace(tasks[0].series[0], value_SI=value_SI)
    task = dataclasses.replace(tasks[0], series=(series,))
    header, streams = _unpacked([task])
    read = _values(header["tasks"][0], header["tasks"][0]["series"][0], streams)
    assert np.argwhere(np.isnan(read)).tolist() == [[3, 4]]


def test_ln_p_has_a_range_of_its_own(tasks):
    series = dataclasses.replace(
        tasks[0].series[0], value_SI=-30.0 * tasks[0].series[0].value_SI, right_SI=None
    )
    task = dataclasses.replace(tasks[0], unit="ln p", series=(series,))
    header, streams = _unpacked([task])
    read = header["tasks"][0]
    assert read["range"] == [-12.0, 0.0]
    values = _values(read, read["series"][0], streams)
    np.testing.assert_allclose(values, np.maximum(series.value_SI, -12), atol=0.5 * 12 / 40)


def test_a_flip_has_its_items_ranked_and_a_trend_without_one_has_none(tasks):
    header, _ = _unpacked(tasks)
    by_task = {TASKS[task["t"]]: task for task in header["tasks"]}
    u = by_task["quote-repetition"]["series"][0]["ranked"]
    assert (u["verdict"], u["metric"]) == ("U", "Gold probability")
    assert [item % 6 for item in u["items"][:10]] == [1] * 5 + [5] * 5  # the items made as U
    assert u["adds"] == sorted(u["adds"], reverse=True)
    assert min(u["adds"]) > 0
    assert by_task["sig-figs"]["series"][0]["ranked"] is None


def test_an_inverted_u_is_driven_by_items_that_rise_and_fall(tasks):
    task = next(task for task in tasks if task.task == "memo-trap")
    mirrored = [dataclasses.replace(one, value_SI=1 - one.value_SI) for one in task.series]
    header, _ = _unpacked([dataclasses.replace(task, series=tuple(mirrored))])
    ranked = header["tasks"][0]["series"][0]["ranked"]
    assert ranked["verdict"] == "inverted_U"
    assert [item % 6 for item in ranked["items"][:10]] == [1] * 5 + [5] * 5


def test_a_turn_that_its_items_do_not_show_has_no_ranks(tasks):
    task = next(task for task in tasks if task.task == "memo-trap")
    assert _unpacked([task])[0]["tasks"][0]["series"][0]["ranked"] is None


def test_a_flip_of_a_loss_ranks_the_other_way(tasks):
    losses = FLIPS[FLIPS["metric"] == "classification_loss"]
    header, _ = _unpacked(tasks, flips=losses)
    by_task = {TASKS[task["t"]]: task for task in header["tasks"]}
    ranked = by_task["quote-repetition"]["series"][0]["ranked"]
    assert ranked["verdict"] == "inverted_U"
    assert ranked["items"][0] % 6 == 1


def test_a_tight_budget_thins_curves_but_not_words(tasks):
    wide, wide_streams = _unpacked(tasks)
    tight, tight_streams = _unpacked(tasks, budget_bytes=1)
    whole, thin = wide["tasks"][0]["series"][0], tight["tasks"][0]["series"][0]
    assert len(thin["steps"]) < len(whole["steps"])
    assert thin["n_read"] == whole["n_read"]
    codes = [s[p["codes"][0] : sum(p["codes"])] for s, p in
             ((wide_streams, whole), (tight_streams, thin))]  # fmt: skip
    assert codes[0] == codes[1]
