"""``ckpt-analyzer report STORE -o FILE.html``: the page that one sends to a colleague."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_analyzer.cli.options import StoreFolders, WithSuspects
from ckpt_analyzer.cli.output import busy, talk

if TYPE_CHECKING:
    from ckpt_analyzer.store.store import Store

NAME = "report"


def command(
    stores: StoreFolders,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path(
        "report.html"
    ),
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    with_suspects: WithSuspects = False,
) -> None:
    """Write one HTML page with every trend and flip; it opens from disk, without a network.

    Several stores stand side by side, each under its folder's name.
    """
    from ckpt_analyzer.store.store import open_store

    opened = [open_store(store) for store in stores]
    write_report(opened, output, title=title, with_suspects=with_suspects)


def write_report(
    stores: list[Store], output: Path, *, title: str | None = None, with_suspects: bool = False
) -> None:
    """Write the page of `stores`, and say where it is."""
    from ckpt_analyzer.reporting.report import report

    with busy("writing the report"):
        written = report(stores, output, title=title, with_suspects=with_suspects)
    talk(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB); open it in a browser")
