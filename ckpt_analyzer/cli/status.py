"""``ckpt-analyzer status STORE``: what a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import Json, quoted, show, talk

if TYPE_CHECKING:
    import pandas as pd

NAME = "status"


def command(store: StoreFolder, as_json: Json = False) -> None:
    """Say what a store holds: checkpoints, items and doubts, model by model."""
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    show([*_scored(opened.runs()), *_imported(opened.imported())], as_json=as_json)
    for damage in opened.damaged():
        talk(f"{damage.path}: {damage.reason}", mark="does not count:")
    if leftovers := opened.listing().leftovers:
        talk(
            f"{len(leftovers)} files without a manifest, of a run at work or of one that ended "
            f"early, such as {leftovers[0]}",
            mark="does not count:",
        )
    if not (opened.is_fitted() or opened.is_fitted(with_suspects=True)):
        talk(f"not fitted since it was last filled; next: ckpt-analyzer fit {quoted(store)}")


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
