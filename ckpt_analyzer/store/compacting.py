"""Many small tables of units made into few large ones, while others read and write.

In: a store. Out: the same units in fewer files. A unit stays a unit: its manifest is replaced, in
one step, by one that names the shared table and its number in it. The order is that of a commit:
the new table first, then the manifests, and the old tables go last, those that no manifest names.
Whatever crashes in between, every unit is readable from one of the two places, and another run
finishes the work.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.listing import list_units
from ckpt_analyzer.store.manifest import read_manifest, to_json
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.store.versions import VERSION
from ckpt_analyzer.store.write import parquet_bytes, read_unit

#: Rows of a shared table at most. About 200 bytes of memory each while it is made.
PACK_ROWS = 1_000_000
#: A table with this many rows is left alone.
LARGE_ROWS = PACK_ROWS // 2


@dataclass(frozen=True)
class Compacted:
    """What was done: units moved, tables made, tables removed, bytes before and after."""

    n_units: int
    n_made: int
    n_removed: int
    bytes_before: int
    bytes_after: int


def compact_units(units: Place) -> Compacted:
    """Put the rows of small tables in the folder `units` into shared ones.

    Peak memory: 200 bytes per row of one shared table, `PACK_ROWS` at most.

    Raises
    ------
    StoreError
        If a table is not what was written, or the folder cannot be written.
    """
    bytes_before = _bytes(units)
    before = {unit.parquet for unit in list_units(units).manifests}
    n_units = n_made = 0
    for group in _groups(list_units(units).manifests):
        _pack(units, group)
        n_units, n_made = n_units + len(group), n_made + 1
    removed = before - {unit.parquet for unit in list_units(units).manifests}
    for name in removed:
        (units / name).unlink(missing_ok=True)
    return Compacted(n_units, n_made, len(removed), bytes_before, _bytes(units))


def _groups(manifests: Sequence[UnitManifest]) -> Iterator[list[UnitManifest]]:
    """Yield units of one model each, in the order of training, whose rows make one table."""
    rows_of_table: dict[str, int] = {}
    for unit in manifests:
        rows_of_table[unit.parquet] = rows_of_table.get(unit.parquet, 0) + _n_rows(unit)
    small = [unit for unit in manifests if rows_of_table[unit.parquet] < LARGE_ROWS]
    group: list[UnitManifest] = []
    for unit in sorted(small, key=lambda unit: (unit.suite, unit.model, unit.step, unit.unit_id)):
        is_other = bool(group) and (unit.suite, unit.model) != (group[0].suite, group[0].model)
        if is_other or sum(map(_n_rows, group)) + _n_rows(unit) > PACK_ROWS:
            yield from _worthwhile(group)
            group = []
        group.append(unit)
    yield from _worthwhile(group)


def _worthwhile(group: list[UnitManifest]) -> list[list[UnitManifest]]:
    return [group] if len({unit.parquet for unit in group}) > 1 else []


def _pack(units: Place, group: Sequence[UnitManifest]) -> None:
    tables = []
    for number, unit in enumerate(group):
        table = read_unit(units, unit)
        tables.append(
            table.append_column("unit", pa.repeat(pa.scalar(number, pa.int32()), len(table)))
        )
    # Sorted by task, so that who asks for one task reads a part of the file.
    rows = pa.concat_tables(tables)
    order = pc.sort_indices(rows, [("task", "ascending"), ("unit", "ascending")])
    content = parquet_bytes(rows.take(order), by="task")
    sha256 = hashlib.sha256(content).hexdigest()
    names = hashlib.sha256("\n".join(unit.unit_id for unit in group).encode()).hexdigest()
    parquet = f"pack-{names[:16]}.{sha256[:12]}.parquet"
    write_whole(units / parquet, content)
    for number, unit in enumerate(group):
        moved = dataclasses.replace(
            unit,
            parquet=parquet,
            parquet_sha256=sha256,
            parquet_bytes=len(content),
            packed_as=number,
            format=VERSION,
        )
        _replace(units / f"{unit.unit_id}.json", unit, moved)


def _replace(place: Place, known: UnitManifest, moved: UnitManifest) -> None:
    """Put `moved` in the place of `known`, unless another process has changed or removed it."""
    try:
        if read_manifest(place) == known:
            write_whole(place, to_json(moved))
    except StoreError:
        if place.exists():
            raise


def _n_rows(unit: UnitManifest) -> int:
    return sum(cell.n_items for cell in unit.cells)


def _bytes(units: Place) -> int:
    return sum(path.stat().st_size for path in units.glob("*.parquet"))
