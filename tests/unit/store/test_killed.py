"""kill -9 at every boundary of a system call: a unit is there, or it runs again."""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import sys

import pytest

from ckpt_analyzer.store import garbage
from ckpt_analyzer.store.store import open_store
from store_factory import simple_unit
from walked_commit import NotTraceableError, killed_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="ptrace is Linux's"),
]


def walk(work, prepared, action, check):
    """Kill `action` at every boundary in a fresh copy of `prepared`; return how many there were.

    What is left on the disk is checked where it is not what the boundary before left.
    """
    boundary, before = 0, None
    while True:
        folder = shutil.copytree(prepared, work / str(boundary))
        was_killed = killed_at(lambda folder=folder: action(folder), boundary)
        left = on_disk(folder)
        if left != before or not was_killed:
            check(folder)
        before = left
        shutil.rmtree(folder)
        if not was_killed:
            return boundary
        boundary += 1


def on_disk(folder):
    """The names and sizes of all files; of a temporary file's name, what is not random."""
    return sorted(
        (re.sub(r"tmp-\w{32}", "tmp", str(path.relative_to(folder))), path.stat().st_size)
        for path in folder.rglob("*")
    )


def in_own_process(function, *arguments):
    """Run `function` in a fresh interpreter: the threads of this one would not survive a fork."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_reported, args=(queue, function, arguments))
    process.start()
    found = queue.get(timeout=300)
    process.join()
    if found["skip"]:
        pytest.skip(f"this kernel lets nobody trace: {found['skip']}")
    return found["value"]


def _reported(queue, function, arguments):
    try:
        queue.put({"skip": "", "value": function(*arguments)})
    except NotTraceableError as error:
        queue.put({"skip": str(error) or "refused", "value": None})


def commit(folder):
    open_store(folder).commit(*simple_unit(1000))


def compact(folder):
    open_store(folder).compact()


def states_after(work, prepared, action, again):
    """Walk `action`; of every boundary, return the states of the store right after and mended."""
    states = []

    def check(folder):
        store = open_store(folder)
        checked = store.check()
        right_after = [sorted(u.step for u in store.manifests()), len(checked.wrong),
                       len(checked.foreign), _rows(store)]  # fmt: skip
        again(folder)
        garbage.remove(store.garbage(0))
        checked = store.check()
        mended = [sorted(u.step for u in store.manifests()), len(checked.wrong),
                  len(checked.foreign) + len(checked.leftovers), _rows(store)]  # fmt: skip
        states.append([right_after, mended])

    n_boundaries = walk(work, prepared, action, check)
    return json.dumps([n_boundaries, states])


def _rows(store):
    """Every row by unit, read from wherever its unit lies."""
    return {str(u.step): str(store.read_unit(u).to_pylist()) for u in store.manifests()}


@pytest.fixture
def folders(tmp_path):
    prepared = tmp_path / "prepared"
    store = open_store(prepared, create=True)
    for step in (250, 500):
        store.commit(*simple_unit(step, seed=step))
    return tmp_path / "work", prepared


def test_a_commit_that_is_killed_anywhere_leaves_its_unit_whole_or_missing(folders):
    work, prepared = folders
    walked = in_own_process(states_after, work, prepared, commit, commit)
    n_boundaries, states = json.loads(walked)
    whole = states[-1][1]
    assert n_boundaries > 100
    assert len(states) > 6
    assert whole[0] == [250, 500, 1000]
    for (steps, wrong, foreign, rows), mended in states:
        assert steps in ([250, 500], [250, 500, 1000])
        assert (wrong, foreign) == (0, 0)
        assert rows == {step: whole[3][step] for step in map(str, steps)}
        assert mended == whole
    # Both outcomes were met. Each boundary is that of a run of its own, whose threads may take
    # turns in another order: so the unit need not be there at every boundary after the first.
    assert {len(state[0][0]) for state in states} == {2, 3}


def test_a_compaction_that_is_killed_anywhere_loses_no_unit(folders):
    work, prepared = folders
    walked = in_own_process(states_after, work, prepared, compact, compact)
    n_boundaries, states = json.loads(walked)
    whole = states[-1][1]
    assert n_boundaries > 100
    assert len(states) > 8
    for right_after, mended in states:
        assert right_after == [[250, 500], 0, 0, whole[3]]
        assert mended == whole
