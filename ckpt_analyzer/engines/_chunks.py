"""Cut a job into chunks: units of one model, so that a worker builds the model once.

In: units with their costs. Out: chunks, the costliest models first: what is begun late must be
short, or all but one worker wait for it. Pure: no files, no processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ckpt_analyzer.engines import UnitCost

if TYPE_CHECKING:
    from ckpt_analyzer.sweep.plan import Unit

#: What a worker reaches at least, with a GPU and without; and a link.
GPU_FLOPS_PER_SECOND = 2e13
CPU_FLOPS_PER_SECOND = 1e11
BYTES_PER_SECOND = 5e7
#: Opening a checkpoint, and writing its scores.
SECONDS_PER_UNIT = 2.0
#: A worker whose chunk is done takes another: so many for each, that they end together.
CHUNKS_PER_WORKER = 4


@dataclass(frozen=True)
class Chunk:
    """Units of one model in the order of their steps, and about how long they take."""

    units: tuple[Unit, ...]
    seconds: float

    @property
    def model(self) -> str:
        """Name of the model that all of them are states of."""
        return self.units[0].checkpoint.model.name


def seconds_of(cost: UnitCost, *, has_gpu: bool) -> float:
    """Return about how long a unit takes on a slow worker: long enough for nearly all."""
    rate = GPU_FLOPS_PER_SECOND if has_gpu else CPU_FLOPS_PER_SECOND
    return SECONDS_PER_UNIT + cost.flops / rate + cost.download_bytes / BYTES_PER_SECOND


def chunks_of(
    units: Sequence[Unit], costs: Sequence[UnitCost], *, workers: int, has_gpu: bool
) -> tuple[Chunk, ...]:
    """Return `units` in chunks for `workers` at a time, those of the costliest model first.

    No chunk is longer than a fair share of the whole, cut in `CHUNKS_PER_WORKER`, unless a single
    unit is.
    """
    timed = [
        (unit, seconds_of(cost, has_gpu=has_gpu)) for unit, cost in zip(units, costs, strict=True)
    ]
    longest = sum(seconds for _, seconds in timed) / (workers * CHUNKS_PER_WORKER)
    chunks = [
        chunk
        for _, group in groupby(timed, key=lambda each: _model_of(each[0]))
        for chunk in _cut(group, longest)
    ]
    largest = {chunk.model: 0.0 for chunk in chunks}
    for chunk in chunks:
        largest[chunk.model] = max(largest[chunk.model], chunk.seconds / len(chunk.units))
    return tuple(sorted(chunks, key=lambda chunk: (-largest[chunk.model], chunk.model)))


def _model_of(unit: Unit) -> tuple[str, str]:
    """Return the suite and the model of `unit`: two suites may have models of one name."""
    return unit.checkpoint.suite, unit.checkpoint.model.name


def _cut(timed: Iterable[tuple[Unit, float]], longest: float) -> list[Chunk]:
    cut: list[Chunk] = []
    units: list[Unit] = []
    seconds = 0.0
    for unit, more in timed:
        if units and seconds + more > longest:
            cut.append(Chunk(tuple(units), seconds))
            units, seconds = [], 0.0
        units.append(unit)
        seconds += more
    return [*cut, Chunk(tuple(units), seconds)]
