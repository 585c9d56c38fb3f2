from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ckpt_analyzer.importers.table import read_table
from ckpt_analyzer.store.export import export_tables
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.tables import SERIES
from store_factory import cell_key, random_scores, unit

PLAIN = {"model": "pythia-70m", "task": "mine", "metric": "f1", "step": 1000, "value": 0.25}
OWN = {**PLAIN, "model": "my-run", "parameters": 1000, "tokens": 5000}


def write(path, *rows):
    frame = pd.DataFrame(rows)
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_row_of_a_declared_model_needs_five_columns(tmp_path, ending):
    trends = read_table([write(tmp_path / f"a.{ending}", PLAIN)]).trends
    (row,) = trends.to_dict("records")
    assert row["tokens"] == 1000 * 2_097_152
    assert row["parameters"] == 70_426_624
    assert (row["value"], row["shots"], row["prompt_format"]) == (0.25, 0, "raw")


def test_a_row_of_another_model_says_its_size_and_tokens(tmp_path):
    (row,) = read_table([write(tmp_path / "a.csv", OWN)]).trends.to_dict("records")
    assert (row["suite"], row["model"], row["arm"]) == ("my-run", "my-run", "base")
    assert (row["tokens"], row["flops"]) == (5000, 6.0 * 1000 * 5000)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (
            "model;task;metric;step;value",
            ["'model;task;metric;step;value'", "no column model, task"],
        ),
        ("Model,Task,Metric,Step,Value", ["'Model'", "'Value'", "no column model, task"]),
        ("model, task, metric, step, value", ["' task'", "no column task, metric, step, value"]),
        ("model,task,metric,step,item", ["no column score"]),
    ],
)
def test_a_header_of_other_names_is_told_with_the_columns_found(tmp_path, header, names):
    between = ";" if ";" in header else ","
    cells = ["pythia-70m", "mine", "f1", "1000", "0.25"]
    (tmp_path / "bad.csv").write_text(f"{header}\n{between.join(cells)}\n")
    write(tmp_path / "good.csv", {**PLAIN, "step": 2000})
    (reason,) = read_table([tmp_path]).failures.values()
    assert all(name in reason for name in names), reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({k: v for k, v in PLAIN.items() if k != "task"}, "'task' is missing"),
        ({k: v for k, v in OWN.items() if k != "tokens"}, "give parameters and tokens"),
        ({**PLAIN, "value": "high"}, "value is 'high'"),
        ({**PLAIN, "value": float("nan")}, "not a finite number"),
        ({**PLAIN, "step": 1001}, "1001"),
        ({**PLAIN, "step": 10.5}, "whole number"),
        ({**PLAIN, "tokens": 7}, "tokens is 7"),
        ({**PLAIN, "shots": -1}, "whole number"),
        ({**PLAIN, "stderr": -0.1}, "negative"),
        ({**OWN, "arm": "chat"}, "arm is 'chat'"),
    ],
)
def test_a_wrong_row_leaves_its_file_out_and_is_named(tmp_path, row, reason):
    write(tmp_path / "bad.csv", {**OWN, "step": 1}, row)
    write(tmp_path / "good.csv", {**PLAIN, "step": 2000})
    imported = read_table([tmp_path])
    (failure,) = imported.failures.items()
    assert failure[0].endswith("bad.csv")
    assert failure[1].startswith("row 2: ")
    assert reason in failure[1]
    assert list(imported.trends["step"]) == [2000]


def test_rows_with_items_become_scores_of_items(tmp_path):
    rows = [
        {**OWN, "value": None, "item": str(item), "score": score}
        for item, score in enumerate([1.0, 0.0, None])
    ]
    store = open_store(tmp_path / "store", create=True)
    for each in read_table([write(tmp_path / "items.csv", *rows)]).units:
        store.commit(each.draft, each.table)
    (trend,) = store.trends().to_dict("records")
    assert (trend["metric"], trend["value"], trend["n_items"]) == ("f1", 0.5, 2)
    assert trend["n_unscored"] == 1
    assert trend["has_items"]
    scores = store.items(metric="f1").set_index("item")["score"].dropna()
    assert scores.to_dict() == {"0": 1.0, "1": 0.0}


def test_a_name_of_digits_stays_the_name_that_it_is(tmp_path):
    text = "model,task,metric,step,item,score\npythia-70m,1e400,f1,1000,007,0.5\n"
    (tmp_path / "a.csv").write_text(text)
    (unit_,) = read_table([tmp_path]).units
    (row,) = unit_.table.to_pylist()
    assert (row["task"], row["item_id"]) == ("1e400", "007")


def test_an_item_with_two_values_of_a_metric_is_refused(tmp_path):
    row = {**OWN, "item": "a", "score": 1.0}
    write(tmp_path / "bad.csv", row, row)
    write(tmp_path / "good.csv", OWN)
    (failure,) = read_table([tmp_path]).failures.values()
    assert "item a has two values of f1" in failure


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_what_export_writes_is_read_back_to_the_same_numbers(tmp_path, file_format):
    store = open_store(tmp_path / "store", create=True)
    for step in (1000, 2000):
        cells = {cell_key("memo-trap", step): ("classification", random_scores(step))}
        store.commit(*unit(cells, step))
    list(export_tables(store, tmp_path / "out", file_format))
    keys = [*SERIES, "step"]
    for name in ("trends", "items"):
        imported = read_table([tmp_path / "out" / f"{name}.{file_format}"])
        assert imported.failures == {}
        again = open_store(tmp_path / f"again-{name}", create=True)
        if len(imported.trends):
            again.add_import(imported.trends, "export")
        for each in imported.units:
            again.commit(each.draft, each.table)
        columns = [*keys, "value", "n_items", "n_unscored", "tokens", "parameters"]
        ours, theirs = (each.trends()[columns].sort_values(keys) for each in (store, again))
        pd.testing.assert_frame_equal(
            ours.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False
        )


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_no_pool_of_threads_is_left_that_could_abort_the_process_at_its_end(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}", PLAIN)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ckpt_analyzer.importers._result_files import read_documents\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "(document,) = read_documents([Path(sys.argv[1])], ('.csv', '.parquet'))\n"
        "assert len(document.content) == 1\n"
        "print(len(os.listdir('/proc/self/task')) - before)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        cwd=root,
        check=True,
    )
    assert int(done.stdout) <= 1  # what reads ahead of a CSV is through when its rows are there
