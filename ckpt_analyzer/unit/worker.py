"""What a worker of any engine does: score units of a job in this process, one after the other.

In: a job and some of its units. Out: their statuses; scores go to the store. It knows how long a
unit may take and what this machine has; it does not know which engine it runs for.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import torch

from ckpt_analyzer.engines import Job
from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.events import Listener, UnitStatus
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.memory import budget_here_bytes, room_bytes
from ckpt_analyzer.sweep.plan import Unit
from ckpt_analyzer.unit.workbench import Settings, Workbench


def n_gpus_here() -> int:
    """Return how many CUDA devices this process sees."""
    return torch.cuda.device_count()


def share_processors(n_workers: int) -> None:
    """Let torch take one part in `n_workers` of the processors that this process may use."""
    torch.set_num_threads(max(torch.get_num_threads() // n_workers, 1))


def work_units(job: Job, units: Sequence[Unit], listener: Listener) -> Iterator[UnitStatus]:
    """Score `units` of `job` here, and yield the status of each as soon as it ends.

    Raises
    ------
    StoreError
        If the store cannot be written: no other unit could be, either.
    """
    with open_bench(job, listener) as bench:
        yield from work_on(bench, job, units)


def open_bench(job: Job, listener: Listener, *, share: int = 1) -> Workbench:
    """Return a workbench for units of `job`, which takes one part in `share` of this machine."""
    budget = budget_here_bytes(job.budget_bytes)
    settings = Settings(
        dtype=job.dtype,
        device=job.device,
        sweep_sha256=job.sweep_sha256,
        tasks=job.tasks,
        ahead_bytes=room_bytes(job.needed_bytes, job.budget_bytes) // share,
        memory_budget_bytes=budget // share,
        trust_remote_code=job.trust_remote_code,
    )
    return Workbench(settings, open_store(job.store), listener)


def work_on(bench: Workbench, job: Job, units: Sequence[Unit]) -> Iterator[UnitStatus]:
    """Score `units` on a workbench that is open, each while the next one is read."""
    bench.foresee(units)
    for unit in units:
        yield work_one(bench, job, unit)


def work_one(bench: Workbench, job: Job, unit: Unit) -> UnitStatus:
    """Score `unit` on a workbench that is open, within the time that a unit of `job` may take."""
    return bench.work(unit, _time_limit(unit, job.terms.unit_timeout_seconds))


@contextmanager
def _time_limit(unit: Unit, seconds: float | None) -> Iterator[None]:
    """Raise an error in the middle of the block when it takes longer than `seconds`.

    The clock is a signal's, so it is the main thread that is stopped; a product of matrices that
    is under way ends first.
    """
    if seconds is None:
        yield
        return
    assert threading.current_thread() is threading.main_thread(), "signals need the main thread"

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise ScoringError(
            f"{unit.label} took longer than {seconds:g} s",
            hint="give it more: --unit-timeout MINUTES",
        )

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
