"""How many of 153 checkpoints an adaptive search needs to place a turn as the whole grid does.

Simulates curves over the 153 trained checkpoints of Pythia that turn once, with item noise and with
shocks that all items share, and compares checkpoints chosen round by round (``stats/next_steps``)
with as many spaced evenly in the logarithm. A place counts as right where it lies in the interval
of the whole grid. Prints a table, and one last line of JSON.

    python benchmarks/adaptive.py [--series 60] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from floors import judged

from ckpt_analyzer.stats.flips import find_flips
from ckpt_analyzer.stats.next_steps import Curve, Grid, Search, next_steps, place_of
from ckpt_analyzer.stats.noise import estimate_noise
from ckpt_analyzer.stats.series_tables import Cut, cut_series
from ckpt_analyzer.suites import load
from ckpt_analyzer.sweep.steps import select_steps

SUITE = load("pythia")
STEPS = np.array([step for step in SUITE.model("1b").steps if step > 0])
POSITIONS = np.log10(STEPS * SUITE.model("1b").tokens_per_step)
GRID = Grid(STEPS, POSITIONS)
BUDGETS = (8, 12, 16, 20, 24, 28, 32, 40, 56)
SHOCKS = (0.0, 0.01, 0.02)
N_ITEMS = 1000


@dataclass(frozen=True)
class Suite:
    """Simulated curves: their values at every step, and where each turns."""

    value_CS: np.ndarray
    turn_C: np.ndarray
    shock: float


def simulate(n_curves: int, shock: float, rng: np.random.Generator) -> Suite:
    """Return curves with one turn between 10^8.8 and 10^11.2 tokens, arms of several forms."""
    turn_C = rng.uniform(8.8, 11.2, n_curves)
    curves = []
    for turn in turn_C:
        sign = rng.choice([-1.0, 1.0])
        left, right = rng.uniform(0.06, 0.25, 2)
        power = rng.choice([0.7, 1.0, 2.0])
        before = np.clip((turn - POSITIONS) / rng.uniform(0.8, 2.0), 0, 1) ** power
        after = np.clip((POSITIONS - turn) / (POSITIONS[-1] - turn), 0, 1) ** power
        curves.append(0.5 + sign * (left * before + right * after - 0.12))
    mean_CS = np.clip(
        np.array(curves) + shock * rng.normal(size=(n_curves, len(STEPS))), 0.01, 0.99
    )
    return Suite(rng.binomial(N_ITEMS, mean_CS) / N_ITEMS, turn_C, shock)


def table(suite: Suite, chosen: Sequence[Sequence[int]]) -> pd.DataFrame:
    """Return the means of curve c at the steps ``chosen[c]``."""
    parts = []
    for curve, steps in enumerate(chosen):
        at = np.searchsorted(STEPS, np.sort(np.asarray(steps)))
        value = suite.value_CS[curve, at]
        parts.append(
            pd.DataFrame(
                {
                    "task": f"{curve:03d}", "metric": "accuracy", "size": "1b", "step": STEPS[at],
                    "tokens": 10 ** POSITIONS[at], "value": value, "n_items": N_ITEMS,
                    "stderr": np.sqrt(value * (1 - value) / N_ITEMS),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def curves_of(rows: pd.DataFrame) -> list[Curve]:
    """Return the curves of a table, by task."""
    series = cut_series(rows, Cut("tokens"))
    noises = estimate_noise(series)
    return [Curve(s, n.shock_variance) for s, n in zip(series, noises, strict=True)]


def search(suite: Suite, budget: int) -> list[list[int]]:
    """Return for every curve the steps in the order in which they are chosen, `budget` at most."""
    rules = Search(budget=budget, look=budget, width_decades=0.0)
    chosen = [list(select_steps(f"log:{rules.start}", STEPS.tolist())) for _ in suite.turn_C]
    while True:
        curves = curves_of(table(suite, chosen))
        added = [next_steps([c], GRID, s, rules) for c, s in zip(curves, chosen, strict=True)]
        if not any(added):
            return chosen
        for steps, proposals in zip(chosen, added, strict=True):
            steps.extend(proposal.step for proposal in proposals)


def places(suite: Suite, chosen: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the place of the best turn of every curve, in log10 tokens."""
    return np.array([place_of(curve).at for curve in curves_of(table(suite, chosen))])


def measure(suite: Suite) -> pd.DataFrame:
    """Return one row per budget: how often the place lies in the interval of the whole grid."""
    full = find_flips(table(suite, [STEPS.tolist()] * len(suite.turn_C)))
    called = full["verdict"].isin(["U", "inverted_U"]).to_numpy()
    lo, hi, at = (np.log10(full[c].to_numpy(float)) for c in ("ci_lo", "ci_hi", "flip_at"))
    chosen = search(suite, max(BUDGETS))
    rows = []
    for budget in BUDGETS:
        ours = places(suite, [steps[:budget] for steps in chosen])
        log = [select_steps(f"log:{budget}", STEPS.tolist())] * len(chosen)
        even = places(suite, log)
        rows.append(
            {
                "shock": suite.shock,
                "checkpoints": budget,
                "n_places": int(called.sum()),
                "inside": float(((lo <= ours) & (ours <= hi))[called].mean()),
                "inside_log_spaced": float(((lo <= even) & (even <= hi))[called].mean()),
                "error_decades": float(np.median(np.abs(ours - suite.turn_C)[called])),
                "error_log_spaced": float(np.median(np.abs(even - suite.turn_C)[called])),
                "error_whole_grid": float(np.median(np.abs(at - suite.turn_C)[called])),
                "width_whole_grid": float(np.median((hi - lo)[called])),
            }
        )
    return pd.DataFrame(rows)


def needed(rows: pd.DataFrame, column: str) -> int | None:
    """Return the least number of checkpoints from which on 95 % of the places are inside."""
    weight = rows.assign(right=rows[column] * rows["n_places"]).groupby("checkpoints")
    share = weight["right"].sum() / weight["n_places"].sum()
    enough = [budget for budget in BUDGETS if (share[share.index >= budget] >= 0.95).all()]
    return min(enough, default=None)


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=60, help="series per shock")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.process_time()
    rng = np.random.default_rng(args.seed)
    rows = pd.concat([measure(simulate(args.series, shock, rng)) for shock in SHOCKS])
    print(rows.round(3).to_string(index=False))
    summary = {
        "checkpoints_adaptive": needed(rows, "inside"),
        "checkpoints_log_spaced": needed(rows, "inside_log_spaced"),
        "of": len(STEPS),
        "cpu_seconds": time.process_time() - started,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    most = summary["checkpoints_adaptive"]
    promised = judged({"checkpoints_adaptive": float("nan") if most is None else most})
    print(f"\n{promised.to_string(index=False)}")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
