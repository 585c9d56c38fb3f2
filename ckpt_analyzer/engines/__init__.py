"""Engines run units somewhere: one file each, exporting ``ENGINE``.

An engine takes a job and returns how its units ended, in any order. It returns statuses only:
scores meet in the store, nowhere else. What a unit takes to be scored is ``unit/worker.py``; an
engine decides where that runs, and what becomes of the units of a worker that dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ckpt_analyzer import plugins
from ckpt_analyzer.events import Listener, UnitStatus

if TYPE_CHECKING:
    from ckpt_analyzer.scoring import Dtype
    from ckpt_analyzer.store.jobs import JobRecord
    from ckpt_analyzer.store.place import Place
    from ckpt_analyzer.sweep.plan import Unit
    from ckpt_analyzer.task_data import TaskItems

#: How often a unit is begun whose worker died in it.
ATTEMPTS = 3


@dataclass(frozen=True)
class Terms:
    """Where and how a job runs: what the command line says of it.

    Parameters
    ----------
    workers
        Processes, or tasks of a cluster, at a time; None for as many as the engine finds devices
        or room for.
    unit_timeout_seconds
        A unit that takes longer is given up; None for no bound.
    waits
        Whether the engine waits for its units. One that does not hands them over and ends.
    partition, gres, cpus, memory_gb, minutes
        Of a Slurm job; empty or None for the cluster's own defaults. `minutes` is by default
        what the costs of the units say, generously.
    address
        Of a Ray cluster; empty for one on this machine.
    gpus
        GPUs that one task of a Ray cluster holds; it may be a part of one.
    """

    workers: int | None = None
    unit_timeout_seconds: float | None = None
    waits: bool = True
    partition: str = ""
    gres: str = ""
    cpus: int | None = None
    memory_gb: float | None = None
    minutes: int | None = None
    address: str = ""
    gpus: float = 0.0


@dataclass(frozen=True)
class UnitCost:
    """What a unit takes, as far as can be said before: see ``sweep/cost.py``."""

    flops: float
    download_bytes: int


@dataclass(frozen=True)
class Job:
    """What an engine runs. It can be pickled; no token is in it.

    Parameters
    ----------
    units, costs
        As many costs as units, in the same order.
    dtype, device, tasks, sweep_sha256, trust_remote_code
        As the sweep says.
    store
        Where the store lies, which every worker can reach.
    budget_bytes
        Bound of the memory of one machine; None for most of what it has.
    needed_bytes
        What the largest model takes when it is resident.
    """

    units: Sequence[Unit]
    costs: Sequence[UnitCost]
    tasks: Mapping[str, TaskItems] = field(repr=False)
    dtype: Dtype
    device: str
    sweep_sha256: str
    store: Place
    budget_bytes: int | None
    needed_bytes: int
    trust_remote_code: bool = False
    terms: Terms = Terms()


Run = Callable[[Job, Listener], Iterator[UnitStatus]]


@dataclass(frozen=True)
class Engine:
    """A way to run a job.

    Parameters
    ----------
    run
        Yields how units ended, each once. The listener is told of the same, and of what happens
        on the way where that can be known.
    is_here
        Whether units run on this machine, so that its memory and devices matter.
    states
        Of a recorded job, how many of its parts are in which state (running, pending, …); None
        for an engine whose jobs end with the command.
    cancel
        Ends a recorded job; None likewise.
    """

    run: Run
    is_here: bool
    states: Callable[[JobRecord], Mapping[str, int]] | None = None
    cancel: Callable[[JobRecord], None] | None = None


def names() -> tuple[str, ...]:
    """Return the names of all engines."""
    return plugins.names(__name__)


def load(name: str) -> Engine:
    """Return the engine called `name`.

    Raises
    ------
    UnknownNameError
        If there is none; it names the nearest.
    """
    engine: Engine = plugins.load(__name__, name, "ENGINE")
    return engine
