"""``ckpt-analyzer fit STORE``: find the flips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ckpt_analyzer.cli.options import StoreFolder, WithSuspects
from ckpt_analyzer.cli.output import Json, Row, busy, quoted, readable_count, show, talk
from ckpt_analyzer.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

NAME = "fit"


def command(
    store: StoreFolder,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.5, help="Level of the tests.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Seed of the simulated null distributions.")] = 0,
    axis: Annotated[
        str, typer.Option(help="Show verdicts along tokens, parameters, flops or shots.")
    ] = "tokens",
    every_metric: Annotated[
        bool, typer.Option("--all", help="Show all metrics, not accuracy alone.")
    ] = False,
    regression: Annotated[
        bool, typer.Option("--regression", help="Show the size × tokens regression instead.")
    ] = False,
    with_suspects: WithSuspects = False,
    as_json: Json = False,
) -> None:
    """Locate where trends flip, and keep the verdicts in the store."""
    from ckpt_analyzer.analysis.fitting import fit
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    with busy("fitting every series"):
        fitted = fit(opened, alpha=alpha, seed=seed, with_suspects=with_suspects)
    if regression:
        show(fitted.regression.to_dict("records"), as_json=as_json)
        return
    flips = fitted.flips
    if not as_json:
        known = list(flips["axis"].unique())
        if axis not in known:
            raise UnknownNameError("axis with trends", axis, known, where=str(store))
        flips = flips[flips["axis"] == axis]
    if not every_metric and not as_json and (flips["metric"] == "accuracy").any():
        flips = flips[flips["metric"] == "accuracy"]
    rows: Sequence[Row] = flips.to_dict("records") if as_json else verdict_rows(flips)
    show(rows, as_json=as_json)
    talk(f"next: ckpt-analyzer report {quoted(store)} -o report.html")


def verdict_rows(flips: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one short row per series: flips first, the surest on top."""
    turns = flips["verdict"].isin(("U", "inverted_U"))
    strength = flips["p_adjusted"].where(turns, 0.0)
    rows = flips.assign(_order=~turns, _strength=strength).sort_values(
        ["_order", "_strength", "task", "arm", "parameters", "shots", "metric"], kind="stable"
    )
    settings = ("shots", "prompt_format", "dtype")
    varying = [name for name in settings if rows.groupby("axis")[name].nunique().max() > 1]
    return [_row(row, varying) for row in rows.to_dict("records")]


def _row(flip: dict[Any, Any], varying: Sequence[str]) -> dict[str, Any]:
    return {
        "task": flip["task"],
        "model": flip["model"],
        **({} if flip["axis"] in ("tokens", "flops") else {"at": flip["size"]}),
        **{name: flip[name] for name in varying},
        "metric": flip["metric"],
        "verdict": flip["verdict"],
        "turns at": _place(flip),
        "p": _p(flip["p"]),
        "p adjusted": _p(flip["p_adjusted"]),
        "flags": flip["flags"],
    }


def _place(flip: dict[Any, Any]) -> str:
    if flip["verdict"] not in ("U", "inverted_U") or flip["flip_at"] != flip["flip_at"]:
        return ""
    low, high = (readable_count(flip[name]) for name in ("ci_lo", "ci_hi"))
    return f"{readable_count(flip['flip_at'])} {flip['axis']} [{low}, {high}]"


def _p(p: float | None) -> str:
    if p is None or p != p:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
