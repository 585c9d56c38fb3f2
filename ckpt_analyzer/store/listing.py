"""What lies in the folder of units: sound units, damaged ones, strays.

In: the folder. Out: a ``Listing``. Sizes are checked always, digests on request. Nothing is
skipped in silence: what is no unit is listed as such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import TEMPORARY_PREFIX
from ckpt_analyzer.store.manifest import read_manifest
from ckpt_analyzer.store.object_access import PlaceError
from ckpt_analyzer.store.place import Place, at_hand, sha256_of
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.store.versions import NewerStoreError


@dataclass(frozen=True)
class Damage:
    """A file that cannot be used, and why."""

    path: Place
    reason: str


@dataclass(frozen=True)
class Listing:
    """The folder of units at one moment.

    Parameters
    ----------
    manifests
        Of the sound units, by unit id.
    damaged
        Manifests that cannot be read or whose table is not what they say; they do not count.
    leftovers
        Tables without a manifest and temporary files: of a writer at work, or of one that crashed.
    foreign
        Files that the store did not make.
    """

    manifests: tuple[UnitManifest, ...]
    damaged: tuple[Damage, ...]
    leftovers: tuple[Place, ...]
    foreign: tuple[Place, ...]


def list_units(units: Place) -> Listing:
    """Return what lies in the folder `units`, which need not exist.

    Raises
    ------
    NewerStoreError
        If a later version wrote one of the units: it is not damaged, and must not be scored again.
    """
    paths = sorted(units.iterdir()) if units.is_dir() else []
    manifests, damaged = [], []
    for path in at_hand([path for path in paths if _is_manifest(path)]):
        try:
            manifests.append(read_manifest(path))
        except (NewerStoreError, PlaceError):
            raise
        except StoreError as error:
            damaged.append(Damage(path, error.problem))
    tables = {manifest.parquet for manifest in manifests}
    others = [path for path in paths if not _is_manifest(path) and path.name not in tables]
    return Listing(
        manifests=tuple(sorted(manifests, key=lambda manifest: manifest.unit_id)),
        damaged=tuple(damaged),
        leftovers=tuple(path for path in others if _is_ours(path)),
        foreign=tuple(path for path in others if not _is_ours(path)),
    )


def altered_tables(units: Place, manifests: Iterable[UnitManifest]) -> tuple[Damage, ...]:
    """Return the tables in `units` whose content is not what `manifests` say; reads all of it."""
    wanted = {manifest.parquet: manifest.parquet_sha256 for manifest in manifests}
    read = ((units / name, alteration(units / name, sha256)) for name, sha256 in wanted.items())
    return tuple(Damage(path, reason) for path, reason in read if reason)


def alteration(path: Place, sha256: str) -> str:
    """Return in what `path` differs from a file of this digest; empty if in nothing."""
    try:
        return "" if sha256_of(path) == sha256 else "its content is not what was written"
    except FileNotFoundError:
        return "it is gone"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def _is_manifest(path: Place) -> bool:
    return path.suffix == ".json" and not path.name.startswith(".")


def _is_ours(path: Place) -> bool:
    return path.name.startswith(TEMPORARY_PREFIX) or path.suffix == ".parquet"
