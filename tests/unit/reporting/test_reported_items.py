"""The items of a page, out of a store."""

from __future__ import annotations

import numpy as np
import pytest

from ckpt_analyzer.reporting.items import N_READ, read_items
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.task import Item
from store_factory import TASK_SHA256, cell_key, choice_scores, unit

RIGHT, WRONG, LOST = [-1.0, -2.0], [-2.0, -1.0], [float("nan"), -1.0]


def _items(n, task="memo-trap"):
    return [Item(str(i), f"{task} {i}\r\n", (" a", " b"), 0) for i in range(n)]


def _commit(store, step, answers, kind="classification", facts=None, **key):
    cells = {cell_key(step=step, **key): (kind, choice_scores(answers))}
    store.commit(*unit(cells, step, **(facts or {})))


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.save_items("memo-trap", TASK_SHA256, _items(3))
    return store


def test_items_come_with_texts_values_and_answers_in_the_order_of_training(store):
    _commit(store, 2000, [WRONG, RIGHT, LOST])
    _commit(store, 1000, [RIGHT, RIGHT, WRONG])
    (task,) = read_items(store, ["memo-trap"])
    assert list(task.items["context"]) == [f"memo-trap {i}\r\n" for i in range(3)]
    (series,) = task.series
    assert series.steps == (1000, 2000)
    p = 1 / (1 + np.exp(-1))
    expected = [[p, p, 1 - p], [1 - p, p, np.nan]]
    np.testing.assert_allclose(series.value_SI, expected, rtol=1e-6)
    np.testing.assert_array_equal(series.right_SI, [[1, 1, 0], [0, 1, np.nan]])


def test_a_sequence_task_is_followed_in_ln_p(store):
    _commit(store, 1000, [[-3.0], [-1.0], [-2.0]], kind="sequence_prob")
    (task,) = read_items(store, ["memo-trap"])
    assert task.unit == "ln p"
    assert task.series[0].right_SI is None
    np.testing.assert_allclose(task.series[0].value_SI, [[-3, -1, -2]])


def test_suspect_checkpoints_and_more_shots_stay_out(store):
    _commit(store, 1000, [RIGHT] * 3)
    _commit(store, 2000, [WRONG] * 3, facts={"suspect": "wrong weights"})
    _commit(store, 3000, [WRONG] * 3, shots=5)
    (task,) = read_items(store, ["memo-trap"])
    assert task.series[0].steps == (1000,)
    assert task.shots == 0


def test_only_so_many_checkpoints_are_read(store):
    for step in range(1, N_READ + 9):
        _commit(store, step, [RIGHT] * 3)
    (task,) = read_items(store, ["memo-trap"])
    assert len(task.series[0].steps) == N_READ
    assert task.series[0].steps[-1] == N_READ + 8


def test_items_that_no_cell_scored_are_not_listed(store):
    _commit(store, 1000, [RIGHT, WRONG])
    (task,) = read_items(store, ["memo-trap"])
    assert list(task.items["item_id"]) == ["0", "1"]


def test_tasks_without_texts_or_of_another_kind_are_left_out(tmp_path):
    store = open_store(tmp_path / "bare", create=True)
    _commit(store, 1000, [RIGHT] * 3)
    assert read_items(store, ["memo-trap"]) == []
