"""One unit of work: stream a checkpoint, score its tasks, store the scores.

This is the one module that joins sources, scoring and store. It keeps what many units share, the
items of the tasks, the plans of scoring them and the memory of the model, so that each is made once
a run. It knows nothing
of sweeps as a whole, engines, statistics or reports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

import pyarrow as pa
from transformers import PreTrainedModel

from ckpt_analyzer.checkpoints.ahead import BYTES_IN_USE, Ahead
from ckpt_analyzer.checkpoints.source import OpenCheckpoint, ResolvedCheckpoint
from ckpt_analyzer.errors import OutOfMemoryError, ScoringError, StoreError, UserError
from ckpt_analyzer.events import (
    CheckpointFetched,
    ItemsScored,
    Listener,
    UnitStarted,
    UnitStatus,
)
from ckpt_analyzer.scoring import Dtype
from ckpt_analyzer.scoring.in_place import InPlaceModel
from ckpt_analyzer.scoring.layered_model import LayeredModel, open_layered
from ckpt_analyzer.scoring.open_model import Terms, needs_layers
from ckpt_analyzer.scoring.out_of_memory import is_out_of_memory
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.score import score_plan
from ckpt_analyzer.scoring.skeleton import config_in, config_text
from ckpt_analyzer.scoring.threads import threads_for
from ckpt_analyzer.scoring.window import max_length_tokens
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.unit import CellKey
from ckpt_analyzer.sweep.copies import EqualWeights
from ckpt_analyzer.sweep.plan import Unit
from ckpt_analyzer.task_data import TaskItems
from ckpt_analyzer.unit.plan import UnitPlan, UnitPlans
from ckpt_analyzer.unit.record import Scored, item_scores, judged, manifest_of, warnings_of

_WITHOUT_END = nullcontext()


@dataclass(frozen=True)
class Settings:
    """How a run scores: what its sweep says that does not depend on the unit.

    Parameters
    ----------
    ahead_bytes
        How much of the next checkpoint may wait in memory while this one is scored.
    memory_budget_bytes
        Bound of the memory of the whole process; None for none.
    trust_remote_code
        Whether code that a repository brings along may run.
    """

    dtype: Dtype
    device: str
    sweep_sha256: str
    tasks: Mapping[str, TaskItems]
    ahead_bytes: int = BYTES_IN_USE
    memory_budget_bytes: int | None = None
    trust_remote_code: bool = False


class _Need(NamedTuple):
    """What decides how much memory a unit takes; two suites may name a model alike."""

    suite: str
    model: str
    n_tokens: int


@dataclass
class Workbench:
    """What stays in memory from unit to unit. A context manager: its thread ends with it."""

    settings: Settings
    store: Store
    listener: Listener
    _plans: UnitPlans = field(init=False)
    _model: InPlaceModel = field(init=False)
    _layered: dict[_Need, bool] = field(default_factory=dict)
    _equal: EqualWeights = field(init=False)
    _ahead: Ahead | None = None
    _followers: Mapping[int, Unit] = field(default_factory=dict)
    _lengths: dict[bytes | None, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without plans and without a model."""
        settings, trusted = self.settings, self.settings.trust_remote_code
        self._plans = UnitPlans(settings.tasks, trusted)
        self._model = InPlaceModel(settings.dtype, settings.device, trust_remote_code=trusted)
        self._equal = EqualWeights(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ahead is not None:
            self._ahead.close()

    def foresee(self, units: Sequence[Unit]) -> None:
        """Expect `units` in this order: while one of them is scored, the next is read."""
        self._followers = {id(unit): following for unit, following in pairwise(units)}

    def work(self, unit: Unit, within: AbstractContextManager[None] = _WITHOUT_END) -> UnitStatus:
        """Score and store `unit`; what is wrong with its checkpoint becomes a failed status.

        Parameters
        ----------
        within
            Raises an error in the middle where that takes too long. What listeners make of the
            events before and after is not in it.

        Raises
        ------
        StoreError
            If the store cannot be written: no other unit could be, either.
        """
        begin = time.perf_counter()
        n_items = sum(self._plans.n_items(cell) for cell in unit.cells)
        self.listener(UnitStarted(unit.label, n_items))
        try:
            with within:
                warnings = self._score(unit)
        except StoreError:
            raise
        except UserError as error:
            status = UnitStatus(unit.label, "failed", problem=str(error))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            status = UnitStatus(unit.label, "failed", problem=_too_large(unit, error))
        except FileNotFoundError as error:
            # A Trainer removes old checkpoints, whoever reads them.
            problem = f"{error.filename} vanished while the checkpoint was read"
            status = UnitStatus(unit.label, "failed", problem=problem)
        else:
            seconds = time.perf_counter() - begin
            status = UnitStatus(unit.label, "done", n_items, seconds, warnings=warnings)
        self.listener(status)
        return status

    def _score(self, unit: Unit) -> tuple[str, ...]:
        begin = time.perf_counter()
        # Closed whatever happens: else its thread would hold what it read, and the link.
        with closing(self._on_its_way(unit)) as ahead:
            return self._score_on_its_way(unit, ahead, begin)

    def _score_on_its_way(self, unit: Unit, ahead: Ahead, begin: float) -> tuple[str, ...]:
        resolved = ahead.resolved()
        following = self._followers.get(id(unit))
        has_moved = any(cell.commit != resolved.commit for cell in unit.cells)
        # A branch may have moved since the plan: scores go by the commit that they are of.
        cells = tuple(replace(cell, commit=resolved.commit) for cell in unit.cells)
        unit = replace(unit, cells=cells)
        copied = self._equal.copy(unit, resolved, self.settings.sweep_sha256)
        unit = copied.left
        if not unit.cells:
            return (*copied.notes, *_suspicion(unit))
        self._read_ahead(following, resolved, ahead)
        with ahead.opened() as opened:
            plan = self._plan(unit, opened.folder)
            fetched = partial(self._fetched, unit, resolved, begin)
            scored = self._scored(unit, opened, plan, fetched)
        settings = self.settings
        manifest = manifest_of(
            unit, resolved, scored, settings.tasks, sweep_sha256=settings.sweep_sha256
        )
        self._equal.add(self.store.commit(manifest, item_scores(unit, resolved, scored)))
        moved = f"moved since it was planned; scored at commit {resolved.commit}"
        return (*copied.notes, *((moved,) if has_moved else ()), *scored.notes,
                *_suspicion(unit), *warnings_of(manifest))  # fmt: skip

    def _fetched(self, unit: Unit, resolved: ResolvedCheckpoint, begin: float) -> float:
        """Say that the model is there, and return how long it took."""
        seconds = time.perf_counter() - begin
        self.listener(CheckpointFetched(unit.label, resolved.bytes_to_download, seconds))
        return seconds

    def _scored(
        self, unit: Unit, opened: OpenCheckpoint, plan: UnitPlan, fetched: Callable[[], float]
    ) -> Scored:
        """Score on a resident model; layer by layer where it does not fit or memory runs out."""
        try:
            return self._score_on(unit, self._opened(unit, opened, plan.scoring), plan, fetched)
        except (MemoryError, RuntimeError, OutOfMemoryError) as error:
            if not (isinstance(error, OutOfMemoryError) or is_out_of_memory(error)):
                raise
            if self._goes_by_layers(unit, plan.scoring) or not opened.weights_on_disk:
                raise
            self._model.release()
            self._layered[_need_of(unit, plan.scoring)] = True
            try:
                model = self._opened(unit, opened, plan.scoring)
            except UserError:
                raise error from None  # its weights cannot be read layer by layer
        # Outside of the handler: its error holds on to what was in memory.
        scored = self._score_on(unit, model, plan, fetched)
        return replace(scored, notes=("memory ran out: scored layer by layer",))

    def _score_on(
        self,
        unit: Unit,
        model: PreTrainedModel | LayeredModel,
        plan: UnitPlan,
        fetched: Callable[[], float],
    ) -> Scored:
        seconds_fetch, ready = fetched(), time.perf_counter()
        with threads_for(unit.checkpoint.model.parameters):
            tables = self._score_cells(unit, model, plan.scoring)
        shots = dict(zip(unit.cells, plan.shots, strict=True))
        seconds = time.perf_counter() - ready
        return Scored(tables, shots, seconds_fetch, seconds, str(model.device))

    def _goes_by_layers(self, unit: Unit, plan: ScoringPlan) -> bool:
        return self._layered.get(_need_of(unit, plan), False)

    def _plan(self, unit: Unit, folder: Path) -> UnitPlan:
        text = config_text(folder)
        if text is None or text not in self._lengths:
            config = config_in(folder, trust_remote_code=self.settings.trust_remote_code)
            self._lengths = {text: max_length_tokens(config)}
        arm = unit.checkpoint.model.arm
        return self._plans.plan(unit.cells, folder, self._lengths[text], arm=arm)

    def _opened(
        self, unit: Unit, checkpoint: OpenCheckpoint, plan: ScoringPlan
    ) -> PreTrainedModel | LayeredModel:
        """Return the model of `checkpoint`: in memory, or on disk where the budget is too small."""
        settings, folder = self.settings, checkpoint.folder
        terms = Terms(
            settings.dtype,
            settings.device,
            settings.memory_budget_bytes,
            settings.trust_remote_code,
        )
        # Decided once: what a process keeps of memory that it gave back says nothing of the model.
        key = _need_of(unit, plan)
        if key not in self._layered:
            held = self._model.n_bytes
            self._layered[key] = needs_layers(folder, [plan], terms, released_bytes=held)
        if not self._layered[key]:
            return self._model.load(folder, checkpoint.slices())
        if not checkpoint.weights_on_disk:
            raise ScoringError(
                "the model exceeds memory_budget, and only weights on disk can be read layer by "
                "layer",
                hint="set a larger memory_budget, or let the weights go through a folder: "
                "--spool DIR",
            )
        self._model.release()
        return open_layered(
            folder,
            dtype=settings.dtype,
            device=settings.device,
            budget_bytes=terms.budget_bytes,
        )

    def _on_its_way(self, unit: Unit) -> Ahead:
        """Return the reading of `unit`, which began before where it was foreseen."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.checkpoint == unit.checkpoint:
            return ahead
        if ahead is not None:
            ahead.close()
        size = self.settings.ahead_bytes
        return Ahead(unit.source, unit.checkpoint, size, may_wait=self._equal.knows)

    def _read_ahead(self, unit: Unit | None, present: ResolvedCheckpoint, after: Ahead) -> None:
        """Begin to read `unit` after what is being read, unless equal weights have its scores."""
        if unit is None:
            return

        def is_known(resolved: ResolvedCheckpoint) -> bool:
            return resolved.has_content_of(present) or self._equal.knows(resolved)

        size = self.settings.ahead_bytes
        self._ahead = Ahead(unit.source, unit.checkpoint, size, may_wait=is_known, after=after)

    def _score_cells(
        self, unit: Unit, model: PreTrainedModel | LayeredModel, plan: ScoringPlan
    ) -> dict[CellKey, pa.Table]:
        report = partial(_report, self.listener, unit.label)
        tables = score_plan(model, plan, progress=report)
        return {
            cell: judged(table, self.settings.tasks[cell.task])
            for cell, table in zip(unit.cells, tables, strict=True)
        }


def _need_of(unit: Unit, plan: ScoringPlan) -> _Need:
    return _Need(unit.checkpoint.suite, unit.checkpoint.model.name, plan.n_tokens)


def _too_large(unit: Unit, error: Exception) -> str:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return str(
        ScoringError(
            f"memory ran out while {unit.label} was scored: {first}",
            hint="use dtype bf16 or fp16, a larger machine, or fewer processes beside it",
        )
    )


def _report(listener: Listener, unit: str, n_items: int) -> None:
    listener(ItemsScored(unit, n_items))


def _suspicion(unit: Unit) -> tuple[str, ...]:
    return (f"suspect checkpoint: {unit.suspicion}",) if unit.suspicion else ()
