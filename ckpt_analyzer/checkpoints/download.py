"""One file of a Hub as a sequence of bytes, each of which comes exactly once, whatever happens.

In: an address, and what is published of the file. Out: its bytes, in order. One GET reads it; where
that fails, another goes on at the exact byte. What a failure means is decided in ``retry.py``. The
bytes are not checked here: the digest is the caller's business.

Redirects are followed by hand: the token goes to the Hub only, never to the storage behind it, and
a signed address is kept until it expires, so that going on costs one request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx2
import numpy as np
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import get_session, hf_raise_for_status

from ckpt_analyzer.checkpoints.asked_wait import asked_wait_seconds
from ckpt_analyzer.checkpoints.body import body_chunks
from ckpt_analyzer.checkpoints.retry import (
    Failure,
    RetryPolicy,
    decide,
    kind_of,
)
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.hub_failure import without_credentials

_OK, _PARTIAL = 200, 206
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_FIRST_ERROR = 400
_NO_SUCH_RANGE = 416
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class AlteredError(Exception):
    """What came so far does not belong to what would come: the file is to be read anew."""


class GaveUpError(CheckpointError):
    """A file that could not be read to its end, however patiently."""


@dataclass(frozen=True)
class Line:
    """How files are asked for: the same for all files of a source.

    Parameters
    ----------
    token
        None for the client's own.
    pause
        Waits so many seconds; it may raise to end everything.
    stall_seconds
        How long no byte may come.
    """

    token: str | None = None
    pause: Callable[[float], None] = time.sleep
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    stall_seconds: float = 30.0
    random: np.random.Generator = field(default_factory=np.random.default_rng)


class _FailedError(Exception):
    """A request that failed, and what is known of it."""

    def __init__(self, failure: Failure, response: httpx2.Response | None = None) -> None:
        self.failure = failure
        self.response = response


class Download:
    """The reading of one file.

    Parameters
    ----------
    url
        Its address at the Hub.
    size_bytes, sha256
        As published; None where that is not known beforehand.

    Attributes
    ----------
    tag
        The Hub's name for the content, once an answer has come: its sha256, or git's blob id.
    """

    def __init__(
        self, line: Line, url: str, *, size_bytes: int | None = None, sha256: str | None = None
    ) -> None:
        self._line = line
        self._url = url
        self._sha256 = sha256
        self._size_bytes = size_bytes
        self._position = 0
        self._signed: str | None = None
        self._stored_tag: str | None = None
        self._n_failures = 0
        self._counted_from = 0
        self.tag: str | None = None

    def chunks(self, first_byte: int = 0) -> Generator[bytes]:
        """Yield the bytes of the file, from `first_byte` to the last.

        Raises
        ------
        AlteredError
            If the file changed on the server since its first byte was read.
        GaveUpError, OSError, httpx2.HTTPError
            If the server refuses, or reading fails more often than the policy allows.
        """
        self._position = self._counted_from = first_byte
        while True:
            try:
                yield from self._rest()
            except httpx2.ReadTimeout as error:
                self._recover(Failure.STALLED, error)
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                self._recover(Failure.BROKEN, error)
            except _FailedError as error:
                self._recover(error.failure, error)
            else:
                return

    def _rest(self) -> Iterator[bytes]:
        """Yield what is missing, as far as one request brings it."""
        if self._position and self._position == self._size_bytes:
            return
        with self._answer() as response:
            to_skip = self._position - self._check_answer(response)
            for chunk in body_chunks(response, self._line.stall_seconds):
                if to_skip >= len(chunk):
                    to_skip -= len(chunk)
                    continue
                fresh, to_skip = chunk[to_skip:], 0
                self._position += len(fresh)
                if self._size_bytes is not None and self._position > self._size_bytes:
                    raise _FailedError(Failure.WRONG_LENGTH)
                yield fresh
        if self._size_bytes is not None and self._position < self._size_bytes:
            raise _FailedError(Failure.BROKEN)

    @contextmanager
    def _answer(self) -> Iterator[httpx2.Response]:
        """Open the file from the present position on; redirects are followed."""
        url = self._signed or self._url
        for _ in range(_MOST_REDIRECTS):
            with self._request(url) as response:
                if url == self._url:
                    self._note_tag(response)
                if response.status_code not in _REDIRECTS:
                    self._check_status(response, url)
                    self._signed = None if url == self._url else url
                    yield response
                    return
                url = urljoin(url, response.headers.get("location", ""))
        raise _FailedError(Failure.SERVER)

    @contextmanager
    def _request(self, url: str) -> Iterator[httpx2.Response]:
        headers = {"accept-encoding": "identity"}
        if _origin(url) == _origin(self._url):
            headers |= build_hf_headers(token=self._line.token)
        if self._position:
            headers["range"] = f"bytes={self._position}-"
        timeout = httpx2.Timeout(self._line.stall_seconds)
        with get_session().stream(
            "GET", url, headers=headers, follow_redirects=False, timeout=timeout
        ) as response:
            yield response

    def _note_tag(self, response: httpx2.Response) -> None:
        """Take the Hub's word on what the file is; refuse it where it is not what is wanted."""
        headers = response.headers
        if response.status_code >= _FIRST_ERROR:
            return
        tag = _plain(headers.get("x-linked-etag") or headers.get("etag") or "")
        if not tag:
            return
        is_sha256 = _SHA256.fullmatch(tag) is not None
        if is_sha256 and self._sha256 is not None and tag != self._sha256:
            raise _FailedError(Failure.WRONG_TAG)
        if self.tag is not None and tag != self.tag and self._position:
            raise AlteredError
        self.tag = tag

    def _check_status(self, response: httpx2.Response, url: str) -> None:
        if response.status_code in (_OK, _PARTIAL):
            return
        is_signed = _origin(url) != _origin(self._url) or url == self._signed
        if response.status_code == _NO_SUCH_RANGE:
            raise _FailedError(Failure.WRONG_RANGE)
        raise _FailedError(kind_of(response.status_code, is_signed_address=is_signed), response)

    def _check_answer(self, response: httpx2.Response) -> int:
        """Return the place in the file at which the answer begins."""
        headers = response.headers
        stored_tag = _plain(headers.get("etag", ""))
        if self._position and self._stored_tag and stored_tag not in ("", self._stored_tag):
            raise AlteredError
        self._stored_tag = stored_tag or self._stored_tag
        if headers.get("content-encoding", "identity") != "identity":
            raise _FailedError(Failure.WRONG_LENGTH)
        if response.status_code == _PARTIAL:
            return self._check_range(headers.get("content-range", ""))
        self._check_length(int(headers["content-length"]) if "content-length" in headers else None)
        return 0

    def _check_range(self, content_range: str) -> int:
        match = _CONTENT_RANGE.fullmatch(content_range)
        if match is None or int(match[1]) != self._position:
            raise _FailedError(Failure.WRONG_RANGE)
        self._check_length(None if match[3] == "*" else int(match[3]))
        return self._position

    def _check_length(self, announced: int | None) -> None:
        if announced is None:
            return
        if self._size_bytes is None:
            self._size_bytes = announced
        if announced != self._size_bytes:
            raise _FailedError(Failure.WRONG_LENGTH)

    def _recover(self, failure: Failure, error: Exception) -> None:
        """Wait until the next request may be made; raise if there is to be none."""
        if self._position - self._counted_from >= self._line.policy.progress_bytes:
            self._n_failures = 0
        self._n_failures += 1
        self._counted_from = self._position
        response = error.response if isinstance(error, _FailedError) else None
        asked = asked_wait_seconds(response.headers) if response is not None else None
        line = self._line
        decision = decide(failure, self._n_failures, line.policy, line.random, asked)
        if not decision.go_on:
            self._give_up(failure, error, response)
        if decision.new_address:
            self._signed = None
        line.pause(decision.wait_seconds)

    def _give_up(
        self, failure: Failure, error: Exception, response: httpx2.Response | None
    ) -> None:
        if response is not None and _origin(str(response.url)) == _origin(self._url):
            hf_raise_for_status(response)
        if isinstance(error, httpx2.TransportError):
            raise error
        raise GaveUpError(
            f"{failure.value}, {self._n_failures} times in a row, at byte {self._position:,}",
            where=without_credentials(self._url),
            hint="run the same command again: what is done stays done",
        ) from None


def _plain(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = httpx2.URL(url)
    return parts.scheme, parts.host, parts.port
