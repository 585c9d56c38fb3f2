"""How often the p of a flip is small where nothing flips: at most p, or no correction is worth it.

Simulates runs of curves that never turn (``simulated_series.py``), asks ``find_flips``, and counts
how often p lies at or below a level. The correction of Benjamini and Hochberg rests on the small
levels. Prints one row per grid and shape, and one last line of JSON.

    python benchmarks/false_p.py [--series 60] [--grids 8 20 153] [--seed 0]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulated_series import (
    GRIDS,
    ITEMS,
    METRICS,
    SHOCKS,
    SIZES,
    WITHOUT_FLIP,
    Design,
    simulate,
)

from ckpt_analyzer.stats.flips import find_flips

LEVELS = (0.001, 0.01, 0.05, 0.1, 0.3, 0.5)


def p_of_cell(shape: str, grid: int, n_series: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the p of series of one shape, shocks, items, metrics and sizes in an order of chance.

    The series of a run share items, so they are not independent.
    """
    designs = list(itertools.product(SHOCKS, METRICS, SIZES, ITEMS))
    order = itertools.cycle(rng.permutation(len(designs)))
    found: list[float] = []
    while len(found) < n_series:
        shock, metric, n_sizes, n_items = designs[next(order)]
        run = simulate(Design(shape, grid, shock, n_items, metric, n_sizes), rng)
        found += find_flips(run.table())["p"].tolist()
    return pd.DataFrame({"shape": shape, "grid": grid, "p": found})


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=60, help="series per shape and grid")
    parser.add_argument("--grids", type=int, nargs="*", default=list(GRIDS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    cells = itertools.product(args.grids, WITHOUT_FLIP)
    rows = pd.concat([p_of_cell(shape, grid, args.series, rng) for grid, shape in cells])
    below = pd.DataFrame({f"p <= {t}": rows["p"] <= t for t in LEVELS})
    cell = below.groupby([rows["grid"], rows["shape"]], sort=False)
    print(cell.mean().assign(n=cell.size()).round(4).to_string())
    print(
        json.dumps(
            below.mean().round(4).to_dict()
            | {"n_series": len(rows), "cpu_seconds": round(time.process_time(), 1)}
        )
    )


if __name__ == "__main__":
    main()
