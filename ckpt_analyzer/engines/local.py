"""Runs units on this machine: in this process, or in several.

One process by default, or one for each GPU where there are several. A worker process that dies
takes no result with it: the unit that it had in hand is begun again by another, a few times.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from ckpt_analyzer.engines import Engine, Job
from ckpt_analyzer.engines._chunks import chunks_of
from ckpt_analyzer.engines._dispatch import Dispatch
from ckpt_analyzer.events import Event, Listener, UnitStatus


def run_here(job: Job, listener: Listener) -> Iterator[UnitStatus]:
    """Score the units of `job` on this machine, and yield the status of each as it ends."""
    from ckpt_analyzer.unit.worker import work_units

    devices = _devices(job)
    if len(devices) == 1:
        return work_units(replace(job, device=devices[0]), job.units, listener)
    return _Workers(job, devices, listener).run()


def _devices(job: Job) -> list[str]:
    """Return the device of each worker: all GPUs, or the one that the sweep names."""
    from ckpt_analyzer.unit.worker import n_gpus_here

    n_gpus = n_gpus_here() if job.device in ("auto", "cuda") else 0
    workers = job.terms.workers or max(n_gpus, 1)
    workers = max(min(workers, len(job.units)), 1)
    if n_gpus > 1:
        return [f"cuda:{index % n_gpus}" for index in range(workers)]
    return [job.device] * workers


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


class _Workers:
    """The worker processes of a job, and which units they have."""

    def __init__(self, job: Job, devices: list[str], listener: Listener) -> None:
        self._devices, self._listener = devices, listener
        self._shared = replace(job, units=(), costs=())  # units go through the pipes
        has_gpu = devices[0].startswith("cuda")
        chunks = chunks_of(job.units, job.costs, workers=len(devices), has_gpu=has_gpu)
        self._dispatch = Dispatch(chunks)
        self._workers: dict[int, _Worker] = {}

    def run(self) -> Iterator[UnitStatus]:
        """Yield how units ended; no process is left behind, however this ends."""
        try:
            for number in range(len(self._devices)):
                self._start(number)
            while self._workers:
                yield from self._hear()
        finally:
            for worker in self._workers.values():
                worker.process.terminate()
                worker.process.join()

    def _start(self, number: int) -> None:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        share = _Share(self._devices[number], len(self._devices))
        process = context.Process(target=_serve, args=(self._shared, share, theirs), daemon=True)
        process.start()
        theirs.close()
        self._workers[number] = _Worker(process, mine)
        self._give(number)

    def _give(self, number: int) -> None:
        """Give a worker its next units, or let it end."""
        worker = self._workers[number]
        units = self._dispatch.next(number)
        try:
            worker.pipe.send(units)
        except (BrokenPipeError, ConnectionResetError):
            return  # it died; heard of in its own turn
        if units is None:
            worker.process.join()
            worker.pipe.close()
            del self._workers[number]

    def _hear(self) -> Iterator[UnitStatus]:
        """Wait until a worker says something or dies, and act on it."""
        pipes = {worker.pipe: number for number, worker in self._workers.items()}
        for pipe in wait(list(pipes)):
            assert isinstance(pipe, Connection)
            number = pipes[pipe]
            try:
                event = pipe.recv()
            except (EOFError, ConnectionResetError):
                yield from self._bury(number)
                continue
            if event is None:
                self._give(number)
                continue
            if isinstance(event, BaseException):
                raise event
            self._listener(event)
            if isinstance(event, UnitStatus):
                self._dispatch.ended(number)
                yield event

    def _bury(self, number: int) -> Iterator[UnitStatus]:
        """Begin the unit of a dead worker again with another, or give it up."""
        worker = self._workers.pop(number)
        worker.process.join()
        given_up = self._dispatch.lost(number)
        if given_up is not None:
            reason = f"its worker died {given_up.n_attempts} times ({_death(worker.process)})"
            status = UnitStatus(given_up.unit.label, "failed", problem=reason)
            self._listener(status)
            yield status
        if self._dispatch.has_more:
            self._start(number)


class _Share(NamedTuple):
    """The device of a worker, and how many workers share the machine."""

    device: str
    n_workers: int


def _serve(job: Job, share: _Share, pipe: Connection) -> None:
    """Score what comes through `pipe` until None comes; the main function of a worker process."""
    from ckpt_analyzer.unit.worker import open_bench, share_processors, work_on

    logging.disable(logging.WARNING)
    share_processors(share.n_workers)
    job = replace(job, device=share.device)
    try:
        with open_bench(job, _telling(pipe), share=share.n_workers) as bench:
            while (units := pipe.recv()) is not None:
                for _ in work_on(bench, job, units):
                    pass
                pipe.send(None)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the parent is gone, or ends us
    except Exception as error:  # noqa: BLE001 - it is raised again in the parent
        pipe.send(error)


def _telling(pipe: Connection) -> Listener:
    def tell(event: Event) -> None:
        pipe.send(event)

    return tell


def _death(process: BaseProcess) -> str:
    code = process.exitcode
    if code == -9:
        return "killed, as the system does when memory runs out"
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


ENGINE = Engine(run=run_here, is_here=True)
