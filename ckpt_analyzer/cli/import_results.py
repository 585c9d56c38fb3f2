"""``ckpt-analyzer import FORMAT PATH...``: take in results that others computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_analyzer.cli.output import Json, quoted, show_json, talk
from ckpt_analyzer.cli.verb import verb

app = typer.Typer(help="Take in results that were computed elsewhere.", no_args_is_help=True)

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Result files, folders of them, or .tar.gz."),
]
Into = Annotated[Path, typer.Option("--store", help="Store folder; made if absent.")]


@app.callback()
def kinds() -> None:
    """Take in results that were computed elsewhere.

    A file that cannot be understood is listed with the reason, and the rest is taken in.
    """


@app.command("lm-eval")
@verb
def lm_eval(paths: Paths, store: Into, as_json: Json = False) -> None:
    """Read results (.json) and samples (.jsonl) of lm-evaluation-harness, 0.3 and 0.4."""
    _take_in("lm-eval", paths, store, as_json=as_json)


@app.command("lighteval")
@verb
def lighteval(paths: Paths, store: Into, as_json: Json = False) -> None:
    """Read results (.json) and details (.parquet) of lighteval."""
    _take_in("lighteval", paths, store, as_json=as_json)


@app.command("table")
@verb
def table(paths: Paths, store: Into, as_json: Json = False) -> None:
    """Read CSV or Parquet tables with columns model, task, metric, step and value.

    Or item and score in place of value, one row per item. For models of no declared suite also
    parameters and tokens. The tables that export writes are such tables.
    """
    _take_in("table", paths, store, as_json=as_json)


def _take_in(name: str, paths: list[Path], store: Path, *, as_json: bool) -> None:
    from ckpt_analyzer import importers, suites
    from ckpt_analyzer.store.store import open_store

    known = tuple(suites.load(each) for each in suites.names())
    results = importers.load(name).read(paths, known)
    opened = open_store(store, create=True)
    if len(results.trends):
        opened.add_import(results.trends, source=name)
    for unit in results.units:
        (cell,) = unit.draft.cells
        if unit.items:
            opened.save_items(cell.key.task, cell.key.task_sha256, unit.items)
        opened.commit(unit.draft, unit.table)
    for file, reason in results.failures.items():
        talk(f"{file}: {reason}", mark="not read:")
    drafts = [unit.draft for unit in results.units]
    n_items = sum(cell.n_items for draft in drafts for cell in draft.cells)
    models = {*results.trends["model"], *(draft.model for draft in drafts)}
    tasks = {*results.trends["task"], *(draft.cells[0].key.task for draft in drafts)}
    talk(
        f"read {len(set(results.files_read))} files, {len(results.failures)} not: "
        f"{len(results.trends):,} values, {n_items:,} scores of items, "
        f"{len(models)} models, {len(tasks)} tasks"
    )
    if as_json:
        files = len(set(results.files_read))
        show_json({"files": files, "items": n_items, "failures": dict(results.failures)})
    talk(f"next: ckpt-analyzer fit {quoted(store)}")
