"""Importing and exporting from Python."""

import pandas as pd
import pytest

import ckpt_analyzer
from ckpt_analyzer.errors import UnknownNameError
from store_factory import simple_unit

ROW = "model,task,metric,step,value\npythia-70m,mine,f1,{},0.5\n"


@pytest.fixture
def store(tmp_path):
    return ckpt_analyzer.open_store(tmp_path / "store", create=True)


def test_what_is_wrong_is_a_row_and_the_rest_is_taken_in(store, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "good.csv").write_text(ROW.format(1000))
    (folder / "wrong.csv").write_text(ROW.format(1001))
    found = ckpt_analyzer.import_results(store, "table", folder)
    assert (found.n_files, found.n_values, found.n_items) == (1, 1, 0)
    assert (found.models, found.tasks) == (("pythia-70m",), ("mine",))
    assert found.failures["file"].str.contains("wrong.csv").tolist() == [True]
    assert store.trends()["value"].tolist() == [0.5]


def test_tables_that_go_out_come_back_to_the_same_numbers(store, tmp_path):
    store.commit(*simple_unit())
    written = ckpt_analyzer.export(store, tmp_path / "tables", "parquet")
    items = next(path for path in written["path"] if path.name == "items.parquet")
    assert written.loc[written["path"] == items, "rows"].tolist() == [len(pd.read_parquet(items))]
    again = ckpt_analyzer.open_store(tmp_path / "again", create=True)
    found = ckpt_analyzer.import_results(again, "table", [items])
    assert found.failures.empty
    assert found.n_items > 0
    ours, theirs = (each.trends(["accuracy"])["value"].tolist() for each in (store, again))
    assert theirs == ours


def test_an_unknown_format_names_the_nearest(store, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'parquet'"):
        ckpt_analyzer.export(store, tmp_path, "parket")
    with pytest.raises(UnknownNameError, match="did you mean 'lm-eval'"):
        ckpt_analyzer.import_results(store, "lm-evals", tmp_path)
