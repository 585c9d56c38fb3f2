"""Many writers, full disks, compaction under readers: every unit once, nothing lost."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal

import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store import atomic
from ckpt_analyzer.store.garbage import remove
from ckpt_analyzer.store.store import open_store
from store_factory import cell_key, choice_scores, random_scores, simple_unit, unit

N_WRITERS, N_UNITS, N_ROUNDS = 16, 12, 12
#: Children of a process without threads, which has imported what they need.
APART = multiprocessing.get_context("forkserver")
APART.set_forkserver_preload(["store_factory", "ckpt_analyzer.store.store"])


def write_all(path, number, barrier):
    """One of the writers: all start at once, on the same units, each in an order of its own."""
    barrier.wait()
    store = open_store(path, create=True)
    for i in range(N_UNITS):
        step = (i + number) % N_UNITS
        store.commit(*simple_unit(step, seed=step, seconds_score=float(number)))


def test_sixteen_writers_at_once_leave_every_unit_once(tmp_path):
    path = tmp_path / "store"
    barrier = APART.Barrier(N_WRITERS)
    writers = [APART.Process(target=write_all, args=(path, i, barrier)) for i in range(N_WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * N_WRITERS
    store = open_store(path)
    assert sorted(each.step for each in store.manifests()) == list(range(N_UNITS))
    found = store.check()
    assert (found.wrong, found.leftovers, found.foreign) == ((), (), ())
    assert found.n_tables == N_UNITS
    for each in store.manifests():
        assert store.read_unit(each).equals(simple_unit(each.step, seed=each.step)[1])


def sweep_of(path, tasks, barrier):
    """A sweep of these tasks over the same checkpoints as another sweep."""
    barrier.wait()
    store = open_store(path, create=True)
    for step in range(1, 9):
        cells = {cell_key(task, step): ("classification", random_scores(step)) for task in tasks}
        store.commit(*unit(cells, step))


def test_two_sweeps_that_share_cells_count_each_once(tmp_path):
    path, barrier = tmp_path / "store", APART.Barrier(2)
    named = [("memo-trap", "neqa"), ("neqa", "redefine")]
    sweeps = [APART.Process(target=sweep_of, args=(path, tasks, barrier)) for tasks in named]
    for sweep in sweeps:
        sweep.start()
    for sweep in sweeps:
        sweep.join()
    store = open_store(path)
    assert len(store.done_cells()) == 24
    counts = store.items(metric="accuracy").groupby(["task", "step"]).size()
    assert counts.tolist() == [8] * 24


# ---- a disk that is full ----

#: Every place where a commit asks the disk for room, with its occurrence: two files, each twice.
ASKS = [("_write_flushed", n) for n in (1, 2)] + [("_flush_folder", n) for n in (1, 2)]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS])
@pytest.mark.parametrize(("ask", "occurrence"), ASKS)
def test_a_disk_that_fails_anywhere_gives_a_clear_error(
    tmp_path, monkeypatch, ask, occurrence, code
):
    store = open_store(tmp_path / "store", create=True)
    store.commit(*simple_unit(500))
    real, calls = getattr(atomic, ask), []

    def failing(path, *content):
        calls.append(path)
        if len(calls) == occurrence:
            if content:
                path.write_bytes(content[0][: len(content[0]) // 2])
            raise OSError(code, os.strerror(code))
        return real(path, *content)

    monkeypatch.setattr(atomic, ask, failing)
    with pytest.raises(StoreError) as caught:
        store.commit(*simple_unit(1000))
    assert caught.value.where
    assert caught.value.hint
    monkeypatch.undo()
    assert store.check().wrong == ()
    assert not list(store.path.rglob(f"{atomic.TEMPORARY_PREFIX}*"))
    store.commit(*simple_unit(1000))
    assert sorted(each.step for each in store.manifests()) == [500, 1000]


def commit_with_little_room(path, n_bytes):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
    try:
        open_store(path).commit(*simple_unit(1000))
    except StoreError as error:
        os._exit(3 if "is full" in str(error) else 4)
    os._exit(0)


@pytest.mark.parametrize(("n_bytes", "ends"), [(0, 3), (1, 3), (1000, 3), (4096, 3), (10**6, 0)])
def test_a_disk_without_room_for_a_file_leaves_no_part_of_it(tmp_path, n_bytes, ends):
    """The kernel itself refuses the write, after as many bytes as there is room for."""
    path = tmp_path / "store"
    open_store(path, create=True).commit(*simple_unit(500))
    writer = APART.Process(target=commit_with_little_room, args=(path, n_bytes))
    writer.start()
    writer.join()
    assert writer.exitcode == ends
    found = open_store(path).check()
    assert (found.n_units, found.wrong, found.leftovers) == (1 + (ends == 0), (), ())


# ---- compaction while others read and write ----


def compact_when_told(path, told):
    """Compact once, at any moment of it, for every round of the reader."""
    store = open_store(path)
    for step in range(1000, 1000 + N_ROUNDS):
        told.acquire()
        store.commit(*simple_unit(step, seed=step))
        store.compact()


def test_readers_see_every_unit_while_a_store_is_compacted(tmp_path):
    path = tmp_path / "store"
    store = open_store(path, create=True)
    for step in range(1, 7):
        store.commit(*simple_unit(step, seed=step))
    kept = store.manifests()
    wanted = {each.unit_id: store.read_unit(each) for each in kept}
    told = APART.Semaphore(0)
    compacting = APART.Process(target=compact_when_told, args=(path, told))
    compacting.start()
    try:
        seen = 0
        for _ in range(N_ROUNDS):
            told.release()
            steps = store.trends(["accuracy"])["step"].tolist()
            assert steps[:6] == [1, 2, 3, 4, 5, 6]
            assert len(steps) >= seen
            seen = len(steps)
            assert len(store.items(metric="accuracy")) >= 8 * seen
            for each in kept:  # as they were listed before
                assert store.read_unit(each).equals(wanted[each.unit_id])
    finally:
        for _ in range(N_ROUNDS):
            told.release()
        compacting.join()
    assert compacting.exitcode == 0
    assert store.check().wrong == ()


def test_what_a_killed_writer_left_goes_once_it_is_old(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.commit(*simple_unit(500))
    young = store.path / "units" / ".tmp-0-x.parquet"
    young.write_bytes(b"half")
    orphan = store.path / "units" / "orphan.parquet"
    orphan.write_bytes(b"whole")
    os.utime(orphan, (0, 0))
    assert [each.path for each in store.garbage(3600)] == [orphan]
    remove(store.garbage(3600))
    assert [each.path for each in store.garbage(0)] == [young]
    remove(store.garbage(0))
    assert store.garbage(0) == ()
    assert store.check().n_units == 1


def test_a_table_that_found_its_manifest_meanwhile_is_not_removed(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    done = store.commit(*simple_unit(500))
    place = store.path / "units" / f"{done.unit_id}.json"
    manifest = place.read_bytes()
    place.unlink()
    found = store.garbage(0)
    assert [each.path.name for each in found] == [done.parquet]
    place.write_bytes(manifest)
    remove(found)
    assert store.manifests() == (done,)


def test_superseded_units_go_only_when_asked_and_shared_cells_stay(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    scores = choice_scores([[-1.0, -2.0]])
    few = {cell_key(limit=1, limit_seed=0): ("classification", scores)}
    store.commit(*unit(few))
    all_items = store.commit(*simple_unit())
    assert store.garbage(0) == ()
    remove(store.garbage(0, with_superseded=True))
    assert store.manifests() == (all_items,)
    assert store.garbage(0, with_superseded=True) == ()
