"""``ckpt-analyzer demo``: the whole way on the toy suite that ships with the package."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ckpt_analyzer import tasks
from ckpt_analyzer.cli.output import Json, busy, quoted, readable_count, show, talk
from ckpt_analyzer.cli.progress import model_names, progress
from ckpt_analyzer.cli.run import run_plan

if TYPE_CHECKING:
    import pandas as pd

NAME = "demo"


def command(
    store: Annotated[Path, typer.Option("--store", help="Store folder.")] = Path("stores/demo"),
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path(
        "reports/demo/index.html"
    ),
    as_json: Json = False,
) -> None:
    """Score trained toy models checkpoint by checkpoint, find the flips, write the report."""
    begun = time.perf_counter()
    from ckpt_analyzer.live.following import Running
    from ckpt_analyzer.sweep.prepare import Overrides, prepare_plan
    from ckpt_analyzer.sweep.shipped import shipped_sweep

    plan = prepare_plan(shipped_sweep("demo"), Overrides(store=store))
    talk(
        f"{len(plan.units)} checkpoints to score, {plan.n_done} already in {store}: three sizes of"
        " a toy language model, base and instruction-tuned"
    )
    with progress(as_json=False, piped=model_names()) as listener:
        summary = run_plan(plan, listener, Running())
    if summary.failed:
        from ckpt_analyzer.cli.run import report_on

        report_on(summary, store)
    _fit_and_report(store, output, as_json=as_json)
    talk(f"\ndone in {time.perf_counter() - begun:.0f} s. Where to look next:")
    talk(f"  the report        {output}   (open it in a browser; no network needed)")
    talk(f"  what tuning did   ckpt-analyzer compare {quoted(store)}")
    talk("  a real sweep      ckpt-analyzer plan pythia-inverse-scaling")


def _fit_and_report(store: Path, output: Path, *, as_json: bool) -> None:
    from ckpt_analyzer.analysis.fitting import fit
    from ckpt_analyzer.reporting.report import report
    from ckpt_analyzer.stats.compare import compare_arms
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    with busy("fitting every series"):
        flips = opened.flips() if opened.is_fitted() else fit(opened).flips
    accuracy = flips[(flips["metric"] == "accuracy") & (flips["axis"] == "tokens")]
    tuning = compare_arms(opened.items(metric="accuracy", last=True))
    rows = _verdicts(accuracy[accuracy["arm"] == "base"], tuning)
    show(rows, as_json=as_json, title="\nAccuracy through training: shape, and where it turns\n")
    with busy("writing the report"):
        report(opened, output, title="A toy suite through training", dated=False)


def _verdicts(flips: pd.DataFrame, tuning: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per task: its cause, the verdict at every size, and what tuning did."""
    sizes = flips.drop_duplicates("size").sort_values("parameters")["size"]
    largest = tuning[tuning["size"] == sizes.iloc[-1]].set_index("task")["difference"]
    rows = []
    for task, group in flips.groupby("task", sort=False):
        by_size = {row["size"]: row for row in group.to_dict("records")}
        rows.append(
            {
                "task": task,
                "cause": tasks.load(str(task)).cause or "(control)",
                **{size: _shape(by_size[size]) for size in sizes},
                f"tuning, {sizes.iloc[-1]}": f"{largest[task]:+.2f}",
            }
        )
    return rows


def _shape(flip: dict[Any, Any]) -> str:
    words = flip["verdict"].replace("_", " ")
    turns = flip["verdict"] in ("U", "inverted_U")
    return f"{words} at {readable_count(flip['flip_at'])}" if turns else words
