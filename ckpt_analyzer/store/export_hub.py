"""A store as a data set repository of the Hub: Parquet files and a card.

In: a store and a folder. Out: ``README.md`` and ``data/*.parquet``, which
``datasets.load_dataset(folder, "trends")`` reads and ``hf upload`` publishes. Item scores are
written unit by unit: peak memory is that of one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ckpt_analyzer import __version__
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.export import Written
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.tally import rows_of
from ckpt_analyzer.tables import FLIPS, ITEM_SCORES, TRENDS

#: Name of a configuration → what it holds.
_ABOUT = {
    "trends": "One row per model, checkpoint, task and metric: the mean over items, its standard "
    "error, how many items it is over, the level of chance.",
    "flips": "One row per series: whether its trend turns, where, and on what evidence.",
    "item_scores": "One row per item and checkpoint: the log-likelihood of every choice in nats. "
    "Every metric can be computed again from it.",
}
_PAIRS = pa.list_(pa.struct([pa.field("metric", pa.string()), pa.field("value", pa.float64())]))


def export_hub(store: Store, folder: Path) -> Iterator[Written]:
    """Write `store` as a data set repository into `folder`; yield each file when it is done.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    try:
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        trends = store.trends()
        written = [
            _table(data / "trends.parquet", pa.Table.from_pandas(trends, schema=TRENDS)),
            _table(data / "flips.parquet", pa.Table.from_pandas(store.flips(), schema=FLIPS)),
        ]
        if trends["has_items"].any():
            written.append(_item_scores(store, data / "item_scores.parquet"))
        yield from written
        card = _card(store, trends, written)
        (folder / "README.md").write_text(card, encoding="utf-8")
        yield Written(folder / "README.md", card.count("\n"))
    except OSError as error:
        raise StoreError(
            f"the data set cannot be written: {error.strerror or error}",
            where=str(folder),
            hint="give a folder that you may write into and that has room: -o DIR",
        ) from error


def _table(path: Path, table: pa.Table) -> Written:
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")
    return Written(path, len(table))


def _item_scores(store: Store, path: Path) -> Written:
    """Write the scores of all cells that count; ``datasets`` knows no maps, so these are pairs."""
    index = ITEM_SCORES.get_field_index("task_values")
    schema = ITEM_SCORES.set(index, pa.field("task_values", _PAIRS))
    n_rows = 0
    by_unit: dict[str, list[pa.Table]] = {}
    with closing(pq.ParquetWriter(path, schema, compression="zstd")) as file:
        for found in store.selection().chosen:
            by_unit.setdefault(found.unit.unit_id, []).append(found)
        for cells in by_unit.values():
            table = store.read_unit(cells[0].unit)
            for found in cells:
                rows = rows_of(found.cell.table_key, table)
                file.write_table(rows.set_column(index, schema.field(index), _pairs(rows)))
                n_rows += len(rows)
    return Written(path, n_rows)


def _pairs(rows: pa.Table) -> pa.Array:
    listed = [
        None if pairs is None else [{"metric": name, "value": value} for name, value in pairs]
        for pairs in rows["task_values"].to_pylist()
    ]
    return pa.array(listed, _PAIRS)


def _card(store: Store, trends: pd.DataFrame, written: list[Written]) -> str:
    name = store.path.name
    header = {
        "pretty_name": f"Trends over checkpoints: {name}",
        "tags": ["ckpt-analyzer", "language-model-evaluation", "training-dynamics"],
        "configs": [
            {
                "config_name": each.path.stem,
                "data_files": f"data/{each.path.name}",
                **({"default": True} if each.path.stem == "trends" else {}),
            }
            for each in written
            if each.n_rows
        ],
    }
    tables = "\n".join(
        f"| `{each.path.stem}` | {each.n_rows:,} | {_ABOUT[each.path.stem]} |" for each in written
    )
    sweeps = "\n".join(f"```yaml\n{text.strip()}\n```" for text in store.sweeps())
    suspects = trends[["model", "step", "suspect"]].dropna().drop_duplicates()
    return f"""---
{yaml.safe_dump(header, sort_keys=False).strip()}
---

# Trends over checkpoints: {name}

Scores of {_counted(trends["task"].nunique(), "task")} at saved states of \
{_counted(trends["model"].nunique(), "model")}, made by ckpt_analyzer {__version__}. \
Marked as suspect: {_counted(len(suspects), "checkpoint")}, see the column `suspect`.

| table | rows | |
|---|---|---|
{tables}

```python
from datasets import load_dataset

trends = load_dataset("path/or/name/of/this/repository", "trends", split="train")
```

Models: {_listed(trends["model"])}.

Tasks: {_listed(trends["task"])}. Their texts are not part of this data set: each belongs to its \
authors, under its own licence.
{f"{chr(10)}## How it was made{chr(10)}{chr(10)}{sweeps}{chr(10)}" if sweeps else ""}"""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(column: pd.Series) -> str:
    return ", ".join(f"`{name}`" for name in sorted(column.unique()))
