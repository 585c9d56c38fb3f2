"""``ckpt-analyzer import FORMAT PATH...``: take in results that others computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_analyzer.cli.options import StoreMade
from ckpt_analyzer.cli.output import Json, counted, quoted, show_json, talk
from ckpt_analyzer.cli.report import write_report
from ckpt_analyzer.cli.verb import verb
from ckpt_analyzer.store.place import Place

app = typer.Typer(help="Take in results that were computed elsewhere.", no_args_is_help=True)

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Result files, folders of them, or .tar.gz."),
]
Page = Annotated[
    Path | None, typer.Option("--report", "-o", help="Write the report here when all is read.")
]


@app.callback()
def kinds() -> None:
    """Take in results that were computed elsewhere.

    A file that cannot be understood is listed with the reason, and the rest is taken in.
    """


@app.command("lm-eval")
@verb
def lm_eval(paths: Paths, store: StoreMade, report: Page = None, as_json: Json = False) -> None:
    """Read results (.json) and samples (.jsonl) of lm-evaluation-harness, 0.3 and 0.4."""
    _take_in("lm-eval", paths, store, report, as_json=as_json)


@app.command("lighteval")
@verb
def lighteval(paths: Paths, store: StoreMade, report: Page = None, as_json: Json = False) -> None:
    """Read results (.json) and details (.parquet) of lighteval."""
    _take_in("lighteval", paths, store, report, as_json=as_json)


@app.command("table")
@verb
def table(paths: Paths, store: StoreMade, report: Page = None, as_json: Json = False) -> None:
    """Read CSV or Parquet tables with columns model, task, metric, step and value.

    Or item and score in place of value, one row per item. For models of no declared suite also
    parameters and tokens. The tables that export writes are such tables.
    """
    _take_in("table", paths, store, report, as_json=as_json)


def _take_in(
    name: str, paths: list[Path], store: Place, page: Path | None, *, as_json: bool
) -> None:
    from ckpt_analyzer.notebook.exchange import read_results, take_in
    from ckpt_analyzer.store.store import open_store

    # Read first: where nothing can be, no empty store is left behind.
    read = read_results(name, paths)
    opened = open_store(store, create=True)
    found = take_in(opened, name, read)
    failures = dict(found.failures.itertuples(index=False, name=None))
    for file, reason in failures.items():
        talk(f"{file}: {reason}", mark="not read:")
    talk(
        f"read {counted(found.n_files, 'file')}, {len(failures)} not: "
        f"{counted(found.n_values, 'value')}, {counted(found.n_items, 'score')} of items, "
        f"{counted(len(found.models), 'model')}, {counted(len(found.tasks), 'task')}"
    )
    if as_json:
        read_of = {"files": found.n_files, "values": found.n_values, "items": found.n_items}
        names = {"models": found.models, "tasks": found.tasks}
        show_json({**read_of, **names, "failures": failures})
    if page is None:
        talk(f"next: ckpt-analyzer fit {quoted(store)}")
    else:
        write_report([opened], page)
