"""From item scores to values, in DuckDB.

In: the chosen cells, each with its file, and metrics. Out: Arrow tables. Only the files that the
caller names are read, never a pattern over a folder, so the table of a unit without a manifest
stays unread. All metrics are computed in one pass.

References
----------
Agresti & Coull 1998, "Approximate Is Better than 'Exact' for Interval Estimation of Binomial
Proportions", The American Statistician 52(2); Brown, Cai & DasGupta 2001, "Interval Estimation for
a Binomial Proportion", Statistical Science 16(2). The standard error of a proportion is floored by
theirs, sqrt(q(1 - q) / (n + 4)) with q = (x + 2) / (n + 4) for x of n right: the sample's own
is 0 where all items, or none, are right, and a weight of 1/0 would then rule every fit.
"""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.metric import Metric
from ckpt_analyzer.store.listing import altered_tables
from ckpt_analyzer.store.near import bring_near, near_folder
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.selection import StoredCell
from ckpt_analyzer.store.versions import Scalar, columns_since
from ckpt_analyzer.tables import ITEM_SCORES, TRENDS

#: What a query may hold of its tables at once; what exceeds it waits on the disk.
MEMORY = "2GiB"
#: More threads than this make nothing faster that reads one machine's disk, and each holds memory.
MOST_THREADS = 8
_FACTS = (
    "suite", "model", "size", "arm", "base_model", "parameters", "non_embedding_parameters",
    "step", "tokens", "arm_tokens", "suspect", "seed",
)  # fmt: skip
_KEYS = ("task", "shots", "prompt_format", "dtype")

