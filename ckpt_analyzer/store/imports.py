"""Imported means: rows of TRENDS that others published, kept beside the scores.

In: a table of TRENDS and where it comes from. Out: one Parquet file and one JSON record, named by
the content, the record written last. Reading result files is not done here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import pyarrow as pa
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.clock import not_before
from ckpt_analyzer.store.listing import Damage, alteration
from ckpt_analyzer.store.object_access import PlaceError
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.versions import (
    VERSION,
    NewerStoreError,
    check_version,
    columns_since,
    upgraded_table,
)
from ckpt_analyzer.store.write import parquet_bytes, read_parquet
from ckpt_analyzer.tables import TRENDS, conform


@dataclass(frozen=True)
class ImportRecord:
    """One imported table.

    Parameters
    ----------
    source
        Where it comes from, for people: a file's name and its publisher.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    import_id: str
    source: str
    n_rows: int
    created: str
    parquet_sha256: str
    parquet_bytes: int
    format: int = VERSION


@dataclass(frozen=True)
class ImportListing:
    """The sound imports, the newest first, and the damaged ones."""

    records: tuple[ImportRecord, ...]
    damaged: tuple[Damage, ...]


_RECORD = TypeAdapter(ImportRecord)


def add_import(folder: Place, trends: pd.DataFrame, source: str) -> ImportRecord:
    """Write `trends` into `folder`; a table that is there already is not written twice.

    Raises
    ------
    TableError
        If `trends` breaks its schema.
    StoreError
        If the folder cannot be written.
    """
    content = parquet_bytes(conform(trends, TRENDS))
    sha256 = hashlib.sha256(content).hexdigest()
    known = list_imports(folder).records
    record = ImportRecord(
        import_id=sha256[:16],
        source=source,
        n_rows=len(trends),
        created=not_before(known[0].created if known else ""),
        parquet_sha256=sha256,
        parquet_bytes=len(content),
    )
    for earlier in known:
        if earlier.import_id == record.import_id:
            return earlier
    write_whole(folder / f"{record.import_id}.parquet", content)
    write_whole(
        folder / f"{record.import_id}.json",
        json.dumps(dataclasses.asdict(record), indent=1, ensure_ascii=False).encode(),
    )
    return record


def list_imports(folder: Place) -> ImportListing:
    """Return the imports in `folder`, which need not exist."""
    records, damaged = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            records.append(_read_record(path))
        except (NewerStoreError, PlaceError):
            raise
        except StoreError as error:
            damaged.append(Damage(path, error.problem))
    newest_first = sorted(records, key=lambda record: record.created, reverse=True)
    return ImportListing(tuple(newest_first), tuple(damaged))


def altered_imports(folder: Place) -> tuple[Damage, ...]:
    """Return the imports whose table is not what was written; reads all of it."""
    tables = {
        folder / f"{record.import_id}.parquet": record for record in list_imports(folder).records
    }
    read = ((path, alteration(path, record.parquet_sha256)) for path, record in tables.items())
    return tuple(Damage(path, reason) for path, reason in read if reason)


def read_imports(folder: Place) -> pa.Table:
    """Return the rows of all imports, those of the newest import first."""
    tables = [
        upgraded_table(
            read_parquet(folder / f"{record.import_id}.parquet"),
            TRENDS,
            columns_since(record.format, "TRENDS"),
        )
        for record in list_imports(folder).records
    ]
    return pa.concat_tables([TRENDS.empty_table(), *tables])


def _read_record(path: Place) -> ImportRecord:
    try:
        record = _RECORD.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StoreError("damaged or foreign import: not a record", where=str(path)) from error
    table = path.with_suffix(".parquet")
    check_version(record.format, str(path))
    if record.import_id != path.stem:
        raise StoreError("damaged or foreign import: of another name", where=str(path))
    if not table.is_file() or table.stat().st_size != record.parquet_bytes:
        raise StoreError("damaged import: its table is missing or cut short", where=str(path))
    return record
