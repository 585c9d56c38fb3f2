"""From a store to the items that its report explores.

In: a store. Out: per task the texts of its items and how each fared at chosen checkpoints. With
``reporting/report.py`` the only module that joins the store and the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ckpt_analyzer.html_report.items import ItemSeries, ItemTask, Unit, even_in_log
from ckpt_analyzer.store.selection import Selection, StoredCell
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.trajectories import Trajectories
from ckpt_analyzer.task import Kind

#: Checkpoints that are read per model: words and ranks of an item need no more.
N_READ = 32


class _Numbers(NamedTuple):
    """The metrics that an item of some kind is followed by; `sign` turns a loss into ln p."""

    unit: Unit
    value: str
    sign: float
    right: str | None


#: Log-odds tasks compare two prompts: no single choice of theirs is right.
_NUMBERS: dict[Kind, _Numbers] = {
    "classification": _Numbers("probability", "gold_probability", 1.0, "accuracy"),
    "sequence_prob": _Numbers("ln p", "sequence_loss", -1.0, None),
}


def read_items(store: Store, tasks: Iterable[str]) -> list[ItemTask]:
    """Return the items of `tasks`, in their setting of fewest shots.

    Left out are tasks without item scores, without texts in the store, and log-odds tasks.

    Peak memory: 16 bytes per item, model and checkpoint read of the largest task, and 8 per each
    of all tasks.
    """
    cells: dict[str, list[StoredCell]] = {}
    selection = store.selection()
    for found in selection.chosen:
        if found.unit.suspect is None and found.cell.kind in _NUMBERS:
            cells.setdefault(found.cell.key.task, []).append(found)
    read = [_item_task(store, selection, cells[task]) for task in tasks if task in cells]
    return [task for task in read if task is not None]


def _item_task(store: Store, among: Selection, cells: Sequence[StoredCell]) -> ItemTask | None:
    task = cells[0].cell.key.task
    setting = min(map(_setting, cells))
    kept = _spread([cell for cell in cells if _setting(cell) == setting])
    numbers = _NUMBERS[kept[0].cell.kind]
    names = [numbers.value, *([numbers.right] if numbers.right else [])]
    addresses = {(each.unit.unit_id, each.cell.key) for each in kept}
    found = store.trajectories(
        task, names, lambda each: (each.unit.unit_id, each.cell.key) in addresses, among
    )
    if found.items.empty:
        return None
    return ItemTask(task, numbers.unit, *setting, found.items, tuple(_series(found, numbers)))


def _setting(found: StoredCell) -> tuple[int, str, str]:
    key = found.cell.key
    return (key.shots, key.prompt_format, key.dtype)


def _model(found: StoredCell) -> tuple[str, str, str]:
    unit = found.unit
    return (unit.suite, unit.model, unit.arm)


def _place(found: StoredCell) -> float:
    unit = found.unit
    return float(unit.tokens if unit.arm == "base" else unit.arm_tokens)


def _by_model(cells: Iterable[StoredCell]) -> dict[tuple[str, str, str], list[int]]:
    """Return the positions in `cells` of each model's, in the order of training."""
    listed = list(cells)
    groups: dict[tuple[str, str, str], list[int]] = {}
    for i in sorted(range(len(listed)), key=lambda i: _place(listed[i])):
        groups.setdefault(_model(listed[i]), []).append(i)
    return groups


def _spread(cells: Sequence[StoredCell]) -> list[StoredCell]:
    """Return at most N_READ cells per model, even in the logarithm of training."""
    kept = []
    for group in _by_model(cells).values():
        places = [_place(cells[i]) for i in group]
        kept += [cells[group[j]] for j in even_in_log(places, N_READ)]
    return kept


def _series(found: Trajectories, numbers: _Numbers) -> Iterable[ItemSeries]:
    values = numbers.sign * found.values_CI[numbers.value]
    right: np.ndarray | None = found.values_CI[numbers.right] if numbers.right else None
    for (suite, model, arm), group in sorted(_by_model(found.cells).items()):
        cells = [found.cells[i] for i in group]
        yield ItemSeries(
            suite=suite,
            model=model,
            arm=arm,
            steps=tuple(each.unit.step for each in cells),
            places=tuple(_place(each) for each in cells),
            value_SI=values[group],
            right_SI=None if right is None else right[group],
        )
