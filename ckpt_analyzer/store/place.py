"""Where a store lies: a folder, or a bucket of an object storage.

In: an address. Out: a ``Place``, which is all that the rest of the store knows of it. A folder is a
``pathlib.Path`` as it is, down to the system calls; objects of a bucket go by ``ObjectPlace``. What
appears whole or not at all is written by ``atomic.write_whole`` in both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.object_access import no_bucket
from ckpt_analyzer.store.object_place import (
    SCHEMES,
    ObjectPlace,
    parse_address,
    with_contents,
)


class Facts(Protocol):
    """What is known of a file without reading it."""

    @property
    def st_size(self) -> int:
        """Its size in bytes."""

    @property
    def st_mtime(self) -> float:
        """When it was written, in seconds by the clock of who keeps it."""

    @property
    def st_mtime_ns(self) -> int:
        """The same in nanoseconds."""


class Place(Protocol):
    """A file or folder of a store, by name; the words are those of ``pathlib.Path``."""

    @property
    def name(self) -> str:
        """The last part of the address."""

    @property
    def stem(self) -> str:
        """The name without its ending."""

    @property
    def suffix(self) -> str:
        """The ending, with its dot."""

    @property
    def parent(self) -> Self:
        """The folder that it lies in."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The address in its parts."""

    def __truediv__(self, name: str) -> Self: ...

    def __lt__(self, other: Any) -> bool: ...  # noqa: ANN401 - as pathlib has it

    def __hash__(self) -> int: ...

    def with_name(self, name: str) -> Self:
        """Return its neighbour of that name."""

    def with_suffix(self, suffix: str) -> Self:
        """Return its neighbour of another ending."""

    def exists(self) -> bool:
        """Return whether there is such a file or folder."""

    def is_file(self) -> bool:
        """Return whether it is a file."""

    def is_dir(self) -> bool:
        """Return whether it is a folder."""

    def stat(self) -> Facts:
        """Return what is known of it without reading it."""

    def iterdir(self) -> Iterator[Self]:
        """Yield what lies in this folder."""

    def glob(self, pattern: str) -> Iterator[Self]:
        """Yield what lies in this folder and is so named."""

    def rglob(self, pattern: str) -> Iterator[Self]:
        """Yield what lies in this folder or below and is so named."""

    def read_bytes(self) -> bytes:
        """Return the content."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""


def place_of(address: Place | os.PathLike[str] | str) -> Place:
    """Return the place that `address` names: ``s3://bucket/prefix``, or a folder.

    Raises
    ------
    StoreError
        If it is an address of another kind, or one with a password in it.
    """
    if isinstance(address, ObjectPlace):
        return address
    text = str(address)
    scheme, mark, rest = text.partition("://")
    if not mark:
        return Path(text)
    if scheme == "file":
        return Path(rest)
    if scheme not in SCHEMES:
        raise StoreError(
            f"no store lies at {scheme}://…",
            where=text.partition("?")[0].rpartition("@")[2],
            hint="give a folder, or s3://BUCKET/PREFIX; other object storages that speak the "
            "protocol of S3 are reached through AWS_ENDPOINT_URL",
        )
    return parse_address(text)


def moved(path: Place, to: Place) -> None:
    """Move a file to another place of the same store.

    Of a folder in one step; of a bucket by a copy that is whole before the original goes.

    Raises
    ------
    OSError
        If it cannot be moved.
    """
    if isinstance(path, ObjectPlace) and isinstance(to, ObjectPlace):
        to.put(path.read_bytes())
        path.unlink()
    elif isinstance(path, Path) and isinstance(to, Path):
        to.parent.mkdir(parents=True, exist_ok=True)
        path.replace(to)


def at_hand(places: Sequence[Place]) -> list[Place]:
    """Return `places` with their contents at hand, where reading one by one would take long."""
    objects = [each for each in places if isinstance(each, ObjectPlace)]
    return [*with_contents(objects)] if objects else [*places]


def sha256_of(path: Place) -> str:
    """Return the sha256 of a file, read in blocks."""
    if isinstance(path, ObjectPlace):
        digest = hashlib.sha256()
        for block in path.blocks():
            digest.update(block)
        return digest.hexdigest()
    assert isinstance(path, Path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_bucket(path: Place) -> None:
    """Check that the bucket around `path` is there; a folder needs none.

    Raises
    ------
    PlaceError
        If there is no such bucket, or it is not reached.
    """
    if isinstance(path, ObjectPlace) and not path.bucket.is_dir():
        raise no_bucket(str(path))
