"""The door to a store: open it, write units into it, ask it for tables.

In: a folder. Out: pandas tables (tables.TRENDS and others). A store holds nothing in memory but its
path and the time of its last writing: every call sees what lies on the disk at that moment, whoever
wrote it. It knows nothing of models, fits and charts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.store import audits, checking, fits, garbage, imports, sweep_copies, texts
from ckpt_analyzer.store.asked import (
    cells_like,
    given_metrics,
    known_metrics,
    metric_called,
    question_about,
)
from ckpt_analyzer.store.clock import Clock
from ckpt_analyzer.store.compacting import Compacted, compact_units
from ckpt_analyzer.store.layout import Layout
from ckpt_analyzer.store.listing import Damage, Listing, altered_tables, list_units
from ckpt_analyzer.store.manifest import read_manifest
from ckpt_analyzer.store.mark import check_store, is_store, make_store, raise_version
from ckpt_analyzer.store.means import keep_unit_means, remembered_means
from ckpt_analyzer.store.place import Place, place_of
from ckpt_analyzer.store.queries import (
    Question,
    ReplacedError,
    dense_values,
    item_values,
    wide_values,
)
from ckpt_analyzer.store.runs import runs_table
from ckpt_analyzer.store.selection import (
    Selection,
    StoredCell,
    cells_at,
    last_trusted,
    select_cells,
)
from ckpt_analyzer.store.trajectories import Trajectories, scattered
from ckpt_analyzer.store.unit import IMPORTED, CellKey, UnitManifest
from ckpt_analyzer.store.write import commit_unit, read_unit
from ckpt_analyzer.tables import SERIES
from ckpt_analyzer.task import Item

_T = TypeVar("_T")
#: How often a question is asked again whose tables are replaced while it is answered.
_PATIENCE = 5


def open_store(path: Place | PathLike[str] | str, *, create: bool = False) -> Store:
    """Return the store at `path`.

    Opening writes nothing, so a store on a read-only disk can be read.

    Parameters
    ----------
    create
        It will be written to: make the folder a store if it is missing or empty, and if an earlier
        version made it, keep that version from misreading what is written from now on.

    Raises
    ------
    StoreError
        If `path` is no store, or a later version wrote it.
    """
    path = place_of(path)
    path = path.absolute() if isinstance(path, Path) else path
    if create and not is_store(path):
        make_store(path)
    elif create:
        raise_version(path)
    check_store(path)
    return Store(path)


@dataclass(frozen=True)
class Store:
    """An open store. Any number of processes may hold it open and write."""

    path: Place
    _clock: Clock = field(default_factory=Clock, repr=False, compare=False)

    # --- units ---

    def listing(self) -> Listing:
        """Return the sound units, the damaged ones, and all else in their folder."""
        return list_units(self._at.units)

    def manifests(self) -> tuple[UnitManifest, ...]:
        """Return the manifests of all sound units.

        Where the very commit was audited, ``suspect`` is what the newest audit says.
        """
        audited = audits.suspects(self.audit())
        return tuple(audits.judged(unit, audited) for unit in self.listing().manifests)

    def done_cells(self) -> set[CellKey]:
        """Return all cells that need not be scored again."""
        return {cell.key for manifest in self.manifests() for cell in manifest.cells}

    def damaged(self) -> tuple[Damage, ...]:
        """Return the units and imports that do not count, and why; sizes are checked."""
        return self.listing().damaged + imports.list_imports(self._at.imports).damaged

    def verify(self) -> tuple[Damage, ...]:
        """Return what ``damaged`` does, and the tables that differ from their sha256.

        Reads the whole store. A changed byte in a table that keeps its size is seen here only:
        a third of such changes give other numbers without any error.
        """
        altered = altered_tables(self._at.units, self.manifests())
        return self.damaged() + altered + imports.altered_imports(self._at.imports)

    def selection(self) -> Selection:
        """Return the cells that count, and those that another one stands in front of."""
        return select_cells(self.manifests())

    def commit(self, draft: UnitManifest, table: pa.Table) -> UnitManifest:
        """Write a unit and return its manifest; see ``write.commit_unit``.

        Of a large unit the means are computed and kept, too; see ``means.keep_unit_means``.
        """
        unit = commit_unit(self._at.units, draft, table, lambda: self._clock.after(self._newest))
        cells = [StoredCell(unit, cell) for cell in unit.cells]
        if cells:
            keep_unit_means(self._at.means, self._question(cells, known_metrics(cells)))
        return unit

    def read_unit(self, manifest: UnitManifest) -> pa.Table:
        """Return the table of a unit (tables.ITEM_SCORES); see ``write.read_unit``.

        If the unit has moved to another table since `manifest` was read, it is read from there.
        """
        place = self._at.units / f"{manifest.unit_id}.json"
        if not (self._at.units / manifest.parquet).exists() and place.exists():
            manifest = read_manifest(place)
        return read_unit(self._at.units, manifest)

    # --- upkeep ---

    def check(self) -> checking.Checked:
        """Read the whole store and say what is wrong with it; see ``checking.check``."""
        return checking.check(self.path)

    def quarantine(self, wrong: Iterable[Damage]) -> tuple[Place, ...]:
        """Move what is wrong out of the way; see ``checking.quarantine``."""
        return checking.quarantine(self.path, wrong)

    def compact(self) -> Compacted:
        """Put the rows of many small tables into few; see ``compacting.compact_units``."""
        raise_version(self.path)
        return compact_units(self._at.units)

    def garbage(
        self, older_than_seconds: float, *, with_superseded: bool = False
    ) -> tuple[garbage.Garbage, ...]:
        """Return the files that serve nobody; see ``garbage.leftovers``, ``garbage.superseded``."""
        found = garbage.leftovers(self.path, older_than_seconds)
        return found + (garbage.superseded(self.path, self.manifests()) if with_superseded else ())

    # --- what lies beside the units ---

    def renew_audit(self, rows: pd.DataFrame, *, is_whole: bool) -> None:
        """Put the audit of one model in the place of earlier ones; see ``audits.renew_audit``."""
        audits.renew_audit(self._at.audits, rows, is_whole=is_whole)

    def audit(self) -> pd.DataFrame:
        """Return tables.AUDIT of all models; no rows before the first audit."""
        return audits.read_audits(self._at.audits)

    def add_import(self, trends: pd.DataFrame, source: str) -> imports.ImportRecord:
        """Keep published means; see ``imports.add_import``."""
        return imports.add_import(self._at.imports, trends, source)

    def imports(self) -> tuple[imports.ImportRecord, ...]:
        """Return the records of all imports, the newest first."""
        return imports.list_imports(self._at.imports).records

    def imported(self) -> pd.DataFrame:
        """Return the rows of all imports (tables.TRENDS), those of the newest first."""
        frame: pd.DataFrame = imports.read_imports(self._at.imports).to_pandas()
        return frame

    def add_sweep(self, text: str) -> str:
        """Keep a copy of a sweep file and return its sha256."""
        return sweep_copies.add_sweep(self._at.sweeps, text)

    def sweeps(self) -> tuple[str, ...]:
        """Return the texts of all sweep files that ran."""
        return sweep_copies.read_sweeps(self._at.sweeps)

    def save_items(self, task: str, task_sha256: str, items: Sequence[Item]) -> None:
        """Keep the texts of a task's items, once."""
        texts.save_texts(self._at.items, task, task_sha256, items)

    def write_flips(self, flips: pd.DataFrame) -> None:
        """Replace the table of flips (tables.FLIPS)."""
        fits.write_flips(self._at.fits, flips)

    def mark_fitted(self, content_id: str, *, with_suspects: bool = False) -> None:
        """Say that flips and regressions are those of `content_id`."""
        fits.write_fitted_on(self._at.fits, fits.fitted_on(content_id, with_suspects))

    def write_description(self, name: fits.Description, table: pd.DataFrame) -> None:
        """Replace a table over the models of a suite: regression, movement or surface."""
        fits.write_description(self._at.fits, name, table)

    # --- tables ---

    def trends(self, metrics: Iterable[str] | None = None) -> pd.DataFrame:
        """Return tables.TRENDS: means over items, and the imported means.

        One row per series and step. A point that was both scored and imported is taken from the
        scores; of two imports, from the newer.

        Parameters
        ----------
        metrics
            Names; None for all that apply.

        Raises
        ------
        UnknownNameError
            If a metric is neither declared nor imported, nor of a task's own rules.
        """
        imported = imports.read_imports(self._at.imports)
        selection = self.selection()
        known = known_metrics(selection.chosen) | {*imported["metric"].to_pylist()}
        named = [metrics] if isinstance(metrics, str) else metrics
        wanted = known if named is None else set(named)
        for name in wanted - known:
            raise UnknownNameError("metric", name, known)

        def read(found: Selection) -> pa.Table:
            return remembered_means(self._at.means, self._question(found.chosen, wanted))

        scored = self._settled(read, selection)
        frame: pd.DataFrame = pa.concat_tables([scored, imported]).to_pandas()
        frame = frame[frame["metric"].isin(wanted)].drop_duplicates([*SERIES, "step"])
        return frame.sort_values([*SERIES, "step"], ignore_index=True)

    def items(
        self,
        task: str | None = None,
        model: str | None = None,
        metric: str | None = None,
        *,
        arm: str | None = None,
        shots: int | None = None,
        last: bool = False,
    ) -> pd.DataFrame:
        """Return the score of every item: one row per item, series and step.

        `last` keeps only the last checkpoint of each model that is not under suspicion.

        The columns are ``queries.ITEM_VALUES``, among them task, metric, model, size, arm, step,
        tokens, item, score; NaN is an item that was not scored. An argument that is None leaves
        its name open.

        Raises
        ------
        UnknownNameError
            If the metric is neither declared nor of a task's own rules.
        """
        selection = self.selection()
        known = known_metrics(selection.chosen)
        if metric is not None and metric not in known:
            raise UnknownNameError("metric", metric, known)
        names = known if metric is None else {metric}
        wanted = {"task": task, "model": model, "arm": arm, "shots": shots}

        def read(among: Selection) -> pa.Table:
            cells = cells_like(among.chosen, wanted)
            kept = list(last_trusted(cells)) if last else cells
            return item_values(self._question(kept, names))

        frame: pd.DataFrame = self._settled(read, selection).to_pandas()
        return frame

    def scores_at(
        self, points: pd.DataFrame, metrics: Sequence[str], among: Selection | None = None
    ) -> dict[str, np.ndarray]:
        """Return the score of every item at `points`, by metric, as float64: points by items.

        NaN is *not scored*. Peak memory: 8 bytes per point and item, and 16 per each metric.

        Parameters
        ----------
        points
            Rows of ``trends`` that have items: of one task, each point once.
        among
            What ``selection`` returned, by who asks often: to list a large store takes seconds.
        """

        def read(selection: Selection) -> dict[str, np.ndarray]:
            cells = cells_at(selection.chosen, points)
            records = [metric_called(name, given_metrics(cells)) for name in metrics]
            return dense_values(Question(self._at.units, cells, records))

        return self._settled(read, among or self.selection())

    def trajectories(
        self,
        task: str,
        metrics: Sequence[str],
        chosen: Callable[[StoredCell], bool],
        among: Selection | None = None,
    ) -> Trajectories:
        """Return the scores of every item of `task` at the `chosen` cells, as dense arrays.

        Items whose texts were not saved have no place in it. `among` is as in ``scores_at``.

        Raises
        ------
        UnknownNameError
            If the store holds no scores of `task`, or a metric is not declared.
        """
        selection = among or self.selection()

        def cells_of(found: Selection) -> list[StoredCell]:
            return [each for each in found.chosen if each.cell.key.task == task and chosen(each)]

        last = next(reversed(cells_of(selection)), None)
        texts_of_task = (
            self.item_texts(task)
            if last is None
            else texts.read_texts(self._at.items, task, last.cell.key.task_sha256)
        )
        given = given_metrics(selection.chosen)
        records = [metric_called(name, given) for name in metrics]
        names = [record.name for record in records]
        keys = pa.Table.from_pandas(texts_of_task[["part", "item_id"]], preserve_index=False)

        def read(found: Selection) -> Trajectories:
            cells = cells_of(found)
            values = wide_values(Question(self._at.units, cells, records), keys)
            return scattered(texts_of_task, cells, values, names)

        return self._settled(read, selection)

    def content_id(self) -> str:
        """Return a digest of what the store holds and trusts.

        It changes with every unit and import, and where an audit changes what is suspect.
        """
        units = sorted(f"{unit.unit_id} {unit.suspect or ''}" for unit in self.manifests())
        imported = sorted(record.import_id for record in self.imports())
        return hashlib.sha256("\n".join([*units, *imported]).encode()).hexdigest()

    def is_fitted(self, *, with_suspects: bool = False) -> bool:
        """Return whether flips and regressions are those of what the store holds now."""
        now = fits.fitted_on(self.content_id(), with_suspects)
        return fits.read_fitted_on(self._at.fits) == now

    def flips(self) -> pd.DataFrame:
        """Return tables.FLIPS; no rows before the first fit."""
        return fits.read_flips(self._at.fits)

    def regression(self) -> pd.DataFrame:
        """Return the table of regressions; empty before the first fit."""
        return self.description("regression")

    def description(self, name: fits.Description) -> pd.DataFrame:
        """Return a table over the models of a suite; empty before the first fit."""
        return fits.read_description(self._at.fits, name)

    def runs(self) -> pd.DataFrame:
        """Return one row per sound unit, see ``runs.RUNS``."""
        return runs_table(self.manifests())

    def item_texts(self, task: str) -> pd.DataFrame:
        """Return the texts of the items of `task`; no rows where they were not saved.

        Where some were scored here and others imported, they are those that were scored.

        Raises
        ------
        UnknownNameError
            If the store holds no scores of such a task.
        """
        keys = [found.cell.key for found in self.selection().chosen]
        keys.sort(key=lambda key: key.scorer_version != IMPORTED)
        sha256 = {key.task: key.task_sha256 for key in keys}
        if task not in sha256:
            raise UnknownNameError("task in the store", task, sha256, where=str(self.path))
        return texts.read_texts(self._at.items, task, sha256[task])

    def _settled(self, read: Callable[[Selection], _T], selection: Selection) -> _T:
        """Return ``read(selection)``; where a table went away meanwhile its rows lie elsewhere."""
        for _ in range(_PATIENCE):
            try:
                return read(selection)
            except ReplacedError:
                selection = self.selection()
        return read(selection)

    def _newest(self) -> str:
        """Return when the newest unit was written, by the clock of who wrote it."""
        return max((unit.created for unit in self.listing().manifests), default="")

    @property
    def _at(self) -> Layout:
        return Layout(self.path)

    def _question(self, cells: Sequence[StoredCell], names: Iterable[str]) -> Question:
        return question_about(self._at.units, cells, names)
