"""A unit's way into the store: its table first, its manifest last.

In: the folder of units, a draft of the manifest, the table. Out: two files. A unit exists when its
manifest does, so whatever crashes before leaves the old state. The table's file carries a digest
of its content in its name: two writers of one unit cannot leave the manifest of one beside the
table of the other.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.manifest import read_manifest, to_json
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.tally import check_against
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.store.versions import VERSION, columns_since, upgraded_table
from ckpt_analyzer.tables import ITEM_SCORES

#: Rows of a table that is not worth parting, and of a row group at most.
_ONE_PIECE = 4096
_ROW_GROUP = 131_072


def commit_unit(
    units: Place, draft: UnitManifest, table: pa.Table, now: Callable[[], str]
) -> UnitManifest:
    """Write a unit into the folder `units` and return its manifest.

    A unit that is already there and sound stays as it is: equal cells of equal weights have equal
    scores. Peak memory: the table, and once more its compressed size.

    Parameters
    ----------
    draft
        The manifest without the facts of the table's file.
    table
        Of schema ITEM_SCORES, all cells of the unit.
    now
        The time of writing, asked for if something is written; see ``clock.py``.

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
    content = parquet_bytes(table, by="task")
    sha256 = hashlib.sha256(content).hexdigest()
    manifest = dataclasses.replace(
        draft,
        parquet=f"{draft.unit_id}.{sha256[:12]}.parquet",
        parquet_sha256=sha256,
        parquet_bytes=len(content),
        created=now(),
        packed_as=None,
        format=VERSION,
    )
    write_whole(units / manifest.parquet, content)
    write_whole(place, to_json(manifest))
    return manifest


def read_unit(units: Place, manifest: UnitManifest) -> pa.Table:
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
        raise altered(path) from error
    if hashlib.sha256(content).hexdigest() != manifest.parquet_sha256:
        raise altered(path)
    rows = None if manifest.packed_as is None else pc.field("unit") == manifest.packed_as
    table = pq.read_table(pa.BufferReader(content), filters=rows)
    return upgraded_table(table, ITEM_SCORES, columns_since(manifest.format, "ITEM_SCORES"))


def parquet_bytes(table: pa.Table, *, by: str | None = None) -> bytes:
    """Return `table` as a Parquet file, compressed with zstd.

    Parameters
    ----------
    by
        A column that `table` is sorted by: rows of other values are in other row groups, so that
        who asks for one value reads no more than its rows. Small tables are in one piece anyway.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, table.schema, compression="zstd", write_page_checksum=True
    ) as writer:
        for part in _runs(table, by) if by and len(table) > _ONE_PIECE else [table]:
            writer.write_table(part, row_group_size=_ROW_GROUP)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read_parquet(path: Place) -> pa.Table:
    """Return all of a small Parquet file, its checksums compared."""
    content = pa.BufferReader(path.read_bytes())
    # Threads, and a search for partitions, take longer than a small file.
    with pq.ParquetFile(content, page_checksum_verification=True) as file:
        return file.read(use_threads=False)


def _runs(table: pa.Table, by: str) -> Iterator[pa.Table]:
    """Yield the runs of rows of equal `by`, one after the other."""
    ends = pc.run_end_encode(table[by].combine_chunks(), run_end_type=pa.int32()).run_ends
    begin = 0
    for end in ends.to_pylist():
        yield table.slice(begin, end - begin)
        begin = end


def altered(path: Place) -> StoreError:
    """Return the error for a table whose digest is not that of its manifest."""
    return StoreError(
        "a table of the store is not what was written",
        where=str(path),
        hint="remove it and run the sweep again: it scores what is missing",
    )


def _already_there(place: Place) -> UnitManifest | None:
    try:
        return read_manifest(place)
    except StoreError:
        return None
