"""What a store holds, model by model: what ``status`` shows.

In: the table of its runs, and the imported means. Out: one row per model, scored ones first.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

COLUMNS = (
    "suite", "model", "checkpoints", "steps", "items", "imported values", "truncated",
    "with fewer shots", "not scored", "suspect", "equal weights", "last",
)  # fmt: skip


def holdings(runs: pd.DataFrame, imported: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model, with the columns `COLUMNS`; counts are over all checkpoints.

    `runs` is ``Store.runs()``, `imported` is ``Store.imported()``: there are no items behind it.
    """
    return pd.DataFrame([*_scored(runs), *_imported(imported)], columns=list(COLUMNS))


def _scored(runs: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    runs = runs.sort_values(["suite", "parameters", "model"])
    for (suite, model), group in runs.groupby(["suite", "model"], sort=False):
        rows.append(
            {
                "suite": suite,
                "model": model,
                "checkpoints": int(group["step"].nunique()),
                "steps": f"{group['step'].min()} … {group['step'].max()}",
                "items": int(group["n_items"].sum()),
                "imported values": 0,
                "truncated": int(group["n_truncated"].sum()),
                "with fewer shots": int(group["n_shots_cut"].sum()),
                "not scored": int(group["n_unscored"].sum()),
                "suspect": int(group.loc[group["suspect"].notna(), "step"].nunique()),
                "equal weights": int(group.loc[group["copied_from"].notna(), "step"].nunique()),
                "last": str(group["created"].max())[:19].replace("T", " ") + " UTC",
            }
        )
    return rows


def _imported(trends: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per model of which means were imported; there are no items behind them."""
    trends = trends.sort_values(["suite", "parameters", "model"])
    return [
        {
            "suite": suite,
            "model": model,
            "checkpoints": int(group["step"].nunique()),
            "steps": f"{group['step'].min()} … {group['step'].max()}",
            "items": 0,
            "imported values": len(group),
            "truncated": 0,
            "with fewer shots": 0,
            "not scored": int(group["n_unscored"].sum()),
            "suspect": int(group.loc[group["suspect"].notna(), "step"].nunique()),
            "equal weights": 0,
            "last": "",
        }
        for (suite, model), group in trends.groupby(["suite", "model"], sort=False)
    ]
