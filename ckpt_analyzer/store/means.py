"""Means over items that were computed before, kept so that they are not computed again.

In: a question. Out: the means of its cells. A unit never changes, so neither do its means: a cell
is looked up by its unit, the time that the unit was written, and the formula of the metric. What is
kept here follows from the units: the folder may be removed at any time, and a store that cannot be
written is read all the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.metric import Metric
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.queries import CELL_MEANS, Question, as_trends, cell_means, cell_table
from ckpt_analyzer.store.write import parquet_bytes, read_parquet

#: Raised when the computation of means from values changes.
_FORMULA = 1
#: Means of fewer new items than this are computed again, in less than a second, rather than kept:
#: to read a small store writes nothing.
WORTH_KEEPING_ITEMS = 1_000_000
_CELL = ("unit_id", "created", "task", "shots", "prompt_format", "dtype")
_KEPT = pa.schema(
    [
        pa.field("unit_id", pa.string()),
        pa.field("created", pa.string()),
        pa.field("task", pa.string()),
        pa.field("shots", pa.int32()),
        pa.field("prompt_format", pa.string()),
        pa.field("dtype", pa.string()),
        *(field for field in CELL_MEANS if field.name != "cell"),
    ]
)


def remembered_means(folder: Place, question: Question) -> pa.Table:
    """Return what ``queries.mean_values`` does, computing only what is not in `folder`."""
    if not question.cells or not question.metrics:
        return as_trends(question, CELL_MEANS.empty_table())
    places = {metric.name: folder / _file_name(metric) for metric in question.metrics}
    known = pa.concat_tables([_read(path) for path in places.values()])
    if not len(known):
        means, missing = CELL_MEANS.empty_table(), list(range(len(question.cells)))
    else:
        means, missing = _numbered(question, known), _missing(question, known)
    if missing:
        asked = dataclasses.replace(question, cells=[question.cells[i] for i in missing])
        means = _with(means, cell_means(asked), missing)
        if sum(found.cell.n_items for found in asked.cells) >= WORTH_KEEPING_ITEMS:
            _keep(places, question, means)
    return as_trends(question, means)


def _with(means: pa.Table, fresh: pa.Table, missing: list[int]) -> pa.Table:
    """Return `means` with those of the cells `missing`, which `fresh` counts from 0."""
    numbers = pc.take(pa.array(missing, pa.int64()), fresh["cell"])
    is_stale = pc.is_in(means["cell"], pa.array(missing, pa.int64()))
    kept = means.filter(pc.invert(is_stale))
    return pa.concat_tables([kept, fresh.set_column(0, CELL_MEANS.field("cell"), numbers)])


def _missing(question: Question, known: pa.Table) -> list[int]:
    """Return the positions of the cells of which some metric is not known."""
    # A metric that only the rules of tasks give is of no kind.
    kinds = [(m.name, kind) for m in question.metrics for kind in m.kinds or ("",)]
    applies = pa.table({"metric": [m for m, _ in kinds], "kind": [k for _, k in kinds]})
    sql = f"""
        SELECT DISTINCT cell FROM cells
        JOIN applies ON cells.kind = applies.kind OR list_contains(given, metric)
        ANTI JOIN known USING (metric, {", ".join(_CELL)}) ORDER BY cell
    """
    found = _joined(sql, cells=cell_table(question), known=known, applies=applies)
    positions: list[int] = found["cell"].to_pylist()
    return positions


def _numbered(question: Question, known: pa.Table) -> pa.Table:
    sql = f"SELECT {', '.join(CELL_MEANS.names)} FROM cells JOIN known USING ({', '.join(_CELL)})"
    return _joined(sql, cells=cell_table(question), known=known)


def _joined(sql: str, **tables: pa.Table) -> pa.Table:
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()


def _keep(places: Mapping[str, Place], question: Question, means: pa.Table) -> None:
    """Write the means of the cells of `question`, in the place of what was kept before."""
    sql = f"SELECT {', '.join(_KEPT.names)} FROM means JOIN cells USING (cell)"
    named = _joined(sql, cells=cell_table(question), means=means).cast(_KEPT)
    for name, place in places.items():
        rows = named.filter(pc.equal(named["metric"], name))
        try:
            write_whole(place, parquet_bytes(rows))
        except StoreError:  # a disk that is full or read-only: computed again next time
            return


def _read(path: Place) -> pa.Table:
    """Return what `path` holds; nothing where it is missing or damaged: it is made anew."""
    try:
        return read_parquet(path).cast(_KEPT)
    except (OSError, pa.ArrowException):
        return _KEPT.empty_table()


def _file_name(metric: Metric) -> str:
    told = json.dumps([_FORMULA, dataclasses.asdict(metric)], sort_keys=True, default=str)
    return f"{metric.name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.parquet"
