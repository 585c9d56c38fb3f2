"""A file or folder of a store in a bucket of an object storage, in the words of ``pathlib``.

In: an address. Out: names, listings, bytes. An object appears whole when its last byte has arrived,
and takes the place of the one before in one step, so nothing is renamed. Folders are parts of
names: they are neither made nor removed. How a storage is reached is ``object_access.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store import object_access
from ckpt_analyzer.store.object_access import Listed

SCHEMES = ("s3",)


@dataclass(frozen=True, order=True)
class ObjectPlace:
    """An object, or what the names of several begin with.

    No credentials are in it: it may be logged, pickled and sent to other machines.

    Parameters
    ----------
    key
        Bucket and name, parted by slashes, none at either end.
    listed
        What a listing of the folder around it showed, by key: asked first, so that a thousand
        units do not take a thousand questions.
    content
        The bytes, where they were read ahead.
    """

    scheme: str
    key: str
    listed: Mapping[str, Listed] = field(default_factory=dict, compare=False, repr=False)
    content: bytes | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"

    def __reduce__(self) -> tuple[Any, ...]:
        return ObjectPlace, (self.scheme, self.key)

    # --- names ---

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.key)

    @property
    def bucket(self) -> ObjectPlace:
        """The bucket that it lies in."""
        return self._at(self.key.partition("/")[0])

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """The ending, with its dot."""
        return self._pure.suffix

    @property
    def parts(self) -> tuple[str, ...]:
        """The address in its parts."""
        return (f"{self.scheme}://", *self.key.split("/"))

    @property
    def parent(self) -> ObjectPlace:
        """The folder around it; of a bucket, the bucket."""
        return self._at(self.key.rpartition("/")[0] or self.key)

    def __truediv__(self, name: str) -> ObjectPlace:
        return self._at(f"{self.key}/{name}")

    def with_name(self, name: str) -> ObjectPlace:
        """Return its neighbour of that name."""
        return self._neighbour(str(self._pure.with_name(name)))

    def with_suffix(self, suffix: str) -> ObjectPlace:
        """Return its neighbour of another ending."""
        return self._neighbour(str(self._pure.with_suffix(suffix)))

    def relative_to(self, folder: ObjectPlace) -> str:
        """Return the rest of the name below `folder`."""
        return str(self._pure.relative_to(folder._pure))

    # --- what lies there ---

    def exists(self) -> bool:
        """Return whether there is such an object, or one below it."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Return whether there is such an object."""
        found = self.listed.get(self.key) or object_access.look(self.scheme, self.key)
        return found is not None and not found.is_folder

    def is_dir(self) -> bool:
        """Return whether there are objects below it."""
        found = self.listed.get(self.key) or object_access.look(self.scheme, self.key)
        return found is not None and found.is_folder

    def stat(self) -> Listed:
        """Return size and time.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        found = self.listed.get(self.key) or object_access.look(self.scheme, self.key)
        if found is None:
            raise FileNotFoundError(str(self))
        return found

    def iterdir(self) -> Iterator[ObjectPlace]:
        """Yield the objects and folders in this folder, as they are at this moment."""
        yield from self._within(is_deep=False)

    def glob(self, pattern: str) -> Iterator[ObjectPlace]:
        """Yield those of ``iterdir`` that are so named."""
        yield from (each for each in self._within(is_deep=False) if fnmatchcase(each.name, pattern))

    def rglob(self, pattern: str) -> Iterator[ObjectPlace]:
        """Yield what lies below and is so named."""
        yield from (each for each in self._within(is_deep=True) if fnmatchcase(each.name, pattern))

    # --- bytes ---

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        return object_access.get(self.scheme, self.key) if self.content is None else self.content

    def blocks(self) -> Iterator[bytes]:
        """Yield the content in blocks of bounded size.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        yield from object_access.blocks(self.scheme, self.key)

    def put(self, content: bytes) -> None:
        """Write the object as a whole, in the place of what is there."""
        object_access.put(self.scheme, self.key, content)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object.

        Raises
        ------
        FileNotFoundError
            If there is none, unless `missing_ok`.
        """
        try:
            object_access.delete(self.scheme, self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def _at(self, key: str) -> ObjectPlace:
        return ObjectPlace(self.scheme, key)

    def _neighbour(self, key: str) -> ObjectPlace:
        return ObjectPlace(self.scheme, key, self.listed)

    def _within(self, *, is_deep: bool) -> Iterator[ObjectPlace]:
        listed = object_access.listing(self.scheme, self.key, is_deep=is_deep)
        yield from (ObjectPlace(self.scheme, key, listed) for key in listed)


def parse_address(text: str) -> ObjectPlace:
    """Return the place at an address like ``s3://bucket/prefix``.

    Raises
    ------
    StoreError
        If there is no bucket in it, or something besides bucket and names.
    """
    scheme, _, rest = text.partition("://")
    if "@" in rest.partition("/")[0] or "?" in rest:
        raise StoreError(
            "the address of a store holds more than a bucket and a name",
            where=f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}",
            hint="keys and endpoint go into AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "AWS_ENDPOINT_URL, so that they end up in no log",
        )
    parts = rest.rstrip("/").split("/")
    if not all(part not in ("", ".", "..") for part in parts):
        raise StoreError(
            f"{text} is no address of a store", where=text, hint="it looks like s3://BUCKET/PREFIX"
        )
    return ObjectPlace(scheme, "/".join(parts))


def with_contents(places: Sequence[ObjectPlace]) -> list[ObjectPlace]:
    """Return `places` with their bytes, read many at a time.

    One that has gone meanwhile comes back without; one that was read before, and has not changed,
    is not read again.
    """
    contents = object_access.get_small([(each.scheme, each.stat(), each.key) for each in places])
    return [
        dataclasses.replace(each, content=content)
        for each, content in zip(places, contents, strict=True)
    ]
