"""``ckpt-analyzer status STORE``: what a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import Json, quoted, show, talk
from ckpt_analyzer.errors import EngineError

if TYPE_CHECKING:
    import pandas as pd

    from ckpt_analyzer.store.place import Place

NAME = "status"


def command(store: StoreFolder, as_json: Json = False) -> None:
    """Say what a store holds, model by model, and what clusters are doing for it."""
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    _say_jobs(opened.path)
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


def _say_jobs(store: Place) -> None:
    """Say what is at work for `store`; a job whose cluster is not here is said as well."""
    from ckpt_analyzer import engines
    from ckpt_analyzer.store.jobs import Said, read_jobs

    for record in read_jobs(store):
        if (states := engines.load(record.engine).states) is None:
            continue
        try:
            at_work = states(record)
        except EngineError as error:
            talk(f"{record.name}: {error.problem}")
            continue
        if at_work:
            ended = sum(len(Said(record.folder, n).statuses()) for n in range(record.n_parts))
            tasks = ", ".join(f"{n} {state}" for state, n in sorted(at_work.items()))
            talk(f"{record.name}: {ended} of {record.n_units} units ended; tasks: {tasks}")


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
