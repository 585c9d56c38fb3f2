"""Which cells count, where several of them answer the same question.

In: manifests. Out: for every point of every series the one cell that stands for it, and the cells
that it stands in front of. Order of writing does not matter: the choice is made on what the
manifests say.

The rule. A task whose data changed is another task: of its name and prompt format, only the data
that was scored last counts, since a curve over two data sets means nothing; likewise, of a task
with examples, only the rules by which it was scored last (``protocols.py``). Then, per point, all
items go before a draw of items, many items before few, and the newer cell before the older.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from ckpt_analyzer.store.protocols import asked_of, current_protocols, protocol_of
from ckpt_analyzer.store.unit import Cell, TableKey, UnitManifest, sort_key

if TYPE_CHECKING:
    import pandas as pd

#: The columns of TRENDS that name a cell.
_NAMES = ("suite", "model", "arm", "step", "task", "shots", "prompt_format", "dtype")


@dataclass(frozen=True)
class StoredCell:
    """A cell and the unit that it lies in."""

    unit: UnitManifest
    cell: Cell


@dataclass(frozen=True)
class Selection:
    """The cells that count, and those that another one stands in front of."""

    chosen: tuple[StoredCell, ...]
    superseded: tuple[StoredCell, ...]


@dataclass(frozen=True)
class _Point:
    suite: str
    model: str
    arm: str
    step: int
    table_key: TableKey


def select_cells(manifests: Iterable[UnitManifest]) -> Selection:
    """Return one cell for every point of every series.

    The same cell in two units (two sweeps that shared a checkpoint) counts once and is not
    superseded.
    """
    stored = [StoredCell(unit, cell) for unit in manifests for cell in unit.cells]
    current_data = _current_data(stored)
    of_data = [
        found for found in stored if found.cell.key.task_sha256 == current_data[_data_of(found)]
    ]
    current = current_protocols(of_data)
    best: dict[_Point, StoredCell] = {}
    for candidate in of_data:
        key = candidate.cell.key
        if protocol_of(key) == current[asked_of(key)]:
            point = _point(candidate)
            best[point] = max(best.get(point, candidate), candidate, key=_preference)
    chosen_keys = {found.cell.key for found in best.values()}
    return Selection(
        chosen=tuple(sorted(best.values(), key=lambda found: sort_key(found.cell.key))),
        superseded=tuple(found for found in stored if found.cell.key not in chosen_keys),
    )


def cells_at(chosen: Iterable[StoredCell], points: pd.DataFrame) -> list[StoredCell]:
    """Return the cell of each row of `points`, which are rows of TRENDS that have items."""
    cells = {_row_of(found): found for found in chosen}
    rows = points[list(_NAMES)].itertuples(index=False, name=None)
    return [cells[row] for row in rows]


def _row_of(found: StoredCell) -> tuple[object, ...]:
    unit, key = found.unit, found.cell.table_key
    return (unit.suite, unit.model, unit.arm, unit.step, *astuple(key))


def last_trusted(cells: Iterable[StoredCell]) -> tuple[StoredCell, ...]:
    """Return of every model, task and setting the cell of its last checkpoint not under suspicion.

    The order of `cells` is kept.
    """
    trusted = [found for found in cells if found.unit.suspect is None]
    last: dict[_Point, int] = {}
    for found in trusted:
        series = replace(_point(found), step=0)
        last[series] = max(last.get(series, 0), found.unit.step)
    return tuple(
        found for found in trusted if found.unit.step == last[replace(_point(found), step=0)]
    )


def _current_data(stored: Iterable[StoredCell]) -> dict[tuple[str, str], str]:
    newest: dict[tuple[str, str], tuple[str, str]] = {}
    for found in stored:
        dated = (found.unit.created, found.cell.key.task_sha256)
        newest[_data_of(found)] = max(newest.get(_data_of(found), dated), dated)
    return {data: sha256 for data, (_, sha256) in newest.items()}


def _data_of(found: StoredCell) -> tuple[str, str]:
    """Return what names the data of a cell; imported items have a prompt format of their own."""
    return (found.cell.key.task, found.cell.key.prompt_format)


def _point(found: StoredCell) -> _Point:
    unit = found.unit
    return _Point(unit.suite, unit.model, unit.arm, unit.step, found.cell.table_key)


def _preference(found: StoredCell) -> tuple[bool, int, str, str]:
    cell = found.cell
    # The unit id settles cells of the same microsecond.
    return (cell.key.limit is None, cell.n_items, found.unit.created, found.unit.unit_id)
