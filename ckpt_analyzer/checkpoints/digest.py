"""The sha256 of a file, read in pieces, and of bytes on their way."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

_PIECE_BYTES = 2**20
#: Pieces that wait to be hashed.
_MOST_WAITING = 4


class RunningSha256:
    """The sha256 of bytes that come in pieces, hashed beside whoever brings them.

    A context manager: its thread ends with it. Pieces must not change once they are given.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._waiting: deque[Future[None]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sha256")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def update(self, piece: memoryview) -> None:
        """Take `piece`; waits where hashing falls behind."""
        self._waiting.append(self._thread.submit(self._digest.update, piece))
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft().result()

    def hexdigest(self) -> str:
        """Return the digest of all pieces so far, in hexadecimal."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of the bytes of `path`, in hexadecimal. Peak memory: one MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
