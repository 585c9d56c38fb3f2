"""The body of an answer in large pieces, for files of gigabytes.

In: an open answer. Out: its bytes in order. The client's parser takes 64 KiB at a time and copies
each piece several times: 1.35 CPU seconds a gigabyte. So only what it has read together with the
headers comes from it, and the rest from the connection itself, which the client hands out for such
uses: 0.4. The connection is used up by that.

References
----------
https://www.python-httpx.org/advanced/extensions/#network_stream
"""

from __future__ import annotations

from collections.abc import Iterator

import httpcore2
import httpx2

#: Asked for at a time.
_READ_BYTES = 2**20
#: Below it a connection that can be used again is worth more.
_MIN_BYTES = 4 * 2**20


def body_chunks(response: httpx2.Response, stall_seconds: float) -> Iterator[bytes]:
    """Yield the body of `response` as it came over the network; it may end too early.

    Raises
    ------
    httpx2.TransportError
        If the connection breaks, or no byte comes for `stall_seconds`.
    """
    parsed = response.iter_raw()
    first = next(parsed, b"")
    yield first
    left_bytes = _announced_bytes(response) - len(first)
    if left_bytes < _MIN_BYTES:
        yield from parsed
        return
    # The parser has given away all that it had: what is next on the connection is the body.
    connection: httpcore2.NetworkStream = response.extensions["network_stream"]
    while left_bytes:
        chunk = _read(connection, min(left_bytes, _READ_BYTES), stall_seconds)
        if not chunk:
            return
        left_bytes -= len(chunk)
        yield chunk


def _announced_bytes(response: httpx2.Response) -> int:
    """Return the length of a body that is plain on its connection; 0 of any other."""
    headers = response.headers
    is_plain = response.http_version == "HTTP/1.1" and "transfer-encoding" not in headers
    if not is_plain or "network_stream" not in response.extensions:
        return 0
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _read(connection: httpcore2.NetworkStream, n_bytes: int, stall_seconds: float) -> bytes:
    try:
        return connection.read(n_bytes, timeout=stall_seconds)
    except httpcore2.ReadTimeout as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except httpcore2.NetworkError as error:
        raise httpx2.ReadError(str(error)) from error
