"""The tables of a store as files that other programs read.

In: a store and a folder. Out: one file per table. Item scores are written piece by piece, one
model and task at a time: peak memory is that of the largest piece, about 200 bytes per row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.fits import DESCRIPTIONS
from ckpt_analyzer.store.queries import ITEM_VALUES
from ckpt_analyzer.store.spreadsheet import disarmed
from ckpt_analyzer.store.store import Store

FileFormat = Literal["csv", "parquet"]


@dataclass(frozen=True)
class Written:
    """A file that was written, and its rows."""

    path: Path
    n_rows: int


def export_tables(store: Store, folder: Path, file_format: str) -> Iterator[Written]:
    """Write trends, flips, descriptions, runs and items into `folder`; yield each when it is done.

    ``items`` has the columns of `Store.items`, all metrics that apply. In CSV, texts that begin as
    a formula does begin with an apostrophe (``spreadsheet.py``); Parquet has them as they are.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables: dict[str, Callable[[], pd.DataFrame]] = {
            "trends": store.trends,
            "flips": store.flips,
            **{name: partial(store.description, name) for name in DESCRIPTIONS},
            "runs": store.runs,
        }
        for name, read in tables.items():
            table = _flat(read()) if file_format == "csv" else _arrow(read())
            yield _write(folder / f"{name}.{file_format}", table.schema, [table])
        yield _write(folder / f"items.{file_format}", ITEM_VALUES, _item_pieces(store))
    except OSError as error:
        raise StoreError(
            f"the tables cannot be written: {error.strerror or error}",
            where=str(folder),
            hint="give a folder that you may write into and that has room: -o DIR",
        ) from error


def _item_pieces(store: Store) -> Iterator[pa.Table]:
    chosen = store.selection().chosen
    for model, task in sorted({(each.unit.model, each.cell.key.task) for each in chosen}):
        piece = store.items(task=task, model=model)
        yield pa.Table.from_pandas(piece, schema=ITEM_VALUES, preserve_index=False)


def _write(path: Path, schema: pa.Schema, pieces: Iterable[pa.Table]) -> Written:
    open_file = pacsv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
    n_rows = 0
    with closing(open_file(path, schema)) as file:
        for piece in pieces:
            file.write_table(disarmed(piece) if path.suffix == ".csv" else piece)
            n_rows += len(piece)
    return Written(path, n_rows)


def _arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _flat(frame: pd.DataFrame) -> pa.Table:
    """Return `frame` with its lists as JSON text: CSV has no lists."""
    table = _arrow(frame)
    for index, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = [None if v is None else json.dumps(v) for v in table.column(index).to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    return table
