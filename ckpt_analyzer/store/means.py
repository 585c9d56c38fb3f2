"""Means over items that were computed before, kept so that they are not computed again.

In: a question. Out: the means of its cells. A unit never changes, so neither do its means: a cell
is looked up by its unit, the time that the unit was written, and the formula of the metric. Whoever
writes a large unit computes its means, when they cost a hundredth of what scoring did, so that the
first who asks of a large store need not wait for all of them. What is kept here follows from the
units: the folder may be removed at any time, and a store that cannot be written is read all the
same.
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
from ckpt_analyzer.store.place import Place, at_hand
from ckpt_analyzer.store.queries import CELL_MEANS, Question, as_trends, cell_means, cell_table
from ckpt_analyzer.store.selection import StoredCell
from ckpt_analyzer.store.write import parquet_bytes, read_parquet

#: Raised when the computation of means from values changes.
_FORMULA = 1
#: Means of fewer new items than this are computed again, in less than a second, rather than kept:
#: to read a small store writes nothing.
WORTH_KEEPING_ITEMS = 1_000_000
#: Means of a unit of fewer items are not computed when it is written: a million items of such units
#: are read in a second or two.
LARGE_UNIT_ITEMS = 5_000
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

#: What lies beside a large unit: means of all its metrics, each with the file that it belongs in.
_OF_UNIT = _KEPT.append(pa.field("kept_in", pa.string()))


@dataclasses.dataclass(frozen=True)
class _Fresh:
    """Means of single units that no file of a metric holds yet, and where they were found."""

    means: pa.Table
    #: Where it was found → the files that its rows belong in.
    places: Mapping[Place, frozenset[str]] = dataclasses.field(default_factory=dict)


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
    fresh = _Fresh(_KEPT.empty_table())
    lacked = sum(question.cells[i].cell.n_items for i in missing)
    if missing:
        fresh = _of_units(folder, question, missing)
    if len(fresh.means):
        known = _without_repeats(known, fresh.means)
        means, missing = _numbered(question, known), _missing(question, known)
    if missing:
        asked = dataclasses.replace(question, cells=[question.cells[i] for i in missing])
        means = _with(means, cell_means(asked), missing)
    if lacked >= WORTH_KEEPING_ITEMS and _keep(places, question, means):
        _remove_kept(fresh, places)
    return as_trends(question, means)


def keep_unit_means(folder: Place, question: Question) -> None:
    """Compute and keep the means of a unit that was just written, if it is a large one.

    `question` is of all cells of the unit and of all metrics. Whatever goes wrong, the unit is
    stored: its means are then computed when they are asked for.
    """
    if sum(found.cell.n_items for found in question.cells) < LARGE_UNIT_ITEMS:
        return
    place = folder / "units" / _unit_file(question.cells[0])
    try:
        if place.exists():
            return
        rows = _named(question, cell_means(question))
        files = {metric.name: _file_name(metric) for metric in question.metrics}
        kept_in = [files[name] for name in rows["metric"].to_pylist()]
        column = pa.array(kept_in, pa.string())
        write_whole(place, parquet_bytes(rows.append_column(_OF_UNIT.field("kept_in"), column)))
    except (StoreError, duckdb.Error):
        return


def _of_units(folder: Place, question: Question, missing: list[int]) -> _Fresh:
    """Return what was kept, when they were written, of the units of the cells `missing`."""
    names = {_unit_file(question.cells[i]) for i in missing}
    of_units = folder / "units"
    listed = of_units.iterdir() if of_units.is_dir() else ()
    read = {
        path: _read(path, _OF_UNIT)
        for path in at_hand([path for path in listed if path.name in names])
    }
    rows = pa.concat_tables([_OF_UNIT.empty_table(), *read.values()])
    wanted = pa.array([_file_name(metric) for metric in question.metrics])
    rows = rows.filter(pc.is_in(rows["kept_in"], wanted))
    places = {path: frozenset(table["kept_in"].to_pylist()) for path, table in read.items()}
    return _Fresh(rows.select(_KEPT.names), places)


def _unit_file(found: StoredCell) -> str:
    written = hashlib.sha256(found.unit.created.encode()).hexdigest()[:8]
    return f"{found.unit.unit_id}.{written}.parquet"


def _without_repeats(known: pa.Table, fresh: pa.Table) -> pa.Table:
    sql = f"SELECT * FROM fresh ANTI JOIN known USING (metric, {', '.join(_CELL)})"
    return pa.concat_tables([known, _joined(sql, known=known, fresh=fresh).cast(_KEPT)])


def _remove_kept(fresh: _Fresh, places: Mapping[str, Place]) -> None:
    """Remove the files of units of which every row now lies in one of `places`."""
    names = {path.name for path in places.values()}
    for path, kept_in in fresh.places.items():
        if kept_in <= names:
            path.unlink(missing_ok=True)


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


def _keep(places: Mapping[str, Place], question: Question, means: pa.Table) -> bool:
    """Write the means of the cells of `question`, in the place of what was kept before.

    Returns whether they could be written.
    """
    named = _named(question, means)
    for name, place in places.items():
        rows = named.filter(pc.equal(named["metric"], name))
        try:
            write_whole(place, parquet_bytes(rows))
        except StoreError:  # a disk that is full or read-only: computed again next time
            return False
    return True


def _named(question: Question, means: pa.Table) -> pa.Table:
    """Return `means` with what names their cells in place of a number."""
    sql = f"SELECT {', '.join(_KEPT.names)} FROM means JOIN cells USING (cell)"
    return _joined(sql, cells=cell_table(question), means=means).cast(_KEPT)


def _read(path: Place, schema: pa.Schema = _KEPT) -> pa.Table:
    """Return what `path` holds; nothing where it is missing or damaged: it is made anew."""
    try:
        return read_parquet(path).cast(schema)
    except (OSError, pa.ArrowException):
        return schema.empty_table()


def _file_name(metric: Metric) -> str:
    told = json.dumps([_FORMULA, dataclasses.asdict(metric)], sort_keys=True, default=str)
    return f"{metric.name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.parquet"
