"""Imported items in a store: trends, flips and pages use them beside scores of our own."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from ckpt_analyzer.analysis.fitting import fit
from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.importers._items import ItemRow, Source, make_unit
from ckpt_analyzer.reporting.report import report
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.suites import load
from ckpt_analyzer.task import Item
from store_factory import TASK_SHA256, cell_key, choice_scores, unit

STEPS = (1000, 2000, 4000, 8000, 16000)


def imported_unit(step, task="truths"):
    suite = load("pythia")
    checkpoint = suite.checkpoint(suite.model("pythia-70m"), step)
    source = Source(checkpoint, task, "harness", 0, "float32", "lm-eval", "c0ffee", f"{step}.json")
    values = [((i * step) % 7) / 7 for i in range(12)]
    rows = [ItemRow(str(i), values={"mc2": value}) for i, value in enumerate(values)]
    items = [Item(str(i), f"imported {i}", (" a", " b"), 0) for i in range(12)]
    return make_unit(source, rows, items)


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "s", create=True)
    for step in STEPS:
        each = imported_unit(step)
        opened.save_items("truths", "c0ffee", each.items)
        opened.commit(each.draft, each.table)
    return opened


def test_a_metric_that_no_file_declares_has_trends_items_and_flips(store):
    trends = store.trends(["mc2"])
    assert trends["step"].tolist() == list(STEPS)
    assert trends["has_items"].all()
    expected = [sum(((i * step) % 7) / 7 for i in range(12)) / 12 for step in STEPS]
    assert trends["value"].tolist() == pytest.approx(expected)
    assert len(store.items(metric="mc2")) == 12 * len(STEPS)
    with pytest.raises(UnknownNameError, match="mc3"):
        store.items(metric="mc3")
    assert set(fit(store).flips["metric"]) == {"mc2"}


def test_a_page_is_made_of_it(store, tmp_path):
    fit(store)
    path = tmp_path / "page.html"
    report(store, path)
    assert "mc2" in path.read_text(encoding="utf-8")


def test_scores_of_our_own_under_the_same_name_stay_beside_them(store):
    store.save_items("truths", TASK_SHA256, [Item("0", "ours", (" a", " b"), 0)])
    for step in STEPS[:2]:
        key = cell_key("truths", step, prompt_format="raw")
        store.commit(*unit({key: ("classification", choice_scores([[-1.0, -2.0]]))}, step))
    trends = store.trends()
    assert set(trends["prompt_format"]) == {"raw", "lm-eval"}
    assert len(trends[trends["metric"] == "mc2"]) == len(STEPS)
    assert len(trends[trends["metric"] == "accuracy"]) == 2
    assert store.item_texts("truths")["context"].tolist() == ["ours"]


def test_units_of_before_there_were_values_are_read_with_those_that_have_them(store):
    # As an older version wrote it: without the column.
    (old, table) = unit({cell_key("truths", 500): ("harness", choice_scores([[-1.0]]))}, 500)
    assert "task_values" in table.column_names
    written = store.commit(old, table)
    path = store.path / "units" / written.parquet
    without = pq.read_table(path).drop_columns(["task_values"])
    pq.write_table(without, path)
    assert len(store.items(task="truths", metric="mc2")) == 12 * len(STEPS)


def test_importing_twice_keeps_one(store):
    before = store.content_id()
    for step in STEPS:
        each = imported_unit(step)
        store.commit(each.draft, each.table)
    assert store.content_id() == before
