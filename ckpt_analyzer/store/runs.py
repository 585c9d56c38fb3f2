"""One row per unit, for the status command and the report.

In: manifests. Out: a pandas table with the columns RUNS.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ckpt_analyzer.store.unit import UnitManifest

_FROM_MANIFEST = (
    "unit_id", "suite", "model", "size", "arm", "base_model", "seed", "parameters", "revision",
    "commit", "step", "tokens", "arm_tokens", "weights_sha256", "suspect", "sweep_sha256",
    "seconds_fetch", "seconds_score", "device", "parquet_bytes", "created", "copied_from",
)  # fmt: skip
_COUNTS = ("n_items", "n_truncated", "n_unscored", "n_shots_cut")

#: ``tasks`` is a list of names, ``versions`` text for people.
RUNS = (*_FROM_MANIFEST, "tasks", "n_cells", *_COUNTS, "versions")


def runs_table(manifests: Iterable[UnitManifest]) -> pd.DataFrame:
    """Return one row per manifest, with the counts of its cells summed."""
    rows = [
        {
            **{name: getattr(manifest, name) for name in _FROM_MANIFEST},
            "tasks": sorted({cell.key.task for cell in manifest.cells}),
            "n_cells": len(manifest.cells),
            **{name: sum(getattr(cell, name) for cell in manifest.cells) for name in _COUNTS},
            "versions": ", ".join(f"{k} {v}" for k, v in sorted(manifest.versions.items())),
        }
        for manifest in manifests
    ]
    return pd.DataFrame(rows, columns=list(RUNS))
