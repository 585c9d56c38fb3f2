"""What can go wrong with a download of weights, as the server's side of it.

In: the handler of a request, and the content that was asked for. Each function of `FAULTS` answers
one request in its own bad way. Some need two requests to show: they break the first off half-way
and stay in the script for the second.
"""

from __future__ import annotations

import hashlib
import os
import re
import select
import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

_PATIENCE_SECONDS = 5.0


def play(script: list[str], handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Answer a request as the first entry of `script` says, and take it off unless it stays."""
    name = script.pop(0)
    if FAULTS[name](handler, content):
        script.insert(0, name)


def _start(handler: BaseHTTPRequestHandler) -> int:
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    return int(match[1]) if match else 0


def _head(
    handler: BaseHTTPRequestHandler,
    content: bytes,
    *,
    start: int | None = None,
    claimed: int | None = None,
    tag: str | None = None,
) -> None:
    """Send the head of a good answer from `start` on; `claimed` and `tag` are what is wrong."""
    start = _start(handler) if start is None else start
    handler.send_response(206 if start else 200)
    handler.send_header("ETag", f'"{tag or hashlib.sha256(content).hexdigest()}"')
    if start:
        shown = start if claimed is None else claimed
        handler.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()


def _half(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    start = _start(handler)
    _head(handler, content)
    handler.wfile.write(content[start : start + max(1, (len(content) - start) // 2)])
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Break off half-way with RST."""
    _half(handler, content)
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    os.close(handler.connection.detach())
    return False


def end(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Break off half-way with FIN."""
    _half(handler, content)
    return False


def stall(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Send nothing more from half-way on, until the reader goes away."""
    _half(handler, content)
    select.select([handler.connection], [], [], _PATIENCE_SECONDS)
    return False


def unavailable(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Answer 503."""
    handler._refuse(503, "")
    return False


def too_many(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Answer 429, and when to come again."""
    handler._refuse(429, "", {"Retry-After": "7", "RateLimit": '"resolvers";r=0;t=7'})
    return False


def wrong_length(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Announce and send more than the file has."""
    start, longer = _start(handler), content + b"more" * 25
    _head(handler, longer)
    handler.wfile.write(longer[start:])
    return False


def flip(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Send everything, with one bit of the last byte changed."""
    start = _start(handler)
    _head(handler, content)
    handler.wfile.write(content[start:-1] + bytes([content[-1] ^ 1]))
    return False


def flip_header(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Send everything, with one bit of the eleventh byte changed: it is in the header's JSON."""
    start = _start(handler)
    _head(handler, content)
    handler.wfile.write((content[:10] + bytes([content[10] ^ 1]) + content[11:])[start:])
    return False


def wrong_tag(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Send everything under the name of another content."""
    start = _start(handler)
    _head(handler, content, tag="0" * 64)
    handler.wfile.write(content[start:])
    return False


def ignored_range(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Break off; then send everything where the rest is asked for."""
    if not _start(handler):
        _half(handler, content)
        return True
    _head(handler, content, start=0)
    handler.wfile.write(content)
    return False


def wrong_range(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Break off; then send another part than is asked for."""
    if not (start := _start(handler)):
        _half(handler, content)
        return True
    _head(handler, content, claimed=start - 1)
    handler.wfile.write(content[start:])
    return False


def expired(handler: BaseHTTPRequestHandler, content: bytes) -> bool:
    """Break off; the signed address is refused from then on."""
    _half(handler, content)
    handler.hub.void_signatures.add(handler.signature)
    return False


FAULTS: dict[str, Callable[[BaseHTTPRequestHandler, bytes], bool]] = {
    fault.__name__: fault
    for fault in (
        reset, end, stall, unavailable, too_many, wrong_length, flip, flip_header, wrong_tag,
        ignored_range, wrong_range, expired,
    )
}  # fmt: skip
