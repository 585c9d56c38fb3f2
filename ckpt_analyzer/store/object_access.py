"""How objects of a storage are reached: listed, read, written, removed.

In: a scheme and a key (``bucket/name``). Out: facts and bytes. Credentials, region and endpoint are
those of the AWS environment variables and files; none is kept, logged or put into an error. Knows
nothing of what a store holds.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ckpt_analyzer.errors import StoreError

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

#: How many objects are asked for at a time.
AT_A_TIME = 16
#: An object that was written in the same second as another of its name and size cannot be told
#: from it, so what is younger than this is read again.
_SETTLED_SECONDS = 60.0
_BLOCK_BYTES = 8 * 2**20
_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 5.0, 60.0, 4

#: What a client's words mean: signs, the problem, what to do next.
_MEANINGS = (
    (
        ("NO_SUCH_BUCKET", "NoSuchBucket"),
        "there is no such bucket",
        "make it first, or correct its name; the endpoint is {endpoint}",
    ),
    (
        (
            "ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "INVALID_CLIENT_TOKEN_ID", "HTTP status 403",
            "SIGNATURE_DOES_NOT_MATCH", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN",
            "UNRECOGNIZED_CLIENT", "EXPIRED", "InvalidAccessKeyId", "SignatureDoesNotMatch",
        ),
        "the object storage refuses these credentials",
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN, AWS_PROFILE), and "
        "that they may list, read, write and delete there; the endpoint is {endpoint}",
    ),
    (
        ("HTTP status 301", "HTTP status 307", "PermanentRedirect"),
        "the bucket lies in another region",
        "give its region: AWS_DEFAULT_REGION=…; the endpoint is {endpoint}",
    ),
    (
        ("NETWORK_CONNECTION", "curlCode", "REQUEST_TIMEOUT"),
        "the object storage is not reached",
        "check the network and AWS_ENDPOINT_URL; the endpoint is {endpoint}",
    ),
)  # fmt: skip

#: Small objects that were read, by scheme, key, size and time.
_known: dict[tuple[str, str, int, int], bytes] = {}


class PlaceError(StoreError):
    """The storage that holds the store is not reached, or refuses: nothing is known of the store.

    It is no damage: nothing is to be scored again for it.
    """


@dataclass(frozen=True)
class Listed:
    """What a storage says of an object, in the words of ``os.stat_result``."""

    st_size: int
    st_mtime_ns: int
    is_folder: bool = False

    @property
    def st_mtime(self) -> float:
        """When it was written, in seconds by the clock of the storage."""
        return self.st_mtime_ns / 1e9


def no_bucket(where: str) -> PlaceError:
    """Return the error for a bucket that is not there."""
    return _error_of("NO_SUCH_BUCKET", where)


def look(scheme: str, key: str) -> Listed | None:
    """Return what is known of an object or folder; None if there is none."""
    with _explained(scheme, key):
        (info,) = _storage(scheme).get_file_info([key])
    return _listed(info)


def listing(scheme: str, key: str, *, is_deep: bool) -> Mapping[str, Listed]:
    """Return the objects and folders in a folder, by key and in its order."""
    from pyarrow.fs import FileSelector

    with _explained(scheme, key):
        selector = FileSelector(key, recursive=is_deep, allow_not_found=True)
        found = _storage(scheme).get_file_info(selector)
    facts = {info.path.strip("/"): _listed(info) for info in found}
    return {name: fact for name, fact in sorted(facts.items()) if fact is not None}


def get(scheme: str, key: str) -> bytes:
    """Return the content of an object.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    with _explained(scheme, key), _storage(scheme).open_input_file(key) as file:
        content: bytes = file.read()
        return content


def get_small(wanted: Sequence[tuple[str, Listed, str]]) -> list[bytes | None]:
    """Return the contents of many small objects; None for one that has gone.

    Parameters
    ----------
    wanted
        Scheme, facts and key of each.
    """
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        return list(threads.map(_get_small, *zip(*wanted, strict=True))) if wanted else []


def _get_small(scheme: str, facts: Listed, key: str) -> bytes | None:
    name = (scheme, key, facts.st_size, facts.st_mtime_ns)
    if name in _known:
        return _known[name]
    try:
        content = get(scheme, key)
    except FileNotFoundError:
        return None
    if abs(time.time() - facts.st_mtime) > _SETTLED_SECONDS:
        _known[name] = content
    return content


def blocks(scheme: str, key: str) -> Iterator[bytes]:
    """Yield the content of an object in blocks of bounded size.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    with _explained(scheme, key), _storage(scheme).open_input_file(key) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def put(scheme: str, key: str, content: bytes) -> None:
    """Write an object as a whole.

    Python's signals strike the main thread only. The object is written by another one, so that an
    interrupt never closes, and thereby publishes, half of it.
    """
    with _explained(scheme, key), ThreadPoolExecutor(1) as thread:
        thread.submit(_put, _storage(scheme), key, content).result()


def _put(storage: FileSystem, key: str, content: bytes) -> None:
    # Compression is guessed from the name unless it is said that there is none.
    with storage.open_output_stream(key, compression=None) as file:
        file.write(content)


def delete(scheme: str, key: str) -> None:
    """Remove an object.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    with _explained(scheme, key):
        _storage(scheme).delete_file(key)


@cache
def _storage(scheme: str) -> FileSystem:
    """Return the way to a storage; one for each process, which opens connections of its own."""
    from pyarrow import fs

    assert scheme == "s3", scheme
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        # A small object takes one request, in place of three.
        allow_delayed_open=True,
        background_writes=False,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )


def _listed(info: FileInfo) -> Listed | None:
    from pyarrow.fs import FileType

    if info.type == FileType.NotFound:
        return None
    is_folder = info.type == FileType.Directory
    return Listed(info.size or 0, info.mtime_ns or 0, is_folder)


@contextmanager
def _explained(scheme: str, key: str) -> Iterator[None]:
    """Say in one sentence why a storage cannot be used. A missing object goes through as it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _error_of(str(error), f"{scheme}://{key}") from None


def _error_of(said: str, where: str) -> PlaceError:
    """Return the error behind what the client said, which may quote the request: it is not shown.

    The address of the endpoint is in the hint: a wrong one is the commonest mistake.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    # An address may hold a name and a password.
    shown = re.sub(r"//[^/@]*@", "//", endpoint) if endpoint else "that of AWS"
    for signs, problem, hint in _MEANINGS:
        if any(sign in said for sign in signs):
            return PlaceError(problem, where=where, hint=hint.format(endpoint=shown))
    code = re.search(r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d+)\))?", said)
    return PlaceError(
        f"the object storage does not do what was asked: {code[0] if code else 'no reason given'}",
        where=where,
        hint=f"try again; the endpoint is {shown}",
    )
