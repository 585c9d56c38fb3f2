"""How every item of a task fared at chosen checkpoints, as dense arrays.

In: cells of one task, the texts of its items, metrics. Out: per metric an array of checkpoints by
items. A long table of the same numbers would repeat fifteen names per item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from ckpt_analyzer.store.selection import StoredCell


@dataclass(frozen=True)
class Trajectories:
    """The scores of all items of one task.

    Legend: C chosen cells, one per model and checkpoint; I items.

    Parameters
    ----------
    items
        The texts of the items, in the order of I: the columns of ``texts.ITEM_TEXTS``.
    cells
        The C cells: model, checkpoint, setting.
    values_CI
        Per metric, float32; NaN is *not scored*.
    """

    items: pd.DataFrame
    cells: tuple[StoredCell, ...]
    values_CI: Mapping[str, np.ndarray]


def scattered(
    items: pd.DataFrame,
    cells: Sequence[StoredCell],
    scores: pa.Table,
    metrics: Sequence[str],
) -> Trajectories:
    """Return the rows of `scores` in dense arrays, and only the items that have a row.

    Parameters
    ----------
    scores
        See ``queries.wide_values``.
    """
    cell, item = scores["cell"].to_numpy(), scores["item"].to_numpy()
    present = np.unique(item)
    values = {}
    for metric in metrics:
        dense = np.full((len(cells), len(items)), np.nan, np.float32)
        dense[cell, item] = scores[metric].to_numpy()
        values[metric] = dense[:, present]
    return Trajectories(items.iloc[present].reset_index(drop=True), tuple(cells), values)
