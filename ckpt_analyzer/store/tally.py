"""Cells counted from item scores.

In: the scores of a unit (ITEM_SCORES), or of one task (CHOICE_SCORES). Out: counts per cell. Knows
no files.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_analyzer.errors import TableError
from ckpt_analyzer.store.unit import Cell, CellKey, TableKey, UnitManifest
from ckpt_analyzer.tables import ITEM_SCORES
from ckpt_analyzer.task import Kind


class ShotsUsed(NamedTuple):
    """Examples in the prompts of a cell: items with fewer than asked for, and all together."""

    n_cut: int = 0
    n_used: int | None = None


#: Of prompts without examples.
NO_SHOTS = ShotsUsed()


def tally(key: CellKey, kind: Kind, scores: pa.Table, shots: ShotsUsed = NO_SHOTS) -> Cell:
    """Return the cell of `scores`, which hold this cell's items only."""
    return Cell(
        key=key,
        kind=kind,
        n_items=scores.num_rows,
        n_truncated=pc.sum(scores["truncated"], min_count=0).as_py(),
        n_unscored=len(_unscored_rows(scores)),
        n_shots_cut=shots.n_cut,
        n_shots_used=shots.n_used,
        values=_value_names(scores),
    )


def check_against(manifest: UnitManifest, table: pa.Table) -> None:
    """Check that `table` holds what `manifest` says.

    Raises
    ------
    TableError
        If the schema is not ITEM_SCORES, a cell's counts differ, an item comes twice, or rows
        belong to another unit.
    """
    if not table.schema.equals(ITEM_SCORES):
        raise TableError(f"the table of {manifest.unit_id} is not of schema ITEM_SCORES")
    for name in ("suite", "model", "arm", "revision", "commit", "step", "tokens", "weights_sha256"):
        if pc.unique(table[name]).to_pylist() not in ([], [getattr(manifest, name)]):
            raise TableError(f"column {name} of the table does not agree with the manifest")
    for cell in manifest.cells:
        rows = rows_of(cell.table_key, table)
        shots = ShotsUsed(cell.n_shots_cut, cell.n_shots_used)
        if tally(cell.key, cell.kind, rows, shots) != cell:
            raise TableError(f"the table does not hold the counts of {cell}")
        if pc.count_distinct(rows["item_id"]).as_py() != rows.num_rows:
            raise TableError(f"an item comes twice in {cell}")
    if sum(cell.n_items for cell in manifest.cells) != table.num_rows:
        raise TableError(f"the table of {manifest.unit_id} has rows of no cell")


def rows_of(key: TableKey, table: pa.Table) -> pa.Table:
    """Return the rows of one cell: a view of `table` where they lie together, else a copy."""
    is_of_cell = pc.equal(table["task"], key.task)
    for name in ("shots", "prompt_format", "dtype"):
        value = pa.scalar(getattr(key, name), table.schema.field(name).type)
        is_of_cell = pc.and_(is_of_cell, pc.equal(table[name], value))
    places = pc.indices_nonzero(is_of_cell)
    if not len(places):
        return table.slice(0, 0)
    first, last = places[0].as_py(), places[-1].as_py()
    if last - first + 1 == len(places):
        return table.slice(first, len(places))
    return table.take(places)


def _unscored_rows(scores: pa.Table) -> set[int]:
    rows: set[int] = set()
    for name in ("loglikelihood_nats", "other_loglikelihood_nats"):
        lists = scores[name].combine_chunks()
        parents = pc.list_parent_indices(lists)
        # A NaN that went through pandas is a null inside the list.
        unscored = pc.fill_null(pc.invert(pc.is_finite(pc.list_flatten(lists))), True)
        rows |= set(pc.unique(parents.filter(unscored)).to_pylist())
    return rows


def _value_names(scores: pa.Table) -> tuple[str, ...]:
    if "task_values" not in scores.column_names:
        return ()
    maps = scores["task_values"].combine_chunks()
    return tuple(sorted({name for pairs in maps.to_pylist() if pairs for name, _ in pairs}))
