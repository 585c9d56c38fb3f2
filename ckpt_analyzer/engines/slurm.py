"""Runs units as an array of Slurm jobs, through submitit.

The store lies on a file system that all nodes see, or in a bucket that they may use. A task that is
preempted, or whose node fails, is queued again by Slurm and goes on with the units that it had
left.

What a job is doing is asked of ``squeue``, which every cluster answers; ``sacct`` needs a database
that small ones do not have.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_analyzer.engines import Engine, Job
from ckpt_analyzer.engines._chunks import CHUNKS_PER_WORKER, Chunk, chunks_of, seconds_of
from ckpt_analyzer.engines._shared_job import (
    Following,
    SharedJob,
    follow,
    save_job,
    work_part,
)
from ckpt_analyzer.errors import EngineError
from ckpt_analyzer.events import Listener, UnitStatus
from ckpt_analyzer.store.jobs import JobRecord, Said, new_disk_folder, read_jobs, record_job

#: Tasks are meant to take about so long: enough to be worth a place in the queue, little to lose.
TASK_SECONDS = 900.0
MOST_WORKERS = 64
#: A task may take so many times what was foreseen, and so many minutes on top.
PATIENCE, GRACE_MINUTES = 4, 10
#: So long Slurm may leave a waiting run without an answer: controllers are restarted.
AWAY_SECONDS = 600.0
#: States of a task that was killed, through a fault of its units or of its node.
_KILLED = frozenset({"FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"})
#: States in which a task will not go on by itself.
_OVER = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE",
        "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT",
    }
)  # fmt: skip


def run_on_slurm(job: Job, listener: Listener) -> Iterator[UnitStatus]:
    """Submit `job` and yield how its units end; nothing where the terms say not to wait.

    Raises
    ------
    EngineError
        If Slurm or submitit is not here, refuses the job, or is at work for this store.
    """
    _refuse_twice(job)
    chunks = _chunks(job)
    folder = new_disk_folder(job.store)
    shared = save_job(folder, job, chunks)
    cluster_id = _submit(folder, job, chunks)
    record = record_job(folder, "slurm", cluster_id, len(job.units), len(chunks))
    if not job.terms.waits:
        return iter(())
    watch = _Watch(record, shared)
    return follow(record, shared, Following(watch.over, watch.why), listener)


def states(record: JobRecord) -> Mapping[str, int]:
    """Return how many tasks of a job are in which state, those that ended left out."""
    counts = Counter(state.lower() for state in _queue(record.cluster_id).values())
    return {state: n for state, n in counts.items() if state.upper() not in _OVER}


def cancel(record: JobRecord) -> None:
    """End the tasks of a job that have not ended."""
    _slurm("scancel", record.cluster_id)


@dataclass(frozen=True)
class _Part:
    """What a task runs; submitit pickles it."""

    folder: Path

    def __call__(self, part: int) -> None:
        work_part(self.folder, part)

    def checkpoint(self, part: int) -> Any:  # noqa: ANN401 - submitit has no types
        """Return the task that goes on after a time limit: this one, which knows what is left."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, part)


def _chunks(job: Job) -> tuple[Chunk, ...]:
    has_gpu = "gpu" in job.terms.gres
    seconds = sum(seconds_of(cost, has_gpu=has_gpu) for cost in job.costs)
    enough = math.ceil(seconds / (TASK_SECONDS * CHUNKS_PER_WORKER))
    workers = job.terms.workers or min(enough, MOST_WORKERS)
    return chunks_of(job.units, job.costs, workers=workers, has_gpu=has_gpu)


def _submit(folder: Path, job: Job, chunks: tuple[Chunk, ...]) -> str:
    try:
        import submitit
    except ImportError:
        raise EngineError(
            "the engine slurm needs submitit", hint="pip install 'ckpt-analyzer[slurm]'"
        ) from None
    terms = job.terms
    longest = max(chunk.seconds for chunk in chunks)
    parameters = {
        "name": "ckpt-analyzer",
        "timeout_min": terms.minutes or math.ceil(PATIENCE * longest / 60) + GRACE_MINUTES,
        "slurm_partition": terms.partition or None,
        "slurm_gres": terms.gres or None,
        "slurm_array_parallelism": terms.workers or len(chunks),
        "cpus_per_task": terms.cpus,
        "mem_gb": terms.memory_gb,
        "slurm_additional_parameters": {"requeue": True},
        "stderr_to_stdout": True,
    }
    try:
        executor = submitit.AutoExecutor(folder / "logs", cluster="slurm")
        executor.update_parameters(
            **{name: value for name, value in parameters.items() if value is not None}
        )
        tasks = executor.map_array(_Part(folder), range(len(chunks)))
    except (RuntimeError, submitit.core.utils.FailedJobError) as error:
        raise EngineError(
            f"Slurm refused the job: {str(error).strip().splitlines()[-1]}",
            hint="see --slurm-partition, --gres, --cpus, --mem-gb, --slurm-minutes; try: sinfo",
        ) from error
    return str(tasks[0].job_id).partition("_")[0]


