"""What clusters are doing for a store, and how to end it.

In: the place of a store. Out: its jobs that are at work, or were cancelled. What a job left is in
the store; how a cluster is asked is the business of its engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ckpt_analyzer import engines
from ckpt_analyzer.errors import EngineError
from ckpt_analyzer.store.jobs import Said, read_jobs
from ckpt_analyzer.store.place import Place


@dataclass(frozen=True)
class AtWork:
    """A job that its cluster knows, or that cannot be asked for.

    Parameters
    ----------
    tasks
        State of a task, in the words of the cluster → how many are in it.
    problem
        Why the cluster could not be asked; empty if it could.
    """

    name: str
    n_units: int
    n_ended: int = 0
    tasks: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


def jobs_at_work(store: Place) -> tuple[AtWork, ...]:
    """Return the jobs of the store in folder `store` that are at work, the newest first."""
    found = []
    for record in read_jobs(store):
        if (states := engines.load(record.engine).states) is None:
            continue
        try:
            tasks = states(record)
        except EngineError as error:
            found.append(AtWork(record.name, record.n_units, problem=error.problem))
            continue
        if tasks:
            ended = sum(len(Said(record.folder, n).statuses()) for n in range(record.n_parts))
            found.append(AtWork(record.name, record.n_units, ended, tasks))
    return tuple(found)


def cancel_jobs(store: Place) -> tuple[str, ...]:
    """End the jobs that are at work for a store and return their names; what is scored stays.

    Raises
    ------
    EngineError
        If a cluster cannot be asked.
    """
    cancelled = []
    for record in read_jobs(store):
        engine = engines.load(record.engine)
        if engine.states is None or engine.cancel is None or not engine.states(record):
            continue
        engine.cancel(record)
        cancelled.append(record.name)
    return tuple(cancelled)
