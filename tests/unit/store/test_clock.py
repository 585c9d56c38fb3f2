"""A clock that jumps puts no new result behind an old one."""

from __future__ import annotations

import datetime

import pytest

from ckpt_analyzer.store import clock
from ckpt_analyzer.store.clock import Clock, now_utc
from ckpt_analyzer.store.store import open_store
from store_factory import cell_key, choice_scores, unit

YEAR = datetime.timedelta(days=365)


@pytest.fixture
def set_clock(monkeypatch):
    """Put the clock of the machine off by so much."""

    class Shifted(datetime.datetime):
        by = datetime.timedelta()

        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.now(tz) + cls.by

    class Module:
        UTC = datetime.UTC
        timedelta = datetime.timedelta
        datetime = Shifted

    monkeypatch.setattr(clock, "datetime", Module)

    def shift(by):
        Shifted.by = by

    return shift


def commit(path, step=1000, *, data="rows", answer=-1.0):
    """What a process of its own commits: it opens the store anew."""
    key = cell_key(step=step, task_sha256=data, scorer_version=str(answer))
    scores = choice_scores([[answer, -2.0]])
    return open_store(path, create=True).commit(*unit({key: ("classification", scores)}, step))


@pytest.mark.parametrize("jump", [-YEAR, YEAR, -datetime.timedelta(seconds=1)])
def test_what_was_written_last_counts_whatever_the_clock_says(tmp_path, set_clock, jump):
    path = tmp_path / "store"
    commit(path, data="old data", answer=-1.0)
    set_clock(jump)
    commit(path, data="new data", answer=-3.0)
    set_clock(datetime.timedelta())
    commit(path, data="new data", answer=-5.0)
    chosen = open_store(path).selection().chosen
    assert [each.cell.key.task_sha256 for each in chosen] == ["new data"]
    assert [each.cell.key.scorer_version for each in chosen] == ["-5.0"]


def test_units_of_one_process_are_in_the_order_of_their_writing(tmp_path, set_clock):
    store = open_store(tmp_path / "store", create=True)
    made = []
    for step in range(5):
        set_clock(-step * YEAR)
        key = cell_key(step=step)
        cells = {key: ("classification", choice_scores([[-1.0, -2.0]]))}
        made.append(store.commit(*unit(cells, step)).created)
    assert made == sorted(set(made))


def test_of_two_imports_the_one_made_last_counts_after_a_jump(tmp_path, set_clock):
    store = open_store(tmp_path / "store", create=True)
    other = tmp_path / "other"
    commit(other)
    means = open_store(other).trends(["accuracy"]).assign(has_items=False)
    store.add_import(means.assign(value=0.25), "old")
    set_clock(-YEAR)
    store.add_import(means.assign(value=0.75), "new")
    assert store.trends()["value"].tolist() == [0.75]


def test_times_are_those_of_the_clock_while_it_runs_forward():
    ticking, begun = Clock(), now_utc()
    first, second = ticking.after(lambda: ""), ticking.after(lambda: "")
    assert begun <= first < second
