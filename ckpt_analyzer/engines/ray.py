"""Runs units as tasks of a Ray cluster.

The store lies on a file system that all nodes see, or in a bucket that they may use. A task whose
node is lost is begun again elsewhere by Ray and goes on with the units that it had left.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from typing import Any

from ckpt_analyzer.engines import Engine, Job
from ckpt_analyzer.engines._chunks import chunks_of
from ckpt_analyzer.engines._shared_job import Following, follow, save_job, work_part
from ckpt_analyzer.errors import EngineError
from ckpt_analyzer.events import Listener, UnitStatus
from ckpt_analyzer.store.jobs import new_folder, record_job
from ckpt_analyzer.store.place import place_of

#: How long a cluster may take to answer that it is there.
CONNECTING_SECONDS = 20.0


def run_on_ray(job: Job, listener: Listener) -> Iterator[UnitStatus]:
    """Run `job` on a Ray cluster and yield how its units end. Its tasks end with this process.

    Raises
    ------
    EngineError
        If Ray or its cluster is not there, or the cluster has no room for a single task.
    """
    ray = _ray()
    _check_reachable(job.terms.address)
    try:
        ray.init(address=job.terms.address or None, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _unreachable(str(error).splitlines()[0]) from error
    try:
        yield from _run(ray, job, listener)
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ask at once whether anyone listens: Ray itself tries for many minutes.

    Raises
    ------
    EngineError
        If nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return  # `auto`, or one on this machine
    try:
        socket.create_connection((host, int(port)), timeout=CONNECTING_SECONDS).close()
    except OSError as error:
        raise _unreachable(f"{address}: {error.strerror or error}") from error


def _unreachable(reason: str) -> EngineError:
    return EngineError(
        f"no Ray cluster is reached: {reason}",
        hint="give its address: --ray-address HOST:6379, or none for one on this machine",
    )


def _run(ray: Any, job: Job, listener: Listener) -> Iterator[UnitStatus]:  # noqa: ANN401
    needs = {"CPU": float(job.terms.cpus or 1), "GPU": job.terms.gpus}
    workers = min(job.terms.workers or math.inf, _room(ray.cluster_resources(), needs))
    chunks = chunks_of(job.units, job.costs, workers=int(workers), has_gpu=job.terms.gpus > 0)
    folder = new_folder(job.store)
    shared = save_job(folder, job, chunks)
    record = record_job(folder, "ray", folder.name, len(job.units), len(chunks))
    # A lost node is no fault of a task's; a unit that kills its workers is given up in work_part.
    task = ray.remote(num_cpus=needs["CPU"], num_gpus=needs["GPU"], max_retries=-1)(_part)
    parts = {task.remote(str(folder), part): part for part in range(len(chunks))}

    def over() -> set[int]:
        ended, _ = ray.wait(list(parts), num_returns=len(parts), timeout=0)
        return {parts[each] for each in ended}

    def why(part: int) -> str:
        (reference,) = (each for each, number in parts.items() if number == part)
        try:
            ray.get(reference)
        except ray.exceptions.RayError as error:
            return f"its task failed: {str(error).strip().splitlines()[-1]}"
        return "its task ended early"

    yield from follow(record, shared, Following(over, why, poll_seconds=0.5), listener)


def _part(folder: str, part: int) -> None:
    work_part(place_of(folder), part)


def _room(has: dict[str, float], needs: dict[str, float]) -> int:
    """Return how many tasks run at a time on a cluster.

    Raises
    ------
    EngineError
        If not even one does.
    """
    room = min(int(has.get(name, 0) // n) for name, n in needs.items() if n)
    if not room:
        wanted = ", ".join(f"{n:g} {name}" for name, n in needs.items() if n)
        here = ", ".join(f"{has.get(name, 0):g} {name}" for name in needs)
        raise EngineError(
            f"a task wants {wanted}, and the cluster has {here}",
            hint="ask for less: --cpus, --gpus",
        )
    return room


def _ray() -> Any:  # noqa: ANN401 - ray is an extra, and has no types without it
    try:
        import ray
    except ImportError:
        raise EngineError(
            "the engine ray needs Ray", hint="pip install 'ckpt-analyzer[ray]'"
        ) from None
    return ray


ENGINE = Engine(run=run_on_ray, is_here=False)
