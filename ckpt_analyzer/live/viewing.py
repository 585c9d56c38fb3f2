"""The report of a store, served to a browser and built anew as the store grows.

In: an open store. Out: a server that is not yet at work, and the builds behind it. What is done
with both is up to the caller: ``view`` on the command line waits, a notebook goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckpt_analyzer.live.builds import Builds, Page
from ckpt_analyzer.live.server import PageServer
from ckpt_analyzer.store.glance import glance
from ckpt_analyzer.store.store import Store


@dataclass(frozen=True)
class Seen:
    """How a report is viewed.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes any that is free.
    every_seconds
        Between two looks at the store.
    title
        Of the page.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    every_seconds: float = 2.0
    title: str | None = None


@dataclass(frozen=True)
class Served:
    """A server, listening, and the builds that it shows; neither is at work yet."""

    server: PageServer
    builds: Builds


def serve(store: Store, seen: Seen, tell: Callable[[Page | None, str], None]) -> Served:
    """Return the server of the report of `store`; `tell` hears of every build.

    Raises
    ------
    UserError
        If the port is taken or the host is not this machine's.
    """
    builds = Builds(
        look=lambda: glance(store.path),
        build=lambda: _page(store, seen.title),
        tell=tell,
        every_seconds=seen.every_seconds,
    )
    return Served(PageServer(seen.host, seen.port, lambda: builds.state), builds)


def _page(store: Store, title: str | None) -> str | None:
    """Return the page of `store`; None while it holds no scores."""
    # Seconds of imports, for the thread that builds: the server listens meanwhile.
    from ckpt_analyzer.html_report import render
    from ckpt_analyzer.reporting.report import fitted_data

    if not store.manifests() and not store.imports():
        return None
    return render(fitted_data(store, title))
