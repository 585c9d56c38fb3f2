"""A store as a data set repository, read as a user of the Hub reads it."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from ckpt_analyzer.store.export_hub import export_hub
from ckpt_analyzer.store.store import open_store
from required import required
from store_factory import cell_key, random_scores, unit


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "my-store", create=True)
    opened.add_sweep("name: my-sweep\n")
    for step in (1000, 2000):
        opened.commit(*unit({cell_key(step=step): ("classification", random_scores(step))}, step))
    return opened


def test_the_card_names_every_file_and_nothing_of_this_machine(store, tmp_path):
    written = list(export_hub(store, tmp_path / "hub"))
    card = (tmp_path / "hub" / "README.md").read_text()
    header = yaml.safe_load(card.split("---")[1])
    files = {each["config_name"]: each["data_files"] for each in header["configs"]}
    assert files == {
        "trends": "data/trends.parquet",
        "item_scores": "data/item_scores.parquet",
    }  # no flips before a fit
    assert all((tmp_path / "hub" / name).is_file() for name in files.values())
    assert str(tmp_path) not in card
    assert "name: my-sweep" in card
    assert "`pythia-70m`" in card
    assert "Scores of 1 task at saved states of 1 model, made" in card
    assert "Marked as suspect: 0 checkpoints" in card
    assert written[-1].path.name == "README.md"


def test_item_scores_are_those_of_the_store(store, tmp_path):
    list(export_hub(store, tmp_path / "hub"))
    rows = pq.read_table(tmp_path / "hub" / "data" / "item_scores.parquet").to_pylist()
    ours = [row for each in store.manifests() for row in store.read_unit(each).to_pylist()]
    assert len(rows) == len(ours) == 16
    key = ("step", "item_id")
    for one, other in zip(
        *(sorted(x, key=lambda r: [r[k] for k in key]) for x in (rows, ours)), strict=True
    ):
        assert one == other


def test_datasets_reads_the_folder(store, tmp_path):
    datasets = required("datasets")
    list(export_hub(store, tmp_path / "hub"))
    cache = str(tmp_path / "cache")
    trends = datasets.load_dataset(str(tmp_path / "hub"), split="train", cache_dir=cache)
    ours = store.trends()
    assert trends.column_names == list(ours.columns)
    assert trends["value"][:] == pytest.approx(ours["value"].tolist())
    folder = str(tmp_path / "hub")
    items = datasets.load_dataset(folder, "item_scores", split="train", cache_dir=cache)
    found = pd.Series([max(row) for row in items["loglikelihood_nats"]])
    assert len(found) == 16
    assert (found < 0).all()
