"""Follow the sweep of a run at work, from its first checkpoint to one of its ends.

In: a sweep and how it is followed and run. Out: how it ended. Joins the plan of whole checkpoints,
an engine, and the page that stays fresh; when to look and when to stop is ``sweep/follow.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from ckpt_analyzer import engines
from ckpt_analyzer.checkpoints.growth import Growth
from ckpt_analyzer.checkpoints.hub_suite import HubFacts
from ckpt_analyzer.events import Listener
from ckpt_analyzer.live.fresh_report import FreshReport
from ckpt_analyzer.sweep.config import Sweep
from ckpt_analyzer.sweep.execute import RunSummary, execute
from ckpt_analyzer.sweep.follow import Followed, Follower, Terms, check_followable
from ckpt_analyzer.sweep.plan import Plan
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep

#: A checkpoint counts as whole once it has not changed for so long.
SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Running:
    """How a plan is run, and the page that is written of it."""

    engine: str = "local"
    endpoint: str | None = None
    terms: engines.Terms = field(default_factory=engines.Terms)
    page: FreshReport | None = None

    def run(self, plan: Plan, listener: Listener) -> RunSummary:
        """Run `plan`; what is scored is in its store whatever happens."""
        return execute(
            plan,
            engine=self.engine,
            terms=self.terms,
            listener=listener,
            endpoint=self.endpoint,
        )


@dataclass(frozen=True)
class Following:
    """How a run is followed.

    Parameters
    ----------
    tell
        Is told in a sentence what a user may wonder about.
    """

    terms: Terms
    listener: Listener
    running: Running
    tell: Callable[[str], None]
    settle_seconds: float = SETTLE_SECONDS


def follow_sweep(sweep: Sweep, overrides: Overrides, following: Following) -> Followed:
    """Follow `sweep` to one of its ends; Ctrl-C is one of them.

    Raises
    ------
    UserError
        If the sweep cannot be followed or planned, or the store cannot be written.
    """
    check_followable(sweep)
    growth, running = Growth(following.settle_seconds), following.running
    overrides = replace(overrides, growth=growth, facts=HubFacts())
    page = running.page
    listener = following.listener if page is None else page.after_units(following.listener)

    def run(plan: Plan) -> RunSummary:
        summary = running.run(plan, listener)
        if page is not None:
            page.write()
        return summary

    follower = Follower(
        partial(plan_sweep, sweep, overrides), run, growth, following.terms, tell=following.tell
    )
    try:
        return follower.follow()
    except KeyboardInterrupt:
        return follower.followed()
    finally:
        if page is not None:
            page.write()


def polite_seconds(sweep: Sweep) -> float:
    """Return how long to wait between looks: a Hub is asked less often than a disk."""
    return 60.0 if any(each.hub_repo for each in sweep.suites) else 30.0
