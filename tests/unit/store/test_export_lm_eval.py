"""What is written as the harness's files is read back to the same numbers."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ckpt_analyzer.importers.lm_eval import read_lm_eval
from ckpt_analyzer.store.export_lm_eval import export_lm_eval
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.task import Item
from store_factory import TASK_SHA256, cell_key, choice_scores, random_scores, unit

KEYS = ["model", "task", "shots", "metric", "step"]


def items(n, choices=(" a", " b"), context="Q"):
    return [Item(str(i), f"{context}{i}:", choices, 0) for i in range(n)]


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "store", create=True)
    opened.save_items("memo-trap", TASK_SHA256, items(8))
    opened.save_items("prompt-injection", TASK_SHA256, items(8, (" Ignore",)))
    for step in (1000, 2000):
        cells = {
            cell_key("memo-trap", step): ("classification", random_scores(step)),
            cell_key("memo-trap", step, shots=2, shot_seed=0): (
                "classification",
                random_scores(step + 1),
            ),
            cell_key("prompt-injection", step): ("sequence_prob", random_scores(step + 2, k=1)),
        }
        opened.commit(*unit(cells, step))
    return opened


def read_back(store, tmp_path):
    list(export_lm_eval(store, tmp_path / "out"))
    imported = read_lm_eval([tmp_path / "out"])
    assert imported.failures == {}
    again = open_store(tmp_path / "again", create=True)
    again.add_import(imported.trends, "export")
    for each in imported.units:
        again.commit(each.draft, each.table)
    return again


def test_trends_come_back(store, tmp_path):
    again = read_back(store, tmp_path)
    columns = [*KEYS, "value", "n_items", "n_unscored", "tokens", "flops"]
    ours, theirs = (
        each.trends()[columns].sort_values(KEYS, ignore_index=True) for each in (store, again)
    )
    # Tokens are not part of the harness's files, so what is per token stays as it was published.
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-12)


def test_items_come_back(store, tmp_path):
    again = read_back(store, tmp_path)
    for old in store.manifests():
        rows = {}
        for unit_ in again.manifests():
            if unit_.step == old.step:
                for row in again.read_unit(unit_).to_pylist():
                    rows[row["task"], row["shots"], row["item_id"]] = row
        for row in store.read_unit(old).to_pylist():
            found = rows.pop((row["task"], row["shots"], row["item_id"]))
            for name in ("loglikelihood_nats", "is_greedy", "gold", "tokens", "revision"):
                assert found[name] == row[name]
        assert rows == {}


def test_the_files_are_laid_out_as_the_harness_does(store, tmp_path):
    written = list(export_lm_eval(store, tmp_path / "out"))
    names = sorted(each.path.relative_to(tmp_path / "out").as_posix() for each in written)
    assert {name.partition("/")[0] for name in names} == {"EleutherAI__pythia-70m"}
    # Per step: two settings, of which one has two tasks.
    assert sum("/results_" in name for name in names) == 4
    assert sum("/samples_" in name for name in names) == 6
    results = next(each.path for each in written if "2-shot" in each.path.name)
    content = json.loads(results.read_text())
    assert content["n-shot"] == {"memo-trap": 2}
    assert content["config"]["model_args"]["pretrained"] == "EleutherAI/pythia-70m"
    assert set(content["results"]["memo-trap"]) >= {"acc,none", "acc_stderr,none", "acc_norm,none"}
    assert content["higher_is_better"]["memo-trap"]["classification_loss"] is False


def test_an_item_that_was_not_scored_stays_so(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.save_items("memo-trap", TASK_SHA256, items(3))
    scores = choice_scores([[-1.0, -2.0], [float("nan"), -1.0], [-3.0, -1.0]])
    store.commit(*unit({cell_key(): ("classification", scores)}))
    again = read_back(store, tmp_path)
    trend = again.trends(["accuracy"]).iloc[0]
    assert (trend["value"], trend["n_items"], trend["n_unscored"]) == (0.5, 2, 1)


def test_items_with_two_prompts_have_results_and_no_samples(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    scores = choice_scores([[-1.0, -2.0]], others=[[-2.0, -1.0]])
    store.commit(*unit({cell_key("resisting"): ("logodds", scores)}))
    names = [each.path.name for each in export_lm_eval(store, tmp_path / "out")]
    assert [name.partition("_")[0] for name in names] == ["results"]
