"""The benchmark's own table: a figure on the wrong side of its floor must say so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from floors import PROMISES, judged


@pytest.mark.parametrize(
    ("figure", "value", "floor_met", "goal_met"),
    [
        ("error_median_decades", 0.121, "MISS", "miss"),
        ("error_median_decades", 0.10, "pass", "miss"),
        ("error_median_decades", 0.08, "pass", "pass"),
        ("power", 0.64, "MISS", "miss"),
        ("power", 0.75, "pass", "pass"),
        ("coverage", 0.99, "MISS", "miss"),
        ("coverage", 0.98, "pass", "miss"),
        ("coverage", 0.91, "MISS", "miss"),
        ("checkpoints_adaptive", float("nan"), "MISS", "miss"),
    ],
)
def test_a_figure_is_held_to_the_right_side_of_its_bounds(figure, value, floor_met, goal_met):
    row = judged({figure: value}).iloc[0]
    assert (row["floor met"], row["goal met"]) == (floor_met, goal_met)


def test_a_goal_is_never_easier_than_its_floor():
    assert all(p.floor_met(p.goal) for p in PROMISES)
