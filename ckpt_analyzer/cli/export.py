"""``ckpt-analyzer export STORE``: its tables and its figures as files."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import counted, quoted, talk
from ckpt_analyzer.errors import UserError

if TYPE_CHECKING:
    from ckpt_analyzer.store.store import Store

NAME = "export"


class Format(StrEnum):
    """File formats of an export."""

    csv = "csv"
    parquet = "parquet"
    lm_eval = "lm-eval"
    hub = "hub"


class Width(StrEnum):
    """Widths of figures."""

    single = "single"
    double = "double"
    both = "both"


def command(
    store: StoreFolder,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The folder to write tables into.")
    ] = None,
    file_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Tables as CSV or Parquet, lm-evaluation-harness's files, or a Hub data set.",
        ),
    ] = Format.csv,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="The folder to write figures into.")
    ] = None,
    chart: Annotated[
        list[str] | None, typer.Option(help="A chart to draw; give it again for more.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="A task to draw; likewise.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric to draw; likewise.")] = None,
    width: Annotated[
        Width, typer.Option(help="Of figures: 3.3 inches, 6.8 inches, or both.")
    ] = Width.both,
) -> None:
    """Write tables (-o) and figures for papers (--figures) as files.

    Tables: trends, flips, descriptions (regression, movement, surface), runs, and items with one
    row per item, checkpoint and metric; lists are written as JSON into CSV. --format lm-eval writes
    what was scored here as results and samples of lm-evaluation-harness 0.4, --format hub a data
    set repository with a card, ready to upload. Figures: every chart
    as SVG, PDF and PNG, with its Vega-Lite specification and its numbers beside it; of each task
    the first metric unless others are named.
    """
    from ckpt_analyzer.store.store import open_store

    if output is None and figures is None:
        raise UserError(
            "nothing to write",
            where="neither -o nor --figures is given",
            hint=f"ckpt-analyzer export {quoted(store)} -o tables --figures figures",
        )
    opened = open_store(store)
    if output is not None:
        _export_tables(opened, output, file_format.value)
    if figures is not None:
        _export_figures(opened, figures, (chart, task, metric), width)


def _export_tables(store: Store, folder: Path, file_format: str) -> None:
    from ckpt_analyzer.store.export import export_tables
    from ckpt_analyzer.store.export_hub import export_hub
    from ckpt_analyzer.store.export_lm_eval import export_lm_eval

    others = {"lm-eval": export_lm_eval, "hub": export_hub}
    write = others.get(file_format)
    files = write(store, folder) if write else export_tables(store, folder, file_format)
    for written in files:
        talk(f"wrote {written.path}: {counted(written.n_rows, 'row')}")
    if file_format != "lm-eval" and not store.is_fitted():
        talk(
            "flips and regression are not those of what the store holds now; "
            f"fit it, then export again: ckpt-analyzer fit {quoted(store.path)}",
            mark="not fitted:",
        )


def _export_figures(
    store: Store, folder: Path, choice: tuple[Sequence[str] | None, ...], width: Width
) -> None:
    from ckpt_analyzer.reporting.figures import COLUMNS, Wanted, write_figures

    chart, task, metric = (tuple(names or ()) for names in choice)
    columns = tuple(name for name in COLUMNS if width.value in (name, "both"))
    n_files = 0
    for figure in write_figures(store, folder, Wanted(chart, task, metric, columns)):
        n_files += len(figure.files)
        if figure.left_out:
            talk(f"{figure.name}: {figure.left_out}", mark="left out:")
        else:
            talk(f"drew {figure.name}")
    talk(f"wrote {counted(n_files, 'file')} into {folder}")
