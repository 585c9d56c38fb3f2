"""A unit's way into the store: its table first, its manifest last.

In: the folder of units, a draft of the manifest, the table. Out: two files. A unit exists when its
manifest does, so whatever crashes before leaves the old state. The table's file carries a digest
of its content in its name: two writers of one unit cannot leave the manifest of one beside the
table of the other.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.manifest import read_manifest, to_json
from ckpt_analyzer.store.tally import check_against
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.tables import ITEM_SCORES


def commit_unit(units: Path, draft: UnitManifest, table: pa.Table) -> UnitManifest:
    """Write a unit into the folder `units` and return its manifest.

    A unit that is already there and sound stays as it is: equal cells of equal weights have equal
    scores. Peak memory: the table, and once more its compressed size.

    Parameters
    ----------
    draft
        The manifest without the facts of the table's file.
    table
        Of schema ITEM_SCORES, all cells of the unit.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    TableError
        If the table does not hold what the draft says.
    """
    check_against(draft, table)
    place = units / f"{draft.unit_id}.json"
    done = _already_there(place)
    if done is not None:
        return done
    content = parquet_bytes(table)
    sha256 = hashlib.sha256(content).hexdigest()
    manifest = dataclasses.replace(
        draft,
        parquet=f"{draft.unit_id}.{sha256[:12]}.parquet",
        parquet_sha256=sha256,
        parquet_bytes=len(content),
        created=now_utc(),
    )
    write_whole(units / manifest.parquet, content)
    write_whole(place, to_json(manifest))
    return manifest


def read_unit(units: Path, manifest: UnitManifest) -> pa.Table:
    """Return the table of a unit, of schema ITEM_SCORES, once its digest is that of its manifest.

    Raises
    ------
    StoreError
        If the table is missing or not what was written.
    """
    path = units / manifest.parquet
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _altered(path) from error
    if hashlib.sha256(content).hexdigest() != manifest.parquet_sha256:
        raise _altered(path)
    return pq.read_table(pa.BufferReader(content), schema=ITEM_SCORES)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return `table` as a Parquet file, compressed with zstd."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def now_utc() -> str:
    """Return the time as ISO 8601 in UTC, to the microsecond: it orders units."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def _altered(path: Path) -> StoreError:
    return StoreError(
        "a table of the store is not what was written",
        where=str(path),
        hint="remove it and run the sweep again: it scores what is missing",
    )


def _already_there(place: Path) -> UnitManifest | None:
    try:
        return read_manifest(place)
    except StoreError:
        return None
