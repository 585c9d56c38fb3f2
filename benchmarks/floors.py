"""What the statistics of flips promise: a floor and a goal for each figure of the calibration.

In: the figures of ``calibration.py`` or ``adaptive.py``, by name. Out: a table that says of each
whether the floor and the goal are met. The module measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Promise:
    """One figure: the worst value that is let pass, and the value that is aimed at.

    Parameters
    ----------
    floor, goal
        Bounds from below where the goal is the larger of the two, and from above otherwise.
    most_floor, most_goal
        Bounds from above as well, of a rate that may be too large.
    """

    title: str
    figure: str
    floor: float
    goal: float
    most_floor: float | None = None
    most_goal: float | None = None

    def floor_met(self, value: float) -> bool:
        """Return whether `value` is on the right side of the floor."""
        return self._within(value, self.floor, self.most_floor)

    def goal_met(self, value: float) -> bool:
        """Return whether `value` is on the right side of the goal."""
        return self._within(value, self.goal, self.most_goal)

    def _within(self, value: float, bound: float, most: float | None) -> bool:
        if self.goal < self.floor:
            return value <= bound
        return value >= bound and (most is None or value <= most)


PROMISES = (
    Promise("false flips, overall", "false_flips", 0.03, 0.014),
    Promise("false flips, worst cell", "false_flips_worst_cell", 0.12, 0.08),
    Promise("found, weaker arm from 4 SE", "power_from_4_se", 0.85, 0.92),
    Promise("found, all", "power", 0.65, 0.75),
    Promise("coverage, overall", "coverage", 0.92, 0.94, 0.98, 0.97),
    Promise("coverage, worst grid", "coverage_worst_grid", 0.88, 0.92),
    Promise("error of the place, median (decades)", "error_median_decades", 0.12, 0.09),
    Promise("error of the place, 90 % (decades)", "error_p90_decades", 0.5, 0.33),
    Promise("W called other", "w_called_other", 0.35, 0.60),
    Promise("CPU seconds, 153 x 1,000", "seconds_153_points_1000_items", 0.5, 0.05),
    Promise("adaptive: checkpoints of 153", "checkpoints_adaptive", 40, 24),
)


def judged(figures: Mapping[str, float]) -> pd.DataFrame:
    """Return one row per promise of which `figures` knows the value; NaN counts as missed."""
    rows = [
        {
            "figure": promise.title, "value": figures[promise.figure],
            "floor": _bounds(promise.floor, promise.most_floor),
            "goal": _bounds(promise.goal, promise.most_goal),
            "floor met": "pass" if promise.floor_met(figures[promise.figure]) else "MISS",
            "goal met": "pass" if promise.goal_met(figures[promise.figure]) else "miss",
        }
        for promise in PROMISES
        if promise.figure in figures
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _bounds(least: float, most: float | None) -> str:
    return f"{least:g}" if most is None else f"{least:g} to {most:g}"