_CELLS = pa.schema(
    [
        pa.field("cell", pa.int64()),
        pa.field("filename", pa.string()),
        pa.field("unit", pa.int32()),
        pa.field("unit_id", pa.string()),
        pa.field("created", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("given", pa.list_(pa.string())),
        *(TRENDS.field(name) for name in (*_KEYS, *_FACTS)),
    ]
)

#: The means of a metric over the items of one cell, which goes by its number.
CELL_MEANS = pa.schema(
    [
        pa.field("cell", pa.int64()),
        *(pa.field(name, TRENDS.field(name).type) for name in (
            "metric", "value", "stderr", "n_items", "n_unscored", "chance", "constant_label",
        )),
    ]
)  # fmt: skip

#: The long table of item scores that ``item_values`` returns.
ITEM_VALUES = pa.schema(
    [
        *(TRENDS.field(name) for name in (*_FACTS, *_KEYS, "metric")),
        pa.field("item", pa.string(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),  # null: not scored
    ]
)


class ReplacedError(StoreError):
    """A table went away while it was read: its rows may lie in another one by now."""


@dataclass(frozen=True)
class Question:
    """Which cells to read, in which folder, and what to compute of them."""

    units: Place
    cells: Sequence[StoredCell]
    metrics: Sequence[Metric]

    @property
    def given(self) -> frozenset[str]:
        """Metrics of which some cell holds values that the task's own rules gave."""
        return frozenset(name for found in self.cells for name in found.cell.values)


def mean_values(question: Question) -> pa.Table:
    """Return one row of TRENDS per cell and metric that applies to it, computed from the items."""
    if not question.cells or not question.metrics:
        return TRENDS.empty_table()
    return as_trends(question, cell_means(question))


def cell_means(question: Question) -> pa.Table:
    """Return one row of CELL_MEANS per cell and metric that applies to it.

    ``n_items`` counts the items that the mean is over, ``n_unscored`` the others.
    """
    return _run(question, _mean_sql(question)).cast(CELL_MEANS)


def as_trends(question: Question, means: pa.Table) -> pa.Table:
    """Return `means` (CELL_MEANS) as TRENDS.

    A cell of which no item is scored has no mean and no row; ``Store.runs`` shows its count.
    """
    sql = f"""
        SELECT *, 6.0 * parameters * tokens AS flops, true AS has_items
        FROM means JOIN cells USING (cell)
        WHERE n_items > 0
        ORDER BY suite, model, arm, {", ".join(_KEYS)}, metric, step
    """
    with duckdb.connect() as connection:
        connection.register("cells", cell_table(question))
        connection.register("means", means)
        return _fitted(connection.sql(sql).to_arrow_table(), TRENDS)


def item_values(question: Question) -> pa.Table:
    """Return one row of ITEM_VALUES per item, cell and metric that applies to the cell.

    Peak memory: about 200 bytes per row.
    """
    return _answer(question, _item_sql(question), ITEM_VALUES)


def wide_values(question: Question, items: pa.Table) -> pa.Table:
    """Return one row per item and cell: cell, item, and a column per metric as float32.

    ``cell`` and ``item`` are positions in ``question.cells`` and in `items`, which names them by
    ``part`` and ``item_id``; an item that it does not name has no row. Peak memory: about 8 bytes
    per row and 4 per metric.
    """
    numbered = items.append_column("item", pa.array(range(len(items)), pa.int32()))
    columns = ", ".join(
        f"CAST(value_{i} AS FLOAT) AS {metric.name}" for i, metric in enumerate(question.metrics)
    )
    sql = f"""
        SELECT CAST(cell AS INTEGER) AS cell, item, {columns}
        FROM ({_per_item(question)}) JOIN items USING (part, item_id)
    """
    return _run(question, sql, items=numbered)


def dense_values(question: Question) -> dict[str, np.ndarray]:
    """Return the numbers of every metric at cells of one task, as float64: cells by items.

    NaN is *not scored*. The items are all that lie in the tables of these cells, in the order of
    their ids; of some, none of the cells may have a number. Peak memory: 8 bytes per item and cell,
    and 16 per each metric.
    """
    (task,) = {found.cell.key.task for found in question.cells}
    columns = ", ".join(f"value_{i}" for i, _ in enumerate(question.metrics))
    per_item = _per_item(question)
    # Of whole tables: to find the rows of the cells takes as long as their numbers do.
    of_task = f"({_scores_sql(_grouped_files(question))}) WHERE task = {_literal(task)}"
    items = _run(question, f"SELECT DISTINCT item_id FROM {of_task} ORDER BY item_id")
    numbered = items.append_column("item", pa.array(range(len(items)), pa.int32()))
    sql = f"""
        SELECT CAST(cell AS INTEGER) AS cell, item, {columns}
        FROM ({per_item}) JOIN items USING (item_id)
    """
    found = _run(question, sql, items=numbered)
    cell, item = found["cell"].to_numpy(), found["item"].to_numpy()
    values = {}
    for i, metric in enumerate(question.metrics):
        values_CI = np.full((len(question.cells), len(items)), np.nan)
        values_CI[cell, item] = found[f"value_{i}"].to_numpy()
        values[metric.name] = values_CI
    return values


def _answer(question: Question, sql: str, schema: pa.Schema) -> pa.Table:
    if not question.cells or not question.metrics:
        return schema.empty_table()
    return _fitted(_run(question, sql), schema)


def _fitted(found: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays(
        [found[field.name].cast(field.type) for field in schema], schema=schema
    )


def _run(question: Question, sql: str, **tables: pa.Table) -> pa.Table:
    _bring_near(question)
    groups = _grouped_files(question).values()
    files = {f"files_{i}": names for i, names in enumerate(groups)}
    threads = min(os.cpu_count() or 1, MOST_THREADS)
    with (
        tempfile.TemporaryDirectory(prefix="ckpt-analyzer-") as spill,
        duckdb.connect(
            config={"memory_limit": MEMORY, "threads": threads, "temp_directory": spill}
        ) as connection,
    ):
        for name, table in {"cells": cell_table(question), **tables}.items():
            connection.register(name, table)
        try:
            return connection.sql(sql, params=files).to_arrow_table()
        except duckdb.Error as error:
            # DuckDB reports Ctrl-C in the middle of a query as an error of its own.
            if isinstance(error, duckdb.InterruptException) or "KeyboardInterrupt" in str(error):
                raise KeyboardInterrupt from error
            near = near_folder(question.units)
            altered = altered_tables(near, {found.unit for found in question.cells})
            if not altered:
                raise
            gone = not all(damage.path.exists() for damage in altered)
            raise (ReplacedError if gone else StoreError)(
                "a table of the store is not what was written",
                where=", ".join(str(damage.path) for damage in altered),
                hint="remove it and run the sweep again: it scores what is missing",
            ) from error


def _bring_near(question: Question) -> None:
    tables = {found.unit.parquet: found.unit.parquet_sha256 for found in question.cells}
    try:
        bring_near(question.units, tables)
    except FileNotFoundError as error:
        raise ReplacedError(
            "a table of the store is gone",
            where=str(question.units),
            hint="run the sweep again: it scores what is missing",
        ) from error


@dataclass(frozen=True)
class _Layout:
    """What tells how a file is read: the version that wrote it, and whether units share it."""

    version: int
    is_packed: bool


def _grouped_files(question: Question) -> dict[_Layout, list[str]]:
    """Return the files by layout, each once. DuckDB reads a name with brackets as a pattern."""
    groups: dict[_Layout, set[str]] = {}
    for found in question.cells:
        layout = _Layout(found.unit.format, found.unit.packed_as is not None)
        groups.setdefault(layout, set()).add(glob.escape(_file(question, found)))
    return {layout: sorted(names) for layout, names in groups.items()}


def _scores_sql(layouts: Iterable[_Layout]) -> str:
    """Return SQL for ITEM_SCORES of all files, with ``filename`` and ``unit``."""
    parts = []
    for i, layout in enumerate(layouts):
        gained = columns_since(layout.version, "ITEM_SCORES")
        columns = [f"{_literal(gained[n])} AS {n}" if n in gained else n for n in ITEM_SCORES.names]
        unit = "unit" if layout.is_packed else "CAST(0 AS INTEGER) AS unit"
        source = f"read_parquet($files_{i}, filename = true)"
        parts.append(f"SELECT {', '.join(columns)}, filename, {unit} FROM {source}")
    return " UNION ALL ".join(parts)


def _literal(value: Scalar) -> str:
    if value is None:
        return "NULL"
    return f"'{value.replace(chr(39), chr(39) * 2)}'" if isinstance(value, str) else str(value)


def _file(question: Question, found: StoredCell) -> str:
    return str(near_folder(question.units) / found.unit.parquet)


def cell_table(question: Question) -> pa.Table:
    """Return one row per cell of `question`: its number, its place, what tells it apart."""
    rows = [
        {
            "cell": number,
            "filename": _file(question, found),
            "unit": found.unit.packed_as or 0,
            "unit_id": found.unit.unit_id,
            "created": found.unit.created,
            "kind": found.cell.kind,
            "given": found.cell.values,
            **{name: getattr(found.cell.key, name) for name in _KEYS},
            **{name: getattr(found.unit, name) for name in _FACTS},
        }
        for number, found in enumerate(question.cells)
    ]
    return pa.Table.from_pylist(rows, schema=_CELLS)


def _per_item(question: Question) -> str:
    """Return SQL for one row per item, with value_i and chance_i of the i-th metric."""
    given = question.given
    columns = ",\n".join(
        f"CAST({_value(metric, given)} AS DOUBLE) AS value_{i},\n"
        f"CAST(CASE WHEN {_is_of_kind(metric)} THEN {metric.chance or 'NULL'} END AS DOUBLE)"
        f" AS chance_{i}"
        for i, metric in enumerate(question.metrics)
    )
    return f"""
        SELECT cell, item_id, part, gold, kind, given, {columns}
        FROM ({_scores_sql(_grouped_files(question))})
        JOIN (SELECT cell, filename, unit, kind, given, {", ".join(_KEYS)} FROM cells)
        USING (filename, unit, {", ".join(_KEYS)})
    """


def _applies_to_row(question: Question) -> str:
    each = (f"(metric = '{metric.name}' AND {_applies(metric)})" for metric in question.metrics)
    return " OR ".join(each)


def _value(metric: Metric, given: Set[str]) -> str:
    """Return SQL for the value of an item: what its task's rules gave, else what we compute."""
    ours = f"CASE WHEN {_is_of_kind(metric)} THEN {metric.value} END"
    return f"coalesce(task_values['{metric.name}'], {ours})" if metric.name in given else ours


def _is_of_kind(metric: Metric) -> str:
    return f"kind IN ({', '.join(map(repr, metric.kinds))})" if metric.kinds else "false"


def _applies(metric: Metric) -> str:
    return f"({_is_of_kind(metric)} OR list_contains(given, '{metric.name}'))"


def _mean_sql(question: Question) -> str:
    means = ",\n".join(_mean_of(i, metric) for i, metric in enumerate(question.metrics))
    return f"""
        WITH per_item AS ({_per_item(question)}),
        means AS (
            SELECT cell, unnest([{means}], recursive := true) FROM per_item GROUP BY cell
        )
        SELECT {", ".join(CELL_MEANS.names)} FROM means JOIN cells USING (cell)
        WHERE {_applies_to_row(question)}
    """


def _mean_of(i: int, metric: Metric) -> str:
    scored = f"FILTER (value_{i} IS NOT NULL)"
    ours = f"FILTER (value_{i} IS NOT NULL AND {_is_of_kind(metric)})"
    n, x = f"count(value_{i})", f"sum(value_{i})"
    stderr = f"stddev_samp(value_{i}) / sqrt({n})"
    if metric.is_proportion:
        q = f"(({x} + 2) / ({n} + 4))"
        stderr = f"greatest({stderr}, sqrt({q} * (1 - {q}) / ({n} + 4)))"
    commonest = f"list_max(map_values(histogram(gold) {ours})) / {n}"
    return f"""{{
        'metric': '{metric.name}',
        'value': avg(value_{i}),
        'stderr': {stderr},
        'n_items': {n},
        'n_unscored': count(*) - {n},
        'chance': avg(chance_{i}) {scored},
        'constant_label': CAST({commonest if metric.constant_label else "NULL"} AS DOUBLE)
    }}"""


def _item_sql(question: Question) -> str:
    scores = ", ".join(
        f"{{'metric': '{metric.name}', 'applies': {_applies(metric)}, 'score': value_{i}}}"
        for i, metric in enumerate(question.metrics)
    )
    return f"""
        WITH per_item AS ({_per_item(question)}),
        long AS (
            SELECT cell, item_id AS item, part, unnest([{scores}], recursive := true)
            FROM per_item
        )
        SELECT * FROM long JOIN cells USING (cell) WHERE applies
        ORDER BY suite, model, arm, {", ".join(_KEYS)}, metric, step, item
    """
