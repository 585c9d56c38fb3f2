"""``ckpt-analyzer audit SUITE``: what the metadata of a suite say about its checkpoints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ckpt_analyzer.cli.options import Endpoint
from ckpt_analyzer.cli.output import counted, show, talk
from ckpt_analyzer.store.place import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


NAME = "audit"
SUSPECTS_FOUND = 1
LONG_WAIT_SECONDS = 10


def command(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="Name of a suite, or a folder of checkpoints.")
    ],
    sizes: Annotated[
        str, typer.Option(help="Sizes or names of models, with commas between; all by default.")
    ] = "",
    arm: Annotated[str, typer.Option(help="One arm: base, sft, dpo or instruct; else all.")] = "",
    store: Annotated[
        Place | None,
        typer.Option(
            "--store", metavar="STORE", parser=place_of, help="Keep the findings in this store."
        ),
    ] = None,
    endpoint: Endpoint = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON per checkpoint and finding.")
    ] = False,
) -> None:
    """Find wrong checkpoints from metadata alone. Exit code 1 if there are suspects.

    Downloads no weights: their sha256 are published. Finds equal weights, shared shards, missing
    and foreign files, configurations that contradict the size, and missing steps.
    """
    from ckpt_analyzer.store.audits import findings
    from ckpt_analyzer.store.store import open_store
    from ckpt_analyzer.sweep.audit_suite import SuiteChoice, audit_whole, questions_of

    opened = None if store is None else open_store(store, create=True)
    named = tuple(filter(None, (size.strip() for size in sizes.split(","))))
    tables = []
    for question in questions_of(SuiteChoice(suite, named, arm, endpoint, _say_wait)):
        with _reading(question.model.name, len(question.model.steps)) as on_read:
            tables.append(audit_whole(question, opened, on_read))
        if as_json:
            _write_lines(tables[-1])
    rows = [row for table in tables for row in findings(table).to_dict("records")]
    if rows and not as_json:
        show(sorted(rows, key=lambda row: row["standing"] != "suspect"), as_json=False)
    n_suspect = sum(_n_steps(table[table["standing"] == "suspect"]) for table in tables)
    n_checkpoints = sum(_n_steps(table[table["finding"] != "missing-step"]) for table in tables)
    talk(
        f"{counted(n_checkpoints, 'checkpoint')} of {counted(len(tables), 'model')} audited, "
        f"{n_suspect:,} suspect" + ("" if store is None else f"; kept in {store}")
    )
    if n_suspect:
        raise typer.Exit(SUSPECTS_FOUND)


def _say_wait(seconds: float) -> None:
    if seconds > LONG_WAIT_SECONDS:
        why = "the Hub asks for it; who is signed in (hf auth login) may ask more often"
        talk(f"waiting {seconds:.0f} s: {why}")


def _n_steps(rows: pd.DataFrame) -> int:
    return int(rows["step"].nunique())


def _write_lines(table: pd.DataFrame) -> None:
    # Through objects: an integer column that lacks values has an NA of its own.
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@contextmanager
def _reading(model: str, n_steps: int) -> Iterator[Callable[[str], None]]:
    """Show on stderr how far a model is read: a bar on a terminal, a line elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _revision: None
        talk(f"read {model}")
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=12), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(model, total=n_steps)
        yield lambda revision: bars.update(bar, advance=1, description=f"{model}@{revision}")
