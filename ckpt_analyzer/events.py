"""What happens during a run, as records that a listener shows or writes.

Whoever does the work calls a ``Listener`` with these; it never prints. ``cli/progress.py`` turns
them into a progress display or into JSON lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RunStarted:
    """Units to do, units found done, and items to score in all."""

    n_units: int
    n_done_before: int
    n_items: int


@dataclass(frozen=True)
class ModelAudited:
    """The metadata of the checkpoints of a model were compared.

    `problem` says why that was not possible; empty if it was.
    """

    model: str
    n_checkpoints: int
    n_suspect: int
    problem: str = ""


@dataclass(frozen=True)
class UnitStarted:
    """Work on a checkpoint begins."""

    unit: str
    n_items: int


@dataclass(frozen=True)
class CheckpointFetched:
    """The files of a checkpoint are at hand."""

    unit: str
    n_bytes: int
    seconds: float


@dataclass(frozen=True)
class ItemsScored:
    """So many items of the unit are scored by now."""

    unit: str
    n_items: int


@dataclass(frozen=True)
class UnitStatus:
    """How a unit ended; what an engine returns.

    `state` is ``done``, or ``failed`` with the reason in `problem`.
    """

    unit: str
    state: Literal["done", "failed"]
    n_items: int = 0
    seconds: float = 0.0
    problem: str = ""
    warnings: tuple[str, ...] = ()


Event = RunStarted | ModelAudited | UnitStarted | CheckpointFetched | ItemsScored | UnitStatus
Listener = Callable[[Event], None]
