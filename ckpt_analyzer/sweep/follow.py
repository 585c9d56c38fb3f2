"""Follow a run: score its checkpoints as they appear, until it ends.

In: a way to plan and a way to run a plan, both asked again and again. Out: how it ended. A
checkpoint that is not whole is waited for; one that was removed before it could be scored is
counted; one that failed is tried again when its files change. The module knows nothing of folders
and repositories (``checkpoints/growth.py``) nor of how a plan is run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ckpt_analyzer.checkpoints.growth import Growth, NothingYetError, Seen
from ckpt_analyzer.errors import SourceError, SweepError
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.mark import is_store
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.config import Sweep
from ckpt_analyzer.sweep.execute import RunSummary
from ckpt_analyzer.sweep.plan import Plan, Unit
from ckpt_analyzer.sweep.steps import ADAPTIVE


@dataclass(frozen=True)
class Terms:
    """How often to look, and when to stop; with no end given, the user stops it.

    Parameters
    ----------
    every_seconds
        Between two looks.
    until_step
        Stop once this step, or a later one, of every model is dealt with.
    until_file
        Stop once this file exists and all checkpoints that were there by then are dealt with.
    idle_seconds
        Stop when nothing new was scored for so long.
    """

    every_seconds: float
    until_step: int | None = None
    until_file: Path | None = None
    idle_seconds: float | None = None


@dataclass(frozen=True)
class Followed:
    """How following ended.

    Parameters
    ----------
    failed
        Units that failed and are still there.
    gone
        Checkpoints that were removed before they could be scored.
    waiting
        Checkpoints that are not whole yet, each with what it lacks.
    """

    n_done: int
    failed: tuple[UnitStatus, ...]
    gone: tuple[Seen, ...]
    waiting: dict[Seen, str]


@dataclass
class Follower:
    """What following remembers from look to look.

    Parameters
    ----------
    plan
        Plans the sweep as things stand, with `growth` in its overrides.
    run
        Runs a plan.
    tell
        Is told in a sentence what a user may wonder about.
    """

    plan: Callable[[], Plan]
    run: Callable[[Plan], RunSummary]
    growth: Growth
    terms: Terms
    tell: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _n_done: int = 0
    _failed: dict[tuple[Seen, str], UnitStatus] = field(default_factory=dict)
    _scored: set[Seen] = field(default_factory=set)
    _told: dict[Seen, str] = field(default_factory=dict)
    _told_gone: set[Seen] = field(default_factory=set)
    _has_planned: bool = False

    def follow(self) -> Followed:
        """Look, run what is new, wait; until an end that the terms name.

        Raises
        ------
        UserError
            If the sweep cannot be planned at the first look, or the store cannot be written.
        """
        last_news = self.clock()
        while True:
            # Before the look: what was whole when the file appeared is scored.
            is_ending = self.terms.until_file is not None and self.terms.until_file.exists()
            if self._look():
                last_news = self.clock()
            self._say()
            is_idle = self._is_idle(last_news)
            if (is_ending and not self.growth.waiting) or self._has_reached_step() or is_idle:
                return self.followed()
            self.sleep(self.terms.every_seconds)

    def followed(self) -> Followed:
        """Return how it stands."""
        gone = self._gone()
        failed = [status for (seen, _), status in self._failed.items() if seen not in gone]
        return Followed(self._n_done, tuple(failed), tuple(sorted(gone)), dict(self.growth.waiting))

    def _look(self) -> bool:
        """Score what is new; return whether there was anything."""
        try:
            plan = self.plan()
        except (NothingYetError, FileNotFoundError):
            return False  # not begun, or a checkpoint was removed while it was looked at
        except SourceError as error:
            if not self._has_planned:
                raise
            self.tell(f"{error.problem}; looked for again in {self.terms.every_seconds:g} s")
            return False
        if not self._has_planned:
            check_followable(plan.sweep)
            self._has_planned = True
            self._note_scored(plan.sweep)
        units = tuple(unit for unit in plan.units if _key(unit) not in self._failed)
        if not units:
            return False
        summary = self.run(replace(plan, units=units))
        self._n_done += summary.n_done
        by_label = {unit.label: unit for unit in units}
        for status in summary.failed:
            self._failed[_key(by_label[status.unit])] = status
        self._note_scored(plan.sweep)
        return True

    def _note_scored(self, sweep: Sweep) -> None:
        if is_store(sweep.store):
            units = open_store(sweep.store).manifests()
            self._scored |= {Seen(unit.model, unit.step) for unit in units}

    def _gone(self) -> set[Seen]:
        return self.growth.ever - self.growth.present - self._scored

    def _say(self) -> None:
        for seen, problem in self.growth.waiting.items():
            if self._told.get(seen) != problem:
                self.tell(f"waiting for {seen.model} step {seen.step}: {problem}")
        self._told = dict(self.growth.waiting)
        for seen in sorted(self._gone() - self._told_gone):
            self.tell(f"{seen.model} step {seen.step} was removed before it could be scored")
            self._told_gone.add(seen)

    def _has_reached_step(self) -> bool:
        """Return whether every model has dealt with the last step that is wanted."""
        if self.terms.until_step is None or not self.growth.ever:
            return False
        dealt_with = self._scored | self._gone() | {seen for seen, _ in self._failed}
        reached: dict[str, int] = {seen.model: -1 for seen in self.growth.ever}
        for seen in dealt_with & self.growth.ever:
            reached[seen.model] = max(reached[seen.model], seen.step)
        earlier = (seen for seen in self.growth.waiting if seen.step <= self.terms.until_step)
        return min(reached.values()) >= self.terms.until_step and not any(earlier)

    def _is_idle(self, last_news: float) -> bool:
        limit = self.terms.idle_seconds
        return limit is not None and self.clock() - last_news >= limit


def check_followable(sweep: Sweep) -> None:
    """Refuse steps that are chosen among all: those of a run at work are not known.

    Raises
    ------
    SweepError
        If the steps are ``adaptive`` or ``log:N``.
    """
    for selection in sweep.suites:
        spec = selection.steps or sweep.steps
        if isinstance(spec, str) and (spec == ADAPTIVE or spec.startswith("log:")):
            raise SweepError(
                f"steps {spec} are chosen among all steps, and those of a run at work are not "
                "known yet",
                where=sweep.where("steps", selection),
                hint="follow with steps: all, a list, or a range like 0:100000:500",
            )


def _key(unit: Unit) -> tuple[Seen, str]:
    return Seen(unit.checkpoint.model.name, unit.checkpoint.step), unit.cells[0].commit
