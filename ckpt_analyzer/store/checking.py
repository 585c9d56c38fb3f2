"""Everything that can be wrong with the files of a store, found by reading all of them.

In: the folder of a store. Out: what is wrong, and, on request, the same moved out of the way so
that the next run scores it anew. What is at work or was left behind is no damage: ``garbage.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.audits import read_audits
from ckpt_analyzer.store.imports import altered_imports, list_imports
from ckpt_analyzer.store.layout import Layout
from ckpt_analyzer.store.listing import Damage, Listing, alteration, list_units
from ckpt_analyzer.store.place import Place, moved, place_of
from ckpt_analyzer.store.sweep_copies import altered_sweeps
from ckpt_analyzer.store.texts import ITEM_TEXTS
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.store.versions import columns_since
from ckpt_analyzer.store.write import read_parquet
from ckpt_analyzer.tables import ITEM_SCORES

_ASIDE = "quarantine"


@dataclass(frozen=True)
class Checked:
    """What a store holds and what is wrong with it.

    Parameters
    ----------
    wrong
        Files that are not what was written, each with the reason.
    leftovers, foreign
        See ``listing.Listing``; they are no damage.
    """

    n_units: int
    n_tables: int
    n_rows: int
    n_bytes: int
    wrong: tuple[Damage, ...]
    leftovers: tuple[Place, ...]
    foreign: tuple[Place, ...]


def check(store: Place) -> Checked:
    """Read the whole store and compare it with what was written.

    Checked are the sha256 of every table of units and imports against its manifest, its columns and
    the number of its rows, and that texts, audits and sweeps can be read.
    """
    at = Layout(store)
    listing = list_units(at.units)
    shared = _by_table(listing.manifests)
    altered = [
        Damage(at.units / name, reason)
        for name, units in shared.items()
        if (reason := _table_fault(at.units / name, units))
    ]
    imports = list_imports(at.imports).damaged + altered_imports(at.imports)
    return Checked(
        n_units=len(listing.manifests),
        n_tables=len(shared),
        n_rows=sum(map(_n_rows, listing.manifests)),
        n_bytes=sum(units[0].parquet_bytes for units in shared.values()),
        wrong=(*listing.damaged, *altered, *imports, *_wrong_beside(at)),
        leftovers=listing.leftovers,
        foreign=listing.foreign,
    )


def quarantine(store: Place, wrong: Iterable[Damage]) -> tuple[Place, ...]:
    """Move what is `wrong` into the folder ``quarantine`` of the store; return the new places.

    Manifests go before their tables, so that at no moment a manifest names a table that is gone.

    Raises
    ------
    StoreError
        If a file cannot be moved.
    """
    wrong_paths = [damage.path for damage in wrong if damage.path.exists()]
    naming = _naming(store, wrong_paths)
    order = dict.fromkeys([*naming, *wrong_paths])
    return tuple(_moved(store, path) for path in order)


def _naming(store: Place, tables: list[Place]) -> list[Place]:
    """Return the manifests and records that name one of `tables`."""
    at = Layout(store)
    listing: Listing = list_units(at.units)
    names = {path.name for path in tables if path.parent == at.units}
    found = [
        at.units / f"{unit.unit_id}.json" for unit in listing.manifests if unit.parquet in names
    ]
    records = (path.with_suffix(".json") for path in tables if path.parent == at.imports)
    return found + [record for record in records if record.exists()]


def _moved(store: Place, path: Place) -> Place:
    place = store / _ASIDE / "/".join(path.parts[len(store.parts) :])
    try:
        moved(path, place)
    except OSError as error:
        raise StoreError(
            f"a file of the store cannot be moved: {error.strerror}",
            where=str(path),
            hint="check the folder's owner and permissions",
        ) from error
    return place


def _by_table(manifests: Iterable[UnitManifest]) -> dict[str, list[UnitManifest]]:
    shared: dict[str, list[UnitManifest]] = {}
    for unit in manifests:
        shared.setdefault(unit.parquet, []).append(unit)
    return shared


def _table_fault(path: Place, units: list[UnitManifest]) -> str:
    """Return what is wrong with a table of item scores; empty if nothing."""
    if fault := alteration(path, units[0].parquet_sha256):
        return fault
    try:
        footer = pq.ParquetFile(path if isinstance(path, Path) else _read(path))
    except (OSError, pa.ArrowException) as error:
        return f"it is not a Parquet file ({error})"
    with footer:
        gained = columns_since(units[0].format, "ITEM_SCORES")
        wanted = {*ITEM_SCORES.names} - {*gained}
        if missing := wanted - {*footer.schema_arrow.names}:
            return f"it lacks the columns {', '.join(sorted(missing))}"
        n_rows = sum(map(_n_rows, units))
        is_packed = units[0].packed_as is not None
        # A shared table keeps the rows of units that were removed since.
        if footer.metadata.num_rows < n_rows or (
            footer.metadata.num_rows > n_rows and not is_packed
        ):
            return f"it has {footer.metadata.num_rows} rows instead of {n_rows}"
    return ""


def _read(path: Place) -> pa.BufferReader:
    return pa.BufferReader(path.read_bytes())


def _wrong_beside(at: Layout) -> Iterator[Damage]:
    for path in sorted(at.items.glob("*.parquet")):
        if not _is_texts(path):
            yield Damage(path, "it is not a table of item texts")
    for path in altered_sweeps(at.sweeps):
        yield Damage(path, "its content is not what was written")
    try:
        read_audits(at.audits)
    except StoreError as error:
        yield Damage(place_of(error.where), error.problem)


def _is_texts(path: Place) -> bool:
    try:
        return bool(read_parquet(path).schema.equals(ITEM_TEXTS))
    except (OSError, pa.ArrowException):
        return False


def _n_rows(unit: UnitManifest) -> int:
    return sum(cell.n_items for cell in unit.cells)
