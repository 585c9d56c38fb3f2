import json

import pandas as pd
import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.export import export_tables
from ckpt_analyzer.store.store import open_store
from store_factory import cell_key, random_scores, unit

NAMES = ["trends", "flips", "regression", "movement", "surface", "runs", "items"]


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "store", create=True)
    for step in (1000, 2000):
        cells = {
            cell_key(task, step): ("classification", random_scores(step))
            for task in ("memo-trap", "neqa")
        }
        opened.commit(*unit(cells, step))
    return opened


@pytest.mark.parametrize(
    ("file_format", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)]
)
def test_every_table_is_a_file_and_items_hold_all_metrics(store, tmp_path, file_format, read):
    written = list(export_tables(store, tmp_path / "out", file_format))
    assert [each.path.name for each in written] == [f"{name}.{file_format}" for name in NAMES]
    items = read(tmp_path / "out" / f"items.{file_format}")
    assert len(items) == written[-1].n_rows == len(store.items())
    assert set(items["metric"]) == set(store.items()["metric"])
    keys = ["task", "metric", "step", "item"]
    ours = store.items().sort_values(keys)["score"].to_list()
    assert items.sort_values(keys)["score"].to_list() == pytest.approx(ours, nan_ok=True)


def test_a_list_is_json_in_a_csv(store, tmp_path):
    list(export_tables(store, tmp_path / "out", "csv"))
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert json.loads(runs["tasks"][0]) == ["memo-trap", "neqa"]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_an_empty_store_gives_tables_without_rows(tmp_path, file_format):
    empty = open_store(tmp_path / "store", create=True)
    assert [w.n_rows for w in export_tables(empty, tmp_path / "out", file_format)] == [0] * 7


def test_a_file_in_the_place_of_the_folder_is_a_clear_error(store, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        list(export_tables(store, tmp_path / "out", "csv"))
