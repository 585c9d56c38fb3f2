"""Take in what others computed, hand out what was computed here.

In: files of results, or a store. Out: what became of each file. The formats are ``importers/``,
``store/export*.py`` and ``reporting/figures.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ckpt_analyzer import importers, suites
from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.importers._gathered import ImportedResults
from ckpt_analyzer.reporting.figures import Wanted, write_figures
from ckpt_analyzer.store.export import export_tables
from ckpt_analyzer.store.export_hub import export_hub
from ckpt_analyzer.store.export_lm_eval import export_lm_eval
from ckpt_analyzer.store.given import check_store
from ckpt_analyzer.store.store import Store

ExportFormat = Literal["csv", "parquet", "lm-eval", "hub", "figures"]
_FORMATS = ("csv", "parquet", "lm-eval", "hub", "figures")


@dataclass(frozen=True)
class Imported:
    """What was taken in.

    Parameters
    ----------
    n_files
        Documents that gave at least one row.
    n_values, n_items
        Published means, and scores of single items.
    models, tasks
        Their names.
    failures
        One row per document, or part of one, that gave nothing: file, reason.
    """

    n_files: int
    n_values: int
    n_items: int
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    failures: pd.DataFrame


def import_results(
    store: Store, results: str, paths: Path | str | Sequence[Path | str]
) -> Imported:
    """Read results that were computed elsewhere into `store`.

    Parameters
    ----------
    store
        Opened with ``open_store(path, create=True)``.
    results
        The format: ``lm-eval``, ``lighteval`` or ``table``.
    paths
        Files, folders (searched to the bottom) or ``.tar.gz`` archives.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    StoreError
        If the store cannot be written. A file that cannot be understood is no error: it is in
        ``failures``, and the rest is taken in.
    """
    check_store(store)
    return take_in(store, results, read_results(results, paths))


def read_results(results: str, paths: Path | str | Sequence[Path | str]) -> ImportedResults:
    """Read results that were computed elsewhere; see ``import_results``."""
    known = tuple(suites.load(each) for each in suites.names())
    given = [paths] if isinstance(paths, (str, Path)) else paths
    return importers.load(results).read([Path(each) for each in given], known)


def take_in(store: Store, results: str, found: ImportedResults) -> Imported:
    """Write what was read into `store`, and say what that was."""
    if len(found.trends):
        store.add_import(found.trends, source=results)
    for unit in found.units:
        (cell,) = unit.draft.cells
        if unit.items:
            store.save_items(cell.key.task, cell.key.task_sha256, unit.items)
        store.commit(unit.draft, unit.table)
    drafts = [unit.draft for unit in found.units]
    cells = [cell for draft in drafts for cell in draft.cells]
    return Imported(
        n_files=len(set(found.files_read)),
        n_values=len(found.trends),
        n_items=sum(cell.n_items for cell in cells),
        models=_sorted({*found.trends["model"], *(draft.model for draft in drafts)}),
        tasks=_sorted({*found.trends["task"], *(cell.key.task for cell in cells)}),
        failures=pd.DataFrame(list(found.failures.items()), columns=["file", "reason"]),
    )


def export(
    store: Store,
    folder: Path | str,
    file_format: ExportFormat = "csv",
    *,
    figures: Wanted | None = None,
) -> pd.DataFrame:
    """Write the tables or the figures of `store` into `folder`.

    Parameters
    ----------
    file_format
        ``csv`` and ``parquet``: tidy tables. ``lm-eval``: results and samples of
        lm-evaluation-harness 0.4. ``hub``: a data set repository with a card. ``figures``: charts
        as SVG, PDF and PNG, with their specifications and numbers; the store is fitted if it is
        not yet.
    figures
        Which charts, tasks, metrics and widths (``figures.Wanted``); by default all, of each task
        the first metric.

    Returns
    -------
    pandas.DataFrame
        One row per file: path, rows (None for a figure), left_out (why a figure was not drawn; its
        path is then None).

    Raises
    ------
    UnknownNameError
        If there is no such format.
    StoreError
        If the folder cannot be written.
    """
    check_store(store)
    if file_format not in _FORMATS:
        raise UnknownNameError("export format", file_format, _FORMATS)
    return pd.DataFrame(
        _written(store, Path(folder), file_format, figures), columns=["path", "rows", "left_out"]
    )


def _written(
    store: Store, folder: Path, file_format: ExportFormat, wanted: Wanted | None
) -> Iterator[dict[str, Any]]:
    if file_format == "figures":
        for figure in write_figures(store, folder, wanted):
            yield from ({"path": path} for path in figure.files)
            if figure.left_out:
                yield {"left_out": f"{figure.name}: {figure.left_out}"}
        return
    others = {"lm-eval": export_lm_eval, "hub": export_hub}
    write = others.get(file_format)
    for file in write(store, folder) if write else export_tables(store, folder, file_format):
        yield {"path": file.path, "rows": file.n_rows}


def _sorted(names: set[Any]) -> tuple[str, ...]:
    return tuple(sorted(map(str, names)))
