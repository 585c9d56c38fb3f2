"""The figures of a store: which are drawn, what they are called, and the numbers beside them."""

from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest

import made_up_trends
from ckpt_analyzer.analysis.comparing import over_tuning
from ckpt_analyzer.errors import StoreError, UnknownNameError
from ckpt_analyzer.reporting.figures import Wanted, chart, write_figures
from ckpt_analyzer.store.store import open_store
from store_factory import commit_answers

GRID = dataclasses.replace(
    made_up_trends.DEMO,
    shapes={"memo-trap": "inverted_U", "neqa": "monotone_up"},
    metrics={"accuracy": 1.0, "classification_loss": -1.4},
    n_base_steps=8,
    n_tuned_steps=4,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = open_store(tmp_path_factory.mktemp("figures") / "store", create=True)
    store.add_import(made_up_trends.trends(GRID).assign(has_items=False), "made up")
    return store


SMALL = Wanted(charts=("metric-over-tokens", "base-to-tuned"), columns=("single",))


@pytest.fixture(scope="module")
def written(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    return folder, list(write_figures(store, folder, SMALL))


def test_names_say_chart_task_metric_and_width(written):
    folder, figures = written
    assert [figure.name for figure in figures] == [
        "metric-over-tokens_memo-trap_accuracy",
        "metric-over-tokens_neqa_accuracy",
        "base-to-tuned_accuracy",
    ]
    one = {path.name for path in folder.glob("metric-over-tokens_neqa_*")}
    assert one >= {
        f"metric-over-tokens_neqa_accuracy{ending}"
        for ending in ("_single.svg", "_single.pdf", "_single.png", "_single.vl.json", ".csv")
    }


def test_the_numbers_beside_a_figure_are_those_of_the_store(written, store):
    folder, _ = written
    beside = pd.read_csv(folder / "metric-over-tokens_neqa_accuracy.csv")
    trends = store.trends(["accuracy"])
    expected = trends[trends["task"] == "neqa"].reset_index(drop=True)
    assert list(beside["value"]) == list(expected["value"])
    assert list(beside["stderr"]) == list(expected["stderr"])
    assert list(beside["step"]) == list(expected["step"])


def test_of_a_chart_of_ends_the_numbers_are_the_ends(written, store):
    folder, _ = written
    beside = pd.read_csv(folder / "base-to-tuned_accuracy.csv")
    trends = store.trends(["accuracy"])
    one = trends[(trends["task"] == "neqa") & (trends["model"] == "madeup-14m")]
    row = beside[(beside["row"] == "neqa") & (beside["size"] == "14m")].iloc[0]
    assert row["base"] == one.sort_values("step")["value"].iloc[-1]


def test_titles_stand_in_place_of_names(written):
    folder, _ = written
    spec = json.loads((folder / "metric-over-tokens_neqa_accuracy_single.vl.json").read_text())
    assert spec["title"] == "NeQA"


def test_a_second_export_gives_the_same_bytes(written, store, tmp_path):
    _, figures = written
    list(write_figures(store, tmp_path, SMALL))
    for path in (path for figure in figures for path in figure.files):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_another_metric_is_drawn_on_request(store, tmp_path):
    wanted = Wanted(("size-step-heatmap",), ("neqa",), ("classification_loss",), ("double",))
    (figure,) = write_figures(store, tmp_path, wanted)
    assert figure.name == "size-step-heatmap_neqa_classification_loss"
    assert "Classification loss (nats)" in (tmp_path / f"{figure.name}_double.vl.json").read_text()


def test_a_chart_without_anything_to_show_is_left_out_with_its_reason(store, tmp_path):
    wanted = Wanted(("flip-atlas",), ("neqa",), columns=("single",))
    (figure,) = write_figures(store, tmp_path, wanted)
    assert figure.files == ()
    assert "no task turns" in figure.left_out


@pytest.mark.parametrize(
    "wanted",
    [Wanted(charts=("metric-over-token",)), Wanted(tasks=("neqq",)), Wanted(metrics=("x",))],
)
def test_a_name_that_is_not_there_is_refused(store, tmp_path, wanted):
    with pytest.raises(UnknownNameError):
        list(write_figures(store, tmp_path, wanted))


def test_an_empty_store_has_no_figures(tmp_path):
    store = open_store(tmp_path / "empty", create=True)
    with pytest.raises(StoreError, match="no scores"):
        list(write_figures(store, tmp_path / "out"))


def test_differences_are_paired_by_item_as_those_of_the_page_are(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    right, wrong = [-1.0, -2.0], [-2.0, -1.0]
    commit_answers(store, "m", 1000, [right] * 20 + [wrong] * 20)
    tuned = {"arm": "sft", "base_model": "m", "arm_tokens": 5}
    commit_answers(store, "m-sft", 10, [right] * 22 + [wrong] * 18, **tuned)
    wanted = Wanted(charts=("difference-over-tuning",), columns=("single",))
    (figure,) = write_figures(store, tmp_path / "out", wanted)
    beside = pd.read_csv(tmp_path / "out" / f"{figure.name}.csv")
    (paired,) = over_tuning(store, "accuracy").to_dict("records")
    row = beside[beside["x"] > 0].iloc[0]
    expected = [paired["difference"], paired["ci_lo"], paired["ci_hi"]]
    assert row[["difference", "lo", "hi"]].to_list() == pytest.approx(expected)
    assert row["hi"] - row["lo"] < 0.25  # 0.44 where the items count as others
    for spec in (
        json.loads((tmp_path / "out" / f"{figure.name}_single.vl.json").read_text()),
        chart(store, "difference-over-tuning").to_dict(),
    ):
        (drawn,) = (r for rows in spec["datasets"].values() for r in rows if r.get("x", 0) > 0)
        assert [drawn[name] for name in ("difference", "lo", "hi")] == pytest.approx(expected)
        assert drawn["row"] == "Memo Trap"
