"""A job in a folder that a driver and its workers share: handed over, worked on, followed.

In: a job cut into parts. Out: how its units ended. The engines of clusters differ in how a part is
begun and in how one learns that it is over; the rest is here.
"""

from __future__ import annotations

import pickle
import signal
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from types import FrameType
from typing import NoReturn

from ckpt_analyzer.engines import ATTEMPTS, Job
from ckpt_analyzer.engines._chunks import Chunk
from ckpt_analyzer.events import Event, Listener, UnitStatus
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.jobs import JobRecord, Said
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.plan import Unit

_WORK = "work.pickle"
#: Exit code of a worker that was told to end (128 + SIGTERM).
_TOLD_TO_END = 143


@dataclass(frozen=True)
class SharedJob:
    """What workers read: the job, and which units each part has."""

    job: Job
    parts: tuple[tuple[Unit, ...], ...]


def save_job(folder: Place, job: Job, chunks: Sequence[Chunk]) -> SharedJob:
    """Write the work of `job` into `folder`, a part for each chunk."""
    shared = SharedJob(replace(job, units=(), costs=()), tuple(chunk.units for chunk in chunks))
    write_whole(folder / _WORK, pickle.dumps(shared))
    return shared


def work_part(folder: Place, part: int) -> None:
    """Score the units of one part that are not done; the main function of a cluster's task.

    A task that was killed is begun again by its cluster, and goes on where it was. A unit in which
    workers died `ATTEMPTS` times is given up.
    """
    from ckpt_analyzer.unit.worker import open_bench, work_one

    # Ours: written by save_job into the user's own store.
    shared: SharedJob = pickle.loads((folder / _WORK).read_bytes())
    said, job = Said(folder, part), shared.job
    left = list(_left(said, job, shared.parts[part]))
    with open_bench(job, _silent) as bench:
        bench.foresee(left)
        for unit in left:
            said.begin(unit.label)
            with _interruptible(said, unit):
                said.end(work_one(bench, job, unit))


def _left(said: Said, job: Job, units: Sequence[Unit]) -> Iterator[Unit]:
    """Yield those of `units` that are to be scored; say of the others how they ended."""
    done = open_store(job.store).done_cells()
    over = {status.unit for status in said.statuses()}
    for unit in units:
        if unit.label in over:
            continue
        if done.issuperset(unit.cells):
            said.end(UnitStatus(unit.label, "done"))
        elif (deaths := said.deaths(unit.label)) >= ATTEMPTS:
            problem = f"its worker died {deaths} times, as it does when memory runs out"
            said.end(UnitStatus(unit.label, "failed", problem=problem))
        else:
            yield unit


class _interruptible:  # noqa: N801 - a context manager, read as a word
    """While open, SIGTERM (preemption) is noted before the process ends."""

    def __init__(self, said: Said, unit: Unit) -> None:
        self._said, self._unit = said, unit

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, self._end)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _end(self, _signal: int, _frame: FrameType | None) -> NoReturn:
        self._said.interrupted(self._unit.label)
        raise SystemExit(_TOLD_TO_END)


@dataclass(frozen=True)
class Following:
    """How a driver follows a job.

    Parameters
    ----------
    over
        Returns which parts will not go on; asked again and again.
    why
        Says why a part ended before its units did.
    """

    over: Callable[[], Set[int]]
    why: Callable[[int], str]
    poll_seconds: float = 2.0


def follow(
    record: JobRecord, shared: SharedJob, how: Following, listener: Listener
) -> Iterator[UnitStatus]:
    """Yield how the units of a job end, until all parts are over."""
    # Two suites may have models of one name, whose units have one label; no part has both.
    told: set[tuple[int, str]] = set()
    open_parts = set(range(len(shared.parts)))
    while open_parts:
        over = how.over() & open_parts  # asked first: what is said before the end is read then
        for part in sorted(open_parts):
            statuses = list(Said(record.folder, part).statuses())
            if part in over:
                statuses += _unsaid(shared, part, {each.unit for each in statuses}, how)
            for status in statuses:
                if (part, status.unit) not in told:
                    told.add((part, status.unit))
                    listener(status)
                    yield status
        open_parts -= over
        if open_parts:
            time.sleep(how.poll_seconds)


def _unsaid(shared: SharedJob, part: int, said: Set[str], how: Following) -> Iterator[UnitStatus]:
    """Yield how the units ended of which a part that is over said nothing."""
    left = [unit for unit in shared.parts[part] if unit.label not in said]
    done = open_store(shared.job.store).done_cells() if left else set()
    for unit in left:
        if done.issuperset(unit.cells):
            yield UnitStatus(unit.label, "done")
        else:
            yield UnitStatus(unit.label, "failed", problem=how.why(part))


def _silent(_event: Event) -> None:
    """Tell nobody: what a driver wants to know is in the folder of the job."""
