"""The door: opening, committing, and the tables that come out."""

from __future__ import annotations

import math
import os

import duckdb
import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.errors import StoreError, TableError, UnknownNameError
from ckpt_analyzer.store import atomic
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.tables import FLIPS, TRENDS, conform
from ckpt_analyzer.task import Item
from store_factory import cell_key, choice_scores, random_scores, simple_unit, unit


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "a[1] *store?", create=True)


def row(store, metric, **where):
    frame = store.trends([metric])
    for name, value in where.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


# --- opening ---


def test_a_folder_that_is_no_store_is_refused_with_what_to_type(tmp_path):
    with pytest.raises(StoreError, match="is not a store") as caught:
        open_store(tmp_path)
    assert "ckpt-analyzer run" in caught.value.hint


def test_a_store_one_folder_down_is_suggested(tmp_path):
    open_store(tmp_path / "mine", create=True)
    with pytest.raises(StoreError, match=r"did you mean .*mine"):
        open_store(tmp_path)


def test_a_folder_inside_a_store_suggests_the_store(tmp_path):
    open_store(tmp_path / "mine", create=True)
    with pytest.raises(StoreError, match=r"did you mean .*mine\?"):
        open_store(tmp_path / "mine" / "units")


def test_create_refuses_a_folder_with_other_files(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="is not a store"):
        open_store(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_create_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is not a store"):
        open_store(tmp_path / "file", create=True)


def test_create_opens_a_store_that_is_there(store):
    store.commit(*simple_unit())
    assert open_store(store.path, create=True).done_cells() == {cell_key()}


@pytest.mark.parametrize("content", ['{"format": 99}', "[]", "{", "{}"])
def test_a_store_of_another_format_is_refused(store, content):
    (store.path / "store.json").write_text(content)
    with pytest.raises(StoreError, match=r"format|damaged"):
        open_store(store.path)


def test_an_empty_store_has_empty_tables(store):
    assert store.trends().columns.tolist() == TRENDS.names
    assert store.trends().empty
    assert store.items().empty
    assert store.flips().columns.tolist() == FLIPS.names
    assert store.regression().empty
    assert store.runs().empty
    assert store.done_cells() == set()
    assert store.damaged() == ()


def test_reading_writes_nothing(store):
    store.commit(*simple_unit())
    before = {path: path.stat().st_mtime_ns for path in store.path.rglob("*")}
    again = open_store(store.path)
    again.trends(), again.items(), again.runs(), again.verify(), again.flips()
    assert {path: path.stat().st_mtime_ns for path in store.path.rglob("*")} == before


def test_a_store_that_cannot_be_written_says_so(store, monkeypatch):
    def refuse(*_args):
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(atomic, "_write_flushed", refuse)
    with pytest.raises(StoreError, match="Read-only file system"):
        store.commit(*simple_unit())
    assert store.trends().empty


# --- committing ---


def test_a_committed_unit_is_done_and_sound(store):
    manifest = store.commit(*simple_unit())
    assert store.done_cells() == {cell_key()}
    assert store.manifests() == (manifest,)
    assert store.verify() == ()
    assert store.listing().leftovers == ()


def test_a_unit_that_is_there_stays_as_it_is(store):
    first = store.commit(*simple_unit())
    assert store.commit(*simple_unit(seconds_score=99.0)) == first


def test_a_table_that_disagrees_with_its_manifest_is_our_mistake(store):
    draft, table = simple_unit()
    with pytest.raises(TableError, match="counts"):
        store.commit(draft, table.slice(1))
    with pytest.raises(TableError, match="schema"):
        store.commit(draft, table.drop(["part"]))
    other_step = simple_unit(2000)[1]
    with pytest.raises(TableError, match="revision"):
        store.commit(draft, other_step)
    two_tasks = unit(
        {cell_key(task): ("classification", random_scores(0)) for task in ("neqa", "memo-trap")}
    )[1]
    with pytest.raises(TableError, match="rows of no cell"):
        store.commit(draft, two_tasks)


def test_an_item_that_comes_twice_is_our_mistake(store):
    scores = random_scores(0)
    doubled = scores.take([0, 0, 1, 2, 3, 4, 5, 6])
    with pytest.raises(TableError, match="comes twice"):
        store.commit(*unit({cell_key(): ("classification", doubled)}))


# --- trends ---


def test_values_counts_and_facts_of_a_point(store):
    scores = choice_scores([[-1.0, -2.0], [-2.0, -1.0], [-1.0, math.nan], [-1.0, -3.0]])
    store.commit(*unit({cell_key(): ("classification", scores)}, suspect="wrong shard"))
    point = row(store, "accuracy")
    assert point["value"] == pytest.approx(2 / 3)
    assert point["stderr"] == pytest.approx(np.std([1, 0, 1], ddof=1) / math.sqrt(3))
    assert (point["n_items"], point["n_unscored"]) == (3, 1)
    assert point["chance"] == 0.5
    assert point["constant_label"] == 1.0
    assert point["flops"] == 6.0 * 70_426_624 * 1000 * 2_097_152
    assert point["has_items"]
    assert point["suspect"] == "wrong shard"
    assert point["size"] == "70m"


def test_trends_keep_their_schema_through_pandas(store):
    store.commit(*simple_unit(non_embedding_parameters=None))
    store.commit(*simple_unit(2000))
    assert conform(store.trends(), TRENDS).schema.equals(TRENDS)


def test_a_proportion_of_one_has_a_standard_error(store):
    store.commit(*unit({cell_key(): ("classification", choice_scores([[-1.0, -2.0]] * 100))}))
    q = 102 / 104
    assert row(store, "accuracy")["value"] == 1.0
    assert row(store, "accuracy")["stderr"] == pytest.approx(math.sqrt(q * (1 - q) / 104))
    assert row(store, "classification_loss")["stderr"] == 0.0


def test_a_proportion_in_the_middle_keeps_the_sample_standard_error(store):
    scores = choice_scores([[-1.0, -2.0]] * 60 + [[-2.0, -1.0]] * 40)
    store.commit(*unit({cell_key(): ("classification", scores)}))
    sample = np.std([1.0] * 60 + [0.0] * 40, ddof=1) / 10
    assert row(store, "accuracy")["stderr"] == pytest.approx(sample)


def test_the_constant_label_is_the_commonest_among_scored_items(store):
    scores = choice_scores([[-1.0, -2.0]] * 3 + [[math.nan, -1.0]] * 2, golds=[1, 1, 0, 0, 0])
    store.commit(*unit({cell_key(): ("classification", scores)}))
    assert row(store, "accuracy")["constant_label"] == pytest.approx(2 / 3)
    assert math.isnan(row(store, "classification_loss")["constant_label"])


def test_chance_is_the_mean_over_scored_items(store):
    scores = choice_scores([[-1.0] * 2, [-1.0] * 4, [math.nan] * 8])
    store.commit(*unit({cell_key(): ("classification", scores)}))
    assert row(store, "accuracy")["chance"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert row(store, "classification_loss")["chance"] == pytest.approx(math.log(8) / 2)


def test_only_metrics_of_the_task_kind_apply(store):
    cells = {
        cell_key("neqa"): ("classification", random_scores(0)),
        cell_key("prompt-injection"): ("sequence_prob", random_scores(1, k=1)),
        cell_key("own"): ("logodds", choice_scores([[-1.0, -2.0]], others=[[-1.0, -4.0]])),
    }
    store.commit(*unit(cells))
    frame = store.trends()
    assert set(frame.loc[frame["task"] == "prompt-injection", "metric"]) == {"sequence_loss"}
    assert set(frame.loc[frame["task"] == "own", "metric"]) == {"logodds"}
    assert "sequence_loss" not in set(frame.loc[frame["task"] == "neqa", "metric"])
    items = store.items()
    assert set(items.loc[items["task"] == "prompt-injection", "metric"]) == {"sequence_loss"}
    assert len(items[items["task"] == "own"]) == 1
    assert row(store, "logodds")["value"] == pytest.approx(1.0 - 3.0)
    assert math.isnan(row(store, "sequence_loss")["chance"])


def test_a_cell_without_a_scored_item_has_no_point_but_is_counted(store):
    store.commit(*unit({cell_key(): ("classification", choice_scores([[math.nan, -1.0]] * 3))}))
    assert store.trends().empty
    assert store.runs().loc[0, "n_unscored"] == 3


def test_a_null_inside_a_list_is_not_scored(store):
    store.commit(*unit({cell_key(): ("classification", choice_scores([[None, -1.0], [-1.0, -2]]))}))
    assert row(store, "accuracy")["n_unscored"] == 1
    assert store.runs().loc[0, "n_unscored"] == 1


def test_a_cell_in_two_units_counts_once(store):
    scores = random_scores(0)
    store.commit(*unit({cell_key("neqa"): ("classification", scores)}))
    both = {
        cell_key("neqa"): ("classification", scores),
        cell_key("redefine"): ("classification", random_scores(1)),
    }
    store.commit(*unit(both))
    assert len(store.manifests()) == 2
    assert store.trends(["accuracy"])["n_items"].tolist() == [8, 8]
    assert len(store.items(metric="accuracy")) == 16
    assert store.selection().superseded == ()


def test_an_uncommitted_table_is_not_read(store):
    manifest = store.commit(*simple_unit())
    (store.path / "units" / f"{manifest.unit_id}.json").unlink()
    assert store.trends().empty
    assert [path.suffix for path in store.listing().leftovers] == [".parquet"]


def test_an_unknown_metric_names_the_nearest(store):
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        store.trends(["acuracy"])
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        store.items(metric="acuracy")


# --- items, runs, what lies beside ---


def test_items_are_long_and_hold_what_flips_need(store):
    store.commit(*simple_unit(1000))
    store.commit(*simple_unit(2000, seed=1))
    frame = store.items(task="memo-trap", metric="classification_loss")
    assert len(frame) == 16
    assert {"task", "metric", "model", "size", "arm", "step", "tokens", "item", "score"} <= set(
        frame.columns
    )
    means = frame.groupby("step")["score"].mean()
    trend = store.trends(["classification_loss"]).set_index("step")["value"]
    pd.testing.assert_series_equal(means, trend, check_names=False)


def test_items_are_filtered_by_each_name(store):
    store.commit(*simple_unit(1000, task="neqa"))
    store.commit(*simple_unit(1000, task="redefine"))
    assert set(store.items(task="neqa")["task"]) == {"neqa"}
    assert store.items(model="pythia-1b").empty
    assert store.items(arm="sft").empty
    assert store.items(shots=5).empty


def test_an_item_that_was_not_scored_has_a_nan_score(store):
    store.commit(*unit({cell_key(): ("classification", choice_scores([[math.nan, -1.0]]))}))
    assert store.items(metric="accuracy")["score"].isna().tolist() == [True]


def test_runs_has_one_row_per_unit(store):
    store.commit(*simple_unit(1000))
    store.commit(*simple_unit(2000))
    runs = store.runs()
    assert sorted(runs["step"]) == [1000, 2000]
    assert runs.loc[0, "tasks"] == ["memo-trap"]
    assert runs.loc[0, "versions"] == "torch 2.13"


def test_sweeps_are_kept_once(store):
    assert store.add_sweep("suite: pythia\n") == store.add_sweep("suite: pythia\n")
    assert store.sweeps() == ("suite: pythia\n",)


def test_item_texts_are_byte_exact(store):
    items = [Item("0", "Round 4.1\r\nto ", (" 4 ", " "), 1), Item("1", "é", (" a",), 0, 2, "other")]
    store.commit(*simple_unit())
    key = cell_key()
    store.save_items(key.task, key.task_sha256, items)
    texts = store.item_texts("memo-trap")
    assert texts["context"].tolist() == ["Round 4.1\r\nto ", "é"]
    assert [tuple(choices) for choices in texts["choices"]] == [(" 4 ", " "), (" a",)]
    assert texts["gold"].tolist() == [1, 0]


def test_texts_of_a_task_without_scores_name_the_nearest(store):
    store.commit(*simple_unit())
    assert store.item_texts("memo-trap").empty
    with pytest.raises(UnknownNameError, match="did you mean 'memo-trap'"):
        store.item_texts("memotrap")


def test_flips_and_regression_are_replaced(store):
    flips = FLIPS.empty_table().to_pandas()
    store.write_flips(flips)
    assert store.flips().columns.tolist() == FLIPS.names
    with pytest.raises(TableError, match="columns missing"):
        store.write_flips(flips.drop(columns="verdict"))
    store.write_description("regression", pd.DataFrame({"t": [1.0]}))
    store.write_description("regression", pd.DataFrame({"t": [2.0]}))
    assert store.regression()["t"].tolist() == [2.0]


def test_ctrl_c_within_a_query_stays_ctrl_c(store, monkeypatch):
    store.commit(*simple_unit())

    def interrupted(self, *_args, **_kwargs):
        raise duckdb.InvalidInputException("counting the rows failed: KeyboardInterrupt: ")

    monkeypatch.setattr(duckdb.DuckDBPyConnection, "sql", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.trends()


def test_the_last_trusted_checkpoint_is_chosen_task_by_task(store):
    store.commit(*simple_unit(1000))
    store.commit(*simple_unit(2000))
    store.commit(*simple_unit(3000, suspect="wrong shard"))
    store.commit(*simple_unit(1000, task="neqa"))
    last = store.items(metric="accuracy", last=True)
    steps = last.groupby("task")["step"].unique().map(list).to_dict()
    assert steps == {"memo-trap": [2000], "neqa": [1000]}
