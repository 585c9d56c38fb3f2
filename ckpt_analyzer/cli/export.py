"""``ckpt-analyzer export STORE -o DIR``: the tables as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import quoted, talk

NAME = "export"


class Format(StrEnum):
    """File formats of an export."""

    csv = "csv"
    parquet = "parquet"


def command(
    store: StoreFolder,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write into.")],
    file_format: Annotated[Format, typer.Option("--format", help="Of the files.")] = Format.csv,
) -> None:
    """Write trends, flips, descriptions, runs and items as CSV or Parquet, one file each.

    Descriptions are regression, movement and surface. items holds one row per item, checkpoint
    and metric. Lists are written as JSON into CSV.
    """
    from ckpt_analyzer.store.export import export_tables
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    for written in export_tables(opened, output, file_format.value):
        talk(f"wrote {written.path}: {written.n_rows:,} rows")
    if not opened.is_fitted():
        talk(
            "flips and regression are not those of what the store holds now; "
            f"fit it, then export again: ckpt-analyzer fit {quoted(store)}",
            mark="not fitted:",
        )