def _refuse_twice(job: Job) -> None:
    """Refuse to submit while a job of this store is in the queue: it would do the same work."""
    for record in read_jobs(job.store):
        if record.engine == "slurm" and states(record):
            raise EngineError(
                f"{record.name} is still at work for this store",
                where=str(job.store),
                hint=f"wait for it (ckpt-analyzer status {job.store}), or end it: "
                f"ckpt-analyzer cancel {job.store}",
            )


class _Watch:
    """Knows which tasks of a job are over, and lets those go on that died with units left.

    A preempted task and one whose node is lost are queued again by Slurm itself; one that is killed
    where it runs, as for its memory, is not.
    """

    def __init__(
        self,
        record: JobRecord,
        shared: SharedJob,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._record, self._shared = record, shared
        self._clock, self._answered = clock, clock()
        #: What a part had said when it was let go on: one that says nothing more is over.
        self._said: dict[int, int] = {}

    def over(self) -> set[int]:
        """Return the parts that will not go on; none while Slurm does not answer.

        Raises
        ------
        EngineError
            If it has not answered for `AWAY_SECONDS`.
        """
        try:
            over = self._over()
        except EngineError as error:
            if self._clock() - self._answered < AWAY_SECONDS:
                return set()
            store = shlex.quote(str(self._shared.job.store))
            raise EngineError(
                f"{error.problem}, for {AWAY_SECONDS / 60:g} minutes",
                hint=f"{self._record.name} goes on without this command: "
                f"ckpt-analyzer status {store}",
            ) from error
        self._answered = self._clock()
        return over

    def _over(self) -> set[int]:
        queued = _queue(self._record.cluster_id)
        ended = {
            part for part in range(self._record.n_parts) if queued.get(part, "COMPLETED") in _OVER
        }
        return {part for part in ended if not self._goes_on(part, queued.get(part, ""))}

    def why(self, part: int) -> str:
        """Say how a part ended that has units left."""
        try:
            state = _queue(self._record.cluster_id).get(part, "")
        except EngineError:
            state = ""  # the log says more
        name = f"{self._record.cluster_id}_{part}_0_log.out"
        log = self._record.folder / "logs" / name
        content = log.read_bytes() if log.exists() else b""
        said = content.decode(errors="replace").strip().splitlines()
        last = f": {said[-1]}" if said else ""
        return f"its task ended early{f' ({state.lower()})' if state else ''}{last}; log: {log}"

    def _goes_on(self, part: int, state: str) -> bool:
        """Queue a task again that was killed with units left, if it got anywhere."""
        said = Said(self._record.folder, part)
        if state not in _KILLED or len(said.statuses()) == len(self._shared.parts[part]):
            return False
        n_lines = said.n_lines()
        if n_lines == self._said.get(part, 0):
            return False
        _slurm("scontrol", "requeue", f"{self._record.cluster_id}_{part}")
        self._said[part] = n_lines
        return True


def _queue(cluster_id: str) -> dict[int, str]:
    """Return the state of every task of an array that Slurm still knows."""
    listed = _slurm("squeue", "-h", "-r", "-t", "all", "-j", cluster_id, "-o", "%K %T")
    lines = (line.split() for line in listed.splitlines())
    return {int(words[0]): words[1] for words in lines if words and words[0].isdecimal()}


def _slurm(*command: str) -> str:
    """Return what a command of Slurm prints.

    Raises
    ------
    EngineError
        If there is no Slurm here, or its controller does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise EngineError(
            f"there is no Slurm here ({command[0]} is not found)",
            hint="run this on a login node of the cluster, or use --engine local",
        ) from None
    except subprocess.TimeoutExpired:
        raise EngineError(f"Slurm does not answer ({command[0]})", hint="try: sinfo") from None
    if done.returncode == 0 or "Invalid job id" in done.stderr:
        return done.stdout
    raise EngineError(f"{command[0]}: {done.stderr.strip()}", hint="try: sinfo")


ENGINE = Engine(run=run_on_slurm, is_here=False, states=states, cancel=cancel)
