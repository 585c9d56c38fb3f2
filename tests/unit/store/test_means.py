"""Means that were computed before are not computed again, and are never those of other scores."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from ckpt_analyzer.store import atomic, means
from ckpt_analyzer.store.store import open_store
from store_factory import cell_key, choice_scores, simple_unit, unit


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(means, "WORTH_KEEPING_ITEMS", 1)
    return open_store(tmp_path / "store", create=True)


@pytest.fixture
def computed(monkeypatch):
    """The number of cells that each reading computed from items."""
    real, seen = means.cell_means, []

    def counted(question):
        seen.append(len(question.cells))
        return real(question)

    monkeypatch.setattr(means, "cell_means", counted)
    return seen


def mixed(step):
    """A unit of two kinds of cells, and an item that is not scored."""
    nothing = choice_scores([[float("nan"), -1.0]])
    return unit(
        {
            cell_key("memo-trap", step): ("classification", choice_scores([[-1.0, -2.0]] * 3)),
            cell_key("neqa", step): ("classification", nothing),
            cell_key("one", step): ("sequence_prob", choice_scores([[-1.0], [-4.0]])),
        },
        step,
    )


def test_only_new_cells_are_computed_and_nothing_changes_by_that(store, computed, monkeypatch):
    store.commit(*mixed(1))
    first = store.trends()
    pd.testing.assert_frame_equal(store.trends(), first)
    store.commit(*mixed(2))
    both = store.trends()
    assert computed == [3, 3]
    monkeypatch.setattr(means, "WORTH_KEEPING_ITEMS", 10**9)
    for path in (store.path / "means").iterdir():
        path.unlink()
    pd.testing.assert_frame_equal(store.trends(), both)
    assert computed == [3, 3, 6]


def test_another_metric_computes_what_it_lacks(store, computed):
    store.commit(*mixed(1))
    assert len(store.trends(["accuracy"])) == 1
    assert len(store.trends(["accuracy", "classification_loss"])) == 2
    assert len(store.trends(["accuracy", "classification_loss"])) == 2
    assert computed == [3, 2]  # those known of nothing, then those of its kind


def test_a_unit_that_was_scored_again_gives_its_new_means(store):
    old = store.commit(*simple_unit(seed=1))
    before = store.trends(["classification_loss"])["value"].tolist()
    (store.path / "units" / old.parquet).unlink()
    store.commit(*simple_unit(seed=2))
    after = store.trends(["classification_loss"])["value"].tolist()
    assert after != before
    other = open_store(store.path.with_name("other"), create=True)
    other.commit(*simple_unit(seed=2))
    assert after == other.trends(["classification_loss"])["value"].tolist()


def test_a_damaged_file_of_means_is_made_anew(store, computed):
    store.commit(*simple_unit())
    wanted = store.trends(["accuracy"])
    (path,) = (store.path / "means").glob("accuracy-*")
    content = bytearray(path.read_bytes())
    for at in (0, len(content) // 8, len(content) // 2, len(content) - 30, len(content) - 1):
        content[at] ^= 1
        path.write_bytes(bytes(content))
        pd.testing.assert_frame_equal(store.trends(["accuracy"]), wanted)
        content[at] ^= 1
    assert len(computed) > 1


def test_a_store_that_cannot_be_written_is_read(store, monkeypatch):
    store.commit(*simple_unit())

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "_write_flushed", full)
    assert len(store.trends(["accuracy"])) == 1
    assert list((store.path / "means").iterdir()) == []


def test_means_of_a_small_store_are_not_kept(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.commit(*simple_unit())
    store.trends()
    assert not (store.path / "means").exists()


@pytest.fixture
def large(monkeypatch):
    """Every unit is a large one."""
    monkeypatch.setattr(means, "LARGE_UNIT_ITEMS", 1)


def test_means_of_a_large_unit_are_known_from_its_writing_on(store, computed, large, monkeypatch):
    for step in (1, 2, 3):
        store.commit(*mixed(step))
    assert computed == [3, 3, 3]
    monkeypatch.setattr(means, "WORTH_KEEPING_ITEMS", 10**9)
    found = store.trends()
    assert computed == [3, 3, 3]
    shutil.rmtree(store.path / "means")
    pd.testing.assert_frame_equal(store.trends(), found)
    assert computed == [3, 3, 3, 9]


def test_means_of_units_are_put_together_and_only_then_removed(store, computed, large):
    store.commit(*mixed(1))
    store.commit(*mixed(2))
    of_units = store.path / "means" / "units"
    assert len(store.trends(["accuracy"])) == 2
    assert len(list(of_units.iterdir())) == 2  # the other metrics lie nowhere else
    everything = store.trends()
    assert not list(of_units.iterdir())
    pd.testing.assert_frame_equal(store.trends(), everything)
    store.commit(*mixed(3))
    assert len(store.trends()) == len(everything) / 2 * 3
    assert computed == [3, 3, 3]


def test_damaged_means_of_a_unit_are_computed_anew(store, computed, large):
    store.commit(*mixed(1))
    expected = open_store(store.path).trends()
    shutil.rmtree(store.path / "means")
    store.commit(*mixed(1))  # as it was, and its means are kept again
    (place,) = (store.path / "means" / "units").iterdir()
    content = place.read_bytes()
    place.write_bytes(content[: len(content) // 2])
    pd.testing.assert_frame_equal(store.trends(), expected)
    assert computed == [3, 3, 3]


def test_a_unit_is_stored_though_its_means_cannot_be(store, large):
    (store.path / "means").write_text("in the way")
    store.commit(*mixed(1))
    assert len(store.trends()) > 0


def test_small_units_keep_no_means_when_they_are_written(store):
    store.commit(*mixed(1))
    assert not (store.path / "means").exists()
