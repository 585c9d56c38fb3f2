"""What lies in a store and serves nobody: what dead writers left, and units that no table shows.

In: the folder of a store. Out: a list, and the same removed. A writer at work makes temporary files
and tables without a manifest, too, so what is younger than a given age stays. Ages are taken by
the clock of the disk that holds the store, whatever the machine's own says.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import TEMPORARY_PREFIX, write_whole
from ckpt_analyzer.store.imports import list_imports
from ckpt_analyzer.store.layout import Layout
from ckpt_analyzer.store.listing import list_units
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.selection import select_cells
from ckpt_analyzer.store.unit import UnitManifest

#: Writers that are alive finish a file within this time.
GRACE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Garbage:
    """A file that may go, what it is, and its size."""

    path: Place
    what: str
    bytes: int


def leftovers(store: Place, older_than_seconds: float) -> tuple[Garbage, ...]:
    """Return the temporary files and the tables without a manifest that are older than this.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    now = _now_of(store)
    found = []
    for path, what in _candidates(store):
        try:
            facts = path.stat()
        except FileNotFoundError:  # its writer was alive, and is done with it
            continue
        if now - facts.st_mtime >= older_than_seconds:
            found.append(Garbage(path, what, facts.st_size))
    return tuple(found)


def superseded(store: Place, manifests: Iterable[UnitManifest]) -> tuple[Garbage, ...]:
    """Return the manifests of units of which no cell counts, and their tables.

    Each is followed by its table, unless another unit is in it. See ``selection.py`` for the rule.
    """
    units = Layout(store).units
    manifests = tuple(manifests)
    counting = {found.unit.unit_id for found in select_cells(manifests).chosen}
    needed = {unit.parquet for unit in manifests if unit.unit_id in counting}
    found: dict[Place, Garbage] = {}
    for unit in manifests:
        if unit.unit_id not in counting:
            place = units / f"{unit.unit_id}.json"
            found[place] = Garbage(place, "superseded unit", place.stat().st_size)
    for unit in manifests:
        if unit.parquet not in needed:
            table = units / unit.parquet
            found[table] = Garbage(table, "table of superseded units", unit.parquet_bytes)
    return tuple(found.values())


def remove(garbage: Iterable[Garbage]) -> None:
    """Remove `garbage` in its order: a manifest goes before its table.

    A table that a manifest names by now is left alone.

    Raises
    ------
    StoreError
        If a file cannot be removed.
    """
    garbage = tuple(garbage)
    manifests = [each for each in garbage if each.path.suffix == ".json"]
    _unlink(manifests)
    folders = {each.path.parent for each in garbage if each.path.parent.name == "units"}
    named = {unit.parquet for folder in folders for unit in list_units(folder).manifests}
    _unlink(each for each in garbage if each not in manifests and each.path.name not in named)


def _unlink(garbage: Iterable[Garbage]) -> None:
    for each in garbage:
        try:
            each.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"a file of the store cannot be removed: {error.strerror}",
                where=str(each.path),
                hint="check the folder's owner and permissions",
            ) from error


def _candidates(store: Place) -> Iterator[tuple[Place, str]]:
    for path in sorted(store.rglob(f"{TEMPORARY_PREFIX}*")):
        if path.is_file():
            yield path, "temporary file"
    at = Layout(store)
    for path in list_units(at.units).leftovers:
        if not path.name.startswith(TEMPORARY_PREFIX):
            yield path, "table without a manifest"
    known = {record.import_id for record in list_imports(at.imports).records}
    for path in sorted(at.imports.glob("*.parquet")):
        if path.stem not in known and not path.with_suffix(".json").exists():
            yield path, "table without a record"


def _now_of(store: Place) -> float:
    """Return the time by the clock of the disk: that of a file made just now."""
    probe = store / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}-now"
    write_whole(probe, b"now")
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
