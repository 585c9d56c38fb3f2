"""What each version of the store changed, and how what an older one wrote reads as of today.

In: a record or table of an older version. Out: the same as of this version; nothing on the disk
changes. To change the store, add a ``Step`` at the end of ``STEPS``: a column with a default needs
one line, ``columns={"TRENDS": {"seed": None}}``, and a field of a manifest or of a cell's key needs
a default in its dataclass only. A store that a later version wrote is refused. Before a version is
followed by another, ``tests/golden/make_store.py`` keeps a small store of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ckpt_analyzer.errors import StoreError

Record = Mapping[str, Any]
Scalar = str | int | float | bool | None


def _as_it_is(record: Record) -> Record:
    return record


@dataclass(frozen=True)
class Step:
    """What one version changed of the one before it.

    Parameters
    ----------
    version
        The version that it leads to.
    says
        What changed, for people.
    manifest
        A manifest of the version before → one of this version. Pure.
    columns
        Name of a schema (``ITEM_SCORES``, ``TRENDS``, ``AUDIT``) → column that was added to it →
        its value in every older row.
    """

    version: int
    says: str
    manifest: Callable[[Record], Record] = _as_it_is
    columns: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)


STEPS: tuple[Step, ...] = (
    Step(
        2,
        "a table may hold the rows of several units (`packed_as` in the manifest), what the rules "
        "of a task gave its items, and the seed of a run",
        columns={"ITEM_SCORES": {"task_values": None}, "TRENDS": {"seed": None}},
    ),
)

#: The version that is written.
VERSION = 1 + len(STEPS)


class NewerStoreError(StoreError):
    """Something that a later version of ckpt_analyzer wrote."""


def check_version(found: object, where: str) -> None:
    """Check that this version can read what version `found` wrote.

    Raises
    ------
    NewerStoreError
        If a later version wrote it.
    StoreError
        If `found` is no version.
    """
    if type(found) is not int or found < 1:
        raise StoreError(f"it is of format {found}, known are 1 to {VERSION}", where=where)
    if found > VERSION:
        raise NewerStoreError(
            f"the store is of format {found}, this version of ckpt_analyzer knows 1 to {VERSION}",
            where=where,
            hint="use the version that wrote the store, or a newer one: "
            "pip install --upgrade ckpt-analyzer",
        )


def upgraded_manifest(record: Record, version: int, steps: Sequence[Step] = STEPS) -> Record:
    """Return the manifest `record` of `version` as one of today; its ``format`` stays."""
    for step in steps:
        if step.version > version:
            record = step.manifest(record)
    return record


def columns_since(version: int, schema: str, steps: Sequence[Step] = STEPS) -> dict[str, Scalar]:
    """Return the columns that `schema` has gained since `version`, with the value of older rows."""
    gained: dict[str, Scalar] = {}
    for step in steps:
        if step.version > version:
            gained |= step.columns.get(schema, {})
    return gained


def upgraded_table(table: pa.Table, schema: pa.Schema, gained: Mapping[str, Scalar]) -> pa.Table:
    """Return `table` as one of `schema`: columns that were `gained` are filled in.

    Raises
    ------
    KeyError, pyarrow.ArrowInvalid
        If another column is missing, or is of another type.
    """
    for name in (name for name in gained if name not in table.column_names):
        kind = schema.field(name)
        value = pa.scalar(gained[name], kind.type)
        filled = pa.repeat(value, len(table)) if value.is_valid else pa.nulls(len(table), kind.type)
        table = table.append_column(kind, filled)
    return table.select(schema.names).cast(schema)
