"""The texts of items, kept once per data set, for the report to show.

In: the items of a task. Out: one Parquet file, named by the task and its data.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.write import parquet_bytes, read_parquet
from ckpt_analyzer.task import Item

ITEM_TEXTS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
        pa.field("other_context", pa.string()),
        pa.field("choices", pa.list_(pa.string()), nullable=False),
        pa.field("gold", pa.int32(), nullable=False),
    ]
)


def save_texts(folder: Place, task: str, task_sha256: str, items: Sequence[Item]) -> None:
    """Write the texts of all items of `task` unless they are there."""
    place = _place(folder, task, task_sha256)
    if not place.exists():
        rows = [{**dataclasses.asdict(item), "choices": _shown(item)} for item in items]
        write_whole(place, parquet_bytes(pa.Table.from_pylist(rows, schema=ITEM_TEXTS)))


def read_texts(folder: Place, task: str, task_sha256: str) -> pd.DataFrame:
    """Return the texts of `task`, byte-exact; no rows where they were not saved."""
    place = _place(folder, task, task_sha256)
    table = read_parquet(place) if place.exists() else ITEM_TEXTS.empty_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _shown(item: Item) -> list[str]:
    """Return the choices; where contexts differ, each with what its own adds to the common one."""
    if item.choice_contexts is None:
        return list(item.choices)
    start = len(item.context)
    pairs = zip(item.choice_contexts, item.choices, strict=True)
    return [context[start:] + choice for context, choice in pairs]


def _place(folder: Place, task: str, task_sha256: str) -> Place:
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", task)
    return folder / f"{readable}-{task_sha256[:12]}.parquet"
