"""``ckpt-analyzer view STORE``: the report in a browser, kept fresh while a sweep runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import talk

if TYPE_CHECKING:
    from ckpt_analyzer.live.builds import Page

NAME = "view"


def command(
    store: StoreFolder,
    host: Annotated[
        str, typer.Option(help="Where to listen; others than this machine can read it elsewhere.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Which port; 0 takes any that is free.")
    ] = 8765,
    every: Annotated[
        float, typer.Option(min=0.2, help="Seconds between two looks at the store.")
    ] = 2.0,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
) -> None:
    """Serve the report to a browser on this machine; it renews itself as a sweep adds results.

    The address is printed on stdout. Ctrl-C ends it.
    """
    from ckpt_analyzer.live.server import is_loopback
    from ckpt_analyzer.live.viewing import Seen, serve
    from ckpt_analyzer.store.store import open_store

    served = serve(open_store(store), Seen(host, port, every, title), _tell)
    server, builds = served.server, served.builds
    if not is_loopback(host):
        talk(
            "everyone who reaches this machine can read the report; there is no password",
            mark="open to others:",
        )
    sys.stdout.write(f"{server.address}\n")
    sys.stdout.flush()
    talk("open the address in a browser; Ctrl-C ends it")
    builds.start()
    try:
        with server:
            server.serve_forever(poll_interval=0.2)
    finally:
        builds.stop()


def _tell(page: Page | None, problem: str) -> None:
    if page is None:
        talk(problem.rstrip(), mark="the page could not be built:", style="red")
    else:
        talk(f"built {page.version} ({len(page.content) / 1e6:.1f} MB)")
