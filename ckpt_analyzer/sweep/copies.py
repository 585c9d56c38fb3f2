"""Scores that are known because the same weights were scored under another name.

In: a unit, its resolved checkpoint, and the store. Out: the cells that are left to score; the
others are in the store, under the unit's own step and with a note of where they come from. Equal
weights with equal configuration and tokenizer have equal scores, so nothing is downloaded for them.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field, replace

import pyarrow as pa

from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.tally import rows_of
from ckpt_analyzer.store.unit import Cell, CellKey, UnitManifest, facts_of
from ckpt_analyzer.sweep.plan import Unit
from ckpt_analyzer.tables import ITEM_SCORES


@dataclass(frozen=True)
class Copied:
    """What is left of a unit, and a sentence about each checkpoint that scores were taken from."""

    left: Unit
    notes: tuple[str, ...]


@dataclass
class EqualWeights:
    """The scored units of a store by what their scores depend on beside the task.

    Of each unit only its name is held, so that a long run does not grow. `knows` may be asked by
    another thread than the one that copies and adds.
    """

    store: Store
    _by_content: dict[bytes, list[str]] | None = field(default=None)
    _donated: dict[str, UnitManifest] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def copy(self, unit: Unit, resolved: ResolvedCheckpoint, sweep_sha256: str) -> Copied:
        """Write into the store what is known of `unit`, and return the rest of it.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        notes: list[str] = []
        left = dict.fromkeys(unit.cells)
        for donor in self._donors(resolved):
            taken = {key: cell for key in left if (cell := _same_cell(donor, key)) is not None}
            if not taken:
                continue
            cells = tuple(replace(cell, key=key) for key, cell in taken.items())
            draft = replace(_draft(donor, unit, resolved, sweep_sha256), cells=cells)
            table = _rows(self.store, donor, tuple(taken.values()), draft)
            self.add(self.store.commit(draft, table))
            left = {key: None for key in left if key not in taken}
            notes.append(f"has the weights of {draft.copied_from}: its scores were taken over")
        return Copied(replace(unit, cells=tuple(left)), tuple(notes))

    def knows(self, resolved: ResolvedCheckpoint) -> bool:
        """Return whether there are scores of the same weights, of some task or other."""
        return bool(self._names(resolved))

    def add(self, manifest: UnitManifest) -> None:
        """Take note of a unit that was stored just now."""
        with self._reading:
            if self._by_content is not None:
                _note(self._by_content, manifest)

    def _donors(self, resolved: ResolvedCheckpoint) -> tuple[UnitManifest, ...]:
        """Return the units with the content of `resolved`; those that donate are kept."""
        names = self._names(resolved)
        if any(name not in self._donated for name in names):
            stored = {each.unit_id: each for each in self.store.manifests()}
            self._donated |= {name: stored[name] for name in names if name in stored}
        return tuple(self._donated[name] for name in names if name in self._donated)

    def _names(self, resolved: ResolvedCheckpoint) -> tuple[str, ...]:
        if not resolved.companions_digest:
            return ()
        with self._reading:
            if self._by_content is None:
                self._by_content = {}
                for manifest in self.store.manifests():
                    _note(self._by_content, manifest)
            key = _key(resolved.weights_sha256, resolved.companions_digest)
            return tuple(self._by_content.get(key, ()))


def _note(by_content: dict[bytes, list[str]], manifest: UnitManifest) -> None:
    if manifest.companions_digest:
        key = _key(manifest.weights_sha256, manifest.companions_digest)
        by_content.setdefault(key, []).append(manifest.unit_id)


def _key(weights_sha256: str, companions_digest: str) -> bytes:
    return hashlib.sha256(f"{weights_sha256} {companions_digest}".encode()).digest()


def _same_cell(donor: UnitManifest, wanted: CellKey) -> Cell | None:
    """Return the cell of `donor` that differs from `wanted` in the checkpoint's name only."""
    for cell in donor.cells:
        named = replace(
            cell.key,
            repo=wanted.repo,
            commit=wanted.commit,
            revision=wanted.revision,
            step=wanted.step,
            tokenizer=wanted.tokenizer,  # of equal content, see `_donors`
        )
        if named == wanted:
            return cell
    return None


def _draft(
    donor: UnitManifest, unit: Unit, resolved: ResolvedCheckpoint, sweep_sha256: str
) -> UnitManifest:
    return replace(
        donor,
        **facts_of(unit.checkpoint),
        commit=resolved.commit,
        suspect=unit.suspicion,
        sweep_sha256=sweep_sha256,
        seconds_fetch=0.0,
        seconds_score=0.0,
        copied_from=donor.copied_from or f"{donor.model}@{donor.revision}",
        parquet="",
        parquet_sha256="",
        parquet_bytes=0,
        created="",
    )


def _rows(
    store: Store, donor: UnitManifest, cells: tuple[Cell, ...], draft: UnitManifest
) -> pa.Table:
    """Return the rows of these cells of `donor`, under the name of `draft`."""
    stored = store.read_unit(donor)
    rows = pa.concat_tables([rows_of(cell.table_key, stored) for cell in cells])
    for i, name in enumerate(ITEM_SCORES.names):
        if name in ("suite", "model", "arm", "revision", "commit", "step", "tokens"):
            kind = ITEM_SCORES.field(name)
            column = pa.repeat(pa.scalar(getattr(draft, name), kind.type), len(rows))
            rows = rows.set_column(i, kind, column)
    return rows.cast(ITEM_SCORES)
