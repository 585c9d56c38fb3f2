"""A server for one page and its state, for readers on this machine.

In: builds and an address. Out: HTTP. The standard library's server is enough: it answers two paths
to a handful of readers, and adds no dependency. A request that names another host than those that
lead here is refused, so that a foreign page cannot read it by a name of its own that resolves to
this machine (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.live.builds import State
from ckpt_analyzer.live.page import live, waiting

LOOPBACK = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PageServer(ThreadingHTTPServer):
    """A server of the page that `state` holds, at `host` and `port` (0 for any that is free).

    Raises
    ------
    UserError
        If the address cannot be used.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, state: Callable[[], State]) -> None:
        self.state = state
        self.host = host
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise UserError(
                f"the page cannot be served there: {error.strerror or error}",
                where=f"{host}, port {port}",
                hint="--port 0 takes any free port",
            ) from error

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say what went wrong with a request, unless the reader went away in the middle of it."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def is_ours(self, host: str) -> bool:
        """Return whether the Host of a request leads here; any does if others may connect."""
        if not is_loopback(self.host):
            return True
        name, _, port = host.rpartition(":")
        return port == str(self.server_port) and is_loopback(name.strip("[]"))


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = "ckpt-analyzer"
    sys_version = ""

    def do_GET(self) -> None:
        if not self.server.is_ours(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        state = self.server.state()
        path = self.path.partition("?")[0]
        if path == "/":
            page = state.page
            self._send(live(page.content, page.version) if page else waiting(), "text/html")
        elif path == "/state":
            answer = {
                "version": state.page.version if state.page else None,
                "doing": state.doing,
                "problem": state.problem,
            }
            self._send(json.dumps(answer).encode(), "application/json")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a page that looks every second would fill the screen."""

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
