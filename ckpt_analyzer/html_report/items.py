"""The items of a task and how each fared at chosen checkpoints: what the explorer shows.

In: records from the caller. Out: the same records, thinned to what a page can carry. It does not
know where scores come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

#: What an item's number is: p of the right choice among the given ones, or ln p of the completion.
Unit = Literal["probability", "ln p"]

#: Bytes that the trajectories of a whole page may take.
TRAJECTORY_BYTES = 480_000
_MOST, _LEAST = 32, 3
#: Below so many checkpoints, values are carried coarsely, for the sake of more checkpoints.
_FEW = 8


@dataclass(frozen=True)
class Carried:
    """What a page carries of each trajectory.

    Parameters
    ----------
    n_levels
        Steps that the range of a task's values is cut into.
    """

    n_checkpoints: int
    n_levels: int


#: How finely values are carried, and the bytes that one takes after compression.
_FINE, _COARSE = (40, 0.6), (12, 0.45)


@dataclass(frozen=True)
class ItemSeries:
    """The items of one task under one model.

    Legend: S checkpoints, I items.

    Parameters
    ----------
    steps, places
        Of the S checkpoints, in the order of training; places are tokens of the model's own arm.
    value_SI
        In the unit of the task; NaN is *not scored*.
    right_SI
        1 where the item was answered right, 0 where not; None where a task has no right choice.
    """

    suite: str
    model: str
    arm: str
    steps: tuple[int, ...]
    places: tuple[float, ...]
    value_SI: np.ndarray
    right_SI: np.ndarray | None


@dataclass(frozen=True)
class ItemTask:
    """One task in the explorer, in one setting.

    Parameters
    ----------
    items
        Columns item_id, part, context, choices, gold: a row per item, in the order of I.
    """

    task: str
    unit: Unit
    shots: int
    prompt_format: str
    dtype: str
    items: pd.DataFrame
    series: tuple[ItemSeries, ...]


def carried_by(tasks: Sequence[ItemTask], budget_bytes: int = TRAJECTORY_BYTES) -> Carried:
    """Return what a page can carry of the trajectories of all items of `tasks`."""
    n_curves = max(1, sum(len(task.items) * len(task.series) for task in tasks))
    (n_levels, bytes_each), coarse = _FINE, _COARSE
    if budget_bytes < _FEW * bytes_each * n_curves:
        n_levels, bytes_each = coarse
    fitting = budget_bytes / (bytes_each * n_curves)
    return Carried(int(np.clip(fitting, _LEAST, _MOST)), n_levels)


def even_in_log(places: Sequence[float], n: int) -> tuple[int, ...]:
    """Return the positions of at most `n` of the sorted `places`, even in the logarithm.

    The last one is always among them; so is the first, be it 0, where `n` leaves room for two.
    """
    if len(places) <= n:
        return tuple(range(len(places)))
    at = np.log(np.maximum(places, min(place for place in places if place > 0) / 10))
    first = int(np.searchsorted(np.asarray(places, float), 0.0, side="right"))
    targets = np.linspace(at[first], at[-1], max(n - first, 1))
    chosen = {len(at) - 1, *([0] if n > 1 else [])}
    for target in targets[::-1]:
        if len(chosen) < n:
            chosen.add(int(np.abs(at - target).argmin()))
    while len(chosen) < n:  # two targets had one nearest place: take the loneliest instead
        lonely = np.abs(at[:, None] - at[sorted(chosen)]).min(axis=1)
        lonely[sorted(chosen)] = -1.0
        chosen.add(int(lonely.argmax()))
    return tuple(sorted(chosen))


def thinned(series: ItemSeries, n: int) -> ItemSeries:
    """Return `series` with at most `n` of its checkpoints, see ``even_in_log``."""
    kept = list(even_in_log(series.places, n))
    return replace(
        series,
        steps=tuple(series.steps[i] for i in kept),
        places=tuple(series.places[i] for i in kept),
        value_SI=series.value_SI[kept],
        right_SI=None if series.right_SI is None else series.right_SI[kept],
    )
