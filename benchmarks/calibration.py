"""How often flips are called where there is none, found where there is one, and placed right.

Simulates runs item by item (``simulated_series.py``): 10 shapes x 3 grids x 4 kinds of shock;
items, metrics and numbers of sizes take turns within each cell, in an order of chance. Asks
``find_flips`` and the usual methods (``rivals.py``) on the same series. Prints tables, the last of
which says which floors and goals are met (``floors.py``), and one last line of JSON.

    python benchmarks/calibration.py [--series 60] [--quick] [--processes 2] [--seed 0] [--foreign]

``--foreign`` takes turns of families that the simulator does not have (``foreign_curves.py``).

"Weaker arm of 4 SE": the smaller change of the two arms over the range of the grid, divided by the
standard error of the difference of two checkpoints, items drawn anew and shocks included.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rivals
from floors import judged
from simulated_series import (
    GRIDS,
    ITEMS,
    METRICS,
    SHOCKS,
    SIZES,
    WITH_FLIP,
    WITHOUT_FLIP,
    Design,
    Run,
    simulate,
)

from ckpt_analyzer.stats.flips import find_flips
from ckpt_analyzer.stats.series_tables import Cut, cut_series

TURNED = ("U", "inverted_U", "other")
STRONG_SE = 4.0
CELL = ["shape", "grid", "shock"]


@dataclass(frozen=True)
class Cell:
    """One shape on one grid with one kind of shock, and how many of its series to judge."""

    shape: str
    grid: int
    shock: str
    n_series: int
    seed: int
    foreign: bool


def measure_cell(cell: Cell) -> pd.DataFrame:
    """Return one row per series and method of one cell."""
    rng = np.random.default_rng(cell.seed)
    # In a fixed order a short study would see the first designs only: accuracy of few items.
    designs = list(itertools.product(METRICS, SIZES, ITEMS))
    order = itertools.cycle(rng.permutation(len(designs)))
    parts: list[pd.DataFrame] = []
    while sum(part["method"].eq("find_flips").sum() for part in parts) < cell.n_series:
        metric, n_sizes, n_items = designs[next(order)]
        design = Design(cell.shape, cell.grid, cell.shock, n_items, metric, n_sizes, cell.foreign)
        parts.append(_judged(simulate(design, rng)))
    return pd.concat(parts, ignore_index=True)


def _judged(run: Run) -> pd.DataFrame:
    table = run.table()
    started = time.process_time()
    flips = find_flips(table).set_index("size")
    seconds = (time.process_time() - started) / len(flips)
    rows = []
    for series in cut_series(table, Cut("tokens")):
        truth = next(t for t in run.truths if t.size == series.key["size"])
        known = {
            "shape": run.design.shape, "grid": run.design.grid, "shock": run.design.shock,
            "n_items": run.design.n_items, "metric": run.design.metric,
            "n_sizes": run.design.n_sizes, "family": truth.family,
            "weaker_arm_se": truth.weaker_arm_se, "true_verdicts": truth.verdicts,
            "turn": truth.turns[0] if len(truth.turns) == 1 else np.nan,
        }  # fmt: skip
        found = flips.loc[truth.size]
        places = np.log10(found[["flip_tokens", "ci_lo", "ci_hi", "honest_lo", "honest_hi"]]
                          .astype(float))  # fmt: skip
        rows.append(
            known | dict(places)
            | {"method": "find_flips", "verdict": found["verdict"], "seconds": seconds}
        )  # fmt: skip
        rows += [known | _rival(name, series) for name in rivals.NAMES]
    return pd.DataFrame(rows)


def _rival(name: str, series: object) -> dict[str, object]:
    called = rivals.call(name, series)
    return {
        "method": name, "verdict": "U" if called.flips else "none",
        "ci_lo": np.nan if called.lo is None else called.lo,
        "ci_hi": np.nan if called.hi is None else called.hi,
    }  # fmt: skip


def figures(rows: pd.DataFrame) -> dict[str, float]:
    """Return the figures of one method."""
    ours = rows["method"].iloc[0] == "find_flips"
    rows = rows.assign(called=rows["verdict"].isin(TURNED))
    none = rows[rows["shape"].isin(WITHOUT_FLIP)]
    one = rows[rows["shape"].isin(WITH_FLIP)]
    right = [v in t if ours else v == "U" for v, t in zip(one["verdict"], one["true_verdicts"],
                                                           strict=True)]  # fmt: skip
    one = one.assign(found=right)
    found = one[one["found"] & one["ci_lo"].notna()]
    found = found.assign(
        covered=(found["ci_lo"] <= found["turn"]) & (found["turn"] <= found["ci_hi"])
    )
    result = {
        "false_flips": none["called"].mean(),
        "false_flips_worst_cell": none.groupby(CELL)["called"].mean().max(),
        "power_from_4_se": one.loc[one["weaker_arm_se"] >= STRONG_SE, "found"].mean(),
        "power": one["found"].mean(),
        "coverage": found["covered"].mean(),
        "coverage_worst_grid": found.groupby("grid")["covered"].mean().min(),
        **{f"coverage_{g}": part["covered"].mean() for g, part in found.groupby("grid")},
    }
    if ours:
        error = (found["flip_tokens"] - found["turn"]).abs()
        honest = (found["honest_lo"] <= found["turn"]) & (found["turn"] <= found["honest_hi"])
        result |= {
            "honest_coverage": honest.mean(),
            "error_median_decades": error.median(),
            "error_p90_decades": error.quantile(0.9),
            **{
                f"error_median_{g}": error[part.index].median() for g, part in found.groupby("grid")
            },
            "width_median_decades": (found["ci_hi"] - found["ci_lo"]).median(),
            "w_called_other": rows.loc[rows["shape"] == "W", "verdict"].eq("other").mean(),
            "seconds_153_points_1000_items": rows.loc[
                (rows["grid"] == 153) & (rows["n_items"] == 1000), "seconds"
            ].median(),
        }
    return {name: round(float(value), 4) for name, value in result.items()}


def show(rows: pd.DataFrame) -> None:
    """Print rates per cell, and the figures of all methods."""
    ours = rows[rows["method"] == "find_flips"]
    right = [v in t for v, t in zip(ours["verdict"], ours["true_verdicts"], strict=True)]
    ours = ours.assign(flip=ours["verdict"].isin(TURNED), right=right)
    shapes = list(dict.fromkeys(ours["shape"]))
    for title, column, wanted in (
        ("Called a flip where there is none", "flip", WITHOUT_FLIP),
        ("Verdict right", "right", (*WITH_FLIP, "W")),
    ):
        part = ours[ours["shape"].isin(wanted)]
        table = part.pivot_table(index=["grid", "shock"], columns="shape", values=column)
        print(f"\n{title}\n{table[[s for s in shapes if s in wanted]].round(3).to_string()}")
    methods = {name: figures(part) for name, part in rows.groupby("method", sort=False)}
    print(f"\n{pd.DataFrame(methods).round(3).to_string()}")


def _cpu_seconds() -> float:
    """Return what this process and those that it started have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    """Run the whole study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=60, help="series per cell, at least")
    parser.add_argument("--quick", action="store_true", help="12 series per cell")
    parser.add_argument("--foreign", action="store_true", help="turns of other families")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--grids", type=int, nargs="*", default=list(GRIDS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    shapes = (*WITHOUT_FLIP, *WITH_FLIP, "W")
    n_series = 12 if args.quick else args.series
    cells = [
        Cell(shape, grid, shock, n_series, args.seed * 1_000_003 + i, args.foreign)
        for i, (shape, grid, shock) in enumerate(itertools.product(shapes, args.grids, SHOCKS))
    ]
    # The slowest first, so that no process waits for one of them at the end.
    cells.sort(key=lambda cell: -cell.grid)
    if args.processes > 1:
        with ProcessPoolExecutor(args.processes) as pool:
            rows = pd.concat(pool.map(measure_cell, cells), ignore_index=True)
    else:
        rows = pd.concat([measure_cell(cell) for cell in cells], ignore_index=True)
    show(rows)
    ours = figures(rows[rows["method"] == "find_flips"].reset_index(drop=True))
    print(f"\n{judged(ours).to_string(index=False)}")
    quadratic = figures(rows[rows["method"] == "quadratic u-test"])
    print(
        json.dumps(
            ours
            | {f"quadratic_{name}": value for name, value in quadratic.items()}
            | {
                "cpu_seconds": round(_cpu_seconds(), 1),
                "n_series": len(rows) // (1 + len(rivals.NAMES)),
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scipy": scipy.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
