"""What statistics found, kept for the report: flips, and descriptions over several models.

In: a table. Out: one Parquet file, which replaces the one before. Flips are FLIPS; a description
(regression, movement, surface) is whatever statistics and report agree on.
"""

from __future__ import annotations

from typing import Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.write import parquet_bytes, read_parquet
from ckpt_analyzer.tables import FLIPS, conform

_FLIPS = "flips.parquet"
#: Tables over the models of a suite.
Description = Literal["regression", "movement", "surface"]
DESCRIPTIONS: tuple[Description, ...] = get_args(Description)
_FITTED_ON = "fitted_on.txt"


def write_flips(folder: Place, flips: pd.DataFrame) -> None:
    """Replace the flips.

    Raises
    ------
    TableError
        If `flips` breaks its schema.
    """
    write_whole(folder / _FLIPS, parquet_bytes(conform(flips, FLIPS)))


def write_description(folder: Place, name: Description, table: pd.DataFrame) -> None:
    """Replace the description called `name`."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    write_whole(folder / f"{name}.parquet", parquet_bytes(arrow))


def fitted_on(content_id: str, with_suspects: bool) -> str:
    """Return what stands for a fit of that content of the store, suspects in it or left out."""
    return f"{content_id} with suspects" if with_suspects else content_id


def write_fitted_on(folder: Place, fitted: str) -> None:
    """Say what was fitted, as ``fitted_on`` has it; written after the tables."""
    write_whole(folder / _FITTED_ON, fitted.encode())


def read_fitted_on(folder: Place) -> str:
    """Return what was fitted, as ``fitted_on`` has it; empty before the first fit.

    Flips that an earlier version found, with other columns, count as none.
    """
    path, flips = folder / _FITTED_ON, folder / _FLIPS
    if flips.exists() and pq.read_schema(pa.BufferReader(flips.read_bytes())).names != FLIPS.names:
        return ""
    return path.read_bytes().decode() if path.exists() else ""


def read_flips(folder: Place) -> pd.DataFrame:
    """Return the flips; no rows before the first fit."""
    return _read(folder / _FLIPS, FLIPS)


def read_description(folder: Place, name: Description) -> pd.DataFrame:
    """Return the description called `name`; no rows and no columns before the first fit."""
    return _read(folder / f"{name}.parquet", pa.schema([]))


def _read(path: Place, otherwise: pa.Schema) -> pd.DataFrame:
    table = read_parquet(path) if path.exists() else otherwise.empty_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame
