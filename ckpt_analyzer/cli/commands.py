"""The verbs joined into one command line, and what becomes of a mistake.

In: what the user typed. Out: an exit code. Each verb is a file beside this one.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from ckpt_analyzer import __version__
from ckpt_analyzer.cli import (
    audit,
    cancel,
    compare,
    demo,
    export,
    fit,
    import_results,
    plan,
    report,
    run,
    status,
    store,
    suites,
    tasks,
    view,
)
from ckpt_analyzer.cli.output import talk
from ckpt_analyzer.cli.verb import Verbose, is_verbose, show_libraries, silence_libraries, verb
from ckpt_analyzer.errors import UserError

app = typer.Typer(
    name="ckpt-analyzer",
    help="Score every checkpoint of open language-model suites and locate where trends flip.",
    epilog="Start with: ckpt-analyzer demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ckpt-analyzer {__version__}\n")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Score every checkpoint of open language-model suites and locate where trends flip."""
    if verbose:
        show_libraries()


for each in (
    demo,
    suites,
    tasks,
    audit,
    plan,
    run,
    status,
    cancel,
    fit,
    report,
    view,
    compare,
    export,
):
    app.command(each.NAME)(verb(each.command, ends_at_once=each is view))
app.add_typer(import_results.app, name="import")
app.add_typer(store.app, name="store")


def run_app() -> None:
    """Run the command line and exit; a mistake of the user's is said and ends with 2."""
    try:
        silence_libraries()
        app(standalone_mode=True)
    except UserError as error:
        if is_verbose():
            traceback.print_exc()
        talk(str(error), mark="error:", style="bold red")
        sys.exit(2)
