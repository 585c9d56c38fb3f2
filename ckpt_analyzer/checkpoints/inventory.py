"""What a commit holds: its files with sizes and digests, before any of them is downloaded.

Pure records. Equal digests mean equal content, within one source. Knows nothing of where the files
are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ListedFile:
    """One file of a commit.

    Parameters
    ----------
    digest
        Tells contents apart: the sha256 where it is known, else the id of the Git blob.
    sha256
        None where the source does not publish it (a small file on the Hub).
    """

    name: str
    size_bytes: int
    digest: str
    sha256: str | None = None


@dataclass(frozen=True)
class Inventory:
    """All files of one commit, sorted by name."""

    commit: str
    files: tuple[ListedFile, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of all files."""
        return frozenset(file.name for file in self.files)

    def file(self, name: str) -> ListedFile:
        """Return the file called `name`, which must be there."""
        return next(file for file in self.files if file.name == name)

    def below(self, folder: str) -> Inventory:
        """Return the files right in `folder`, named as they are there; all of them for ``""``."""
        if not folder:
            return self
        inside = [file for file in self.files if file.name.startswith(f"{folder}/")]
        named = [replace(file, name=file.name.removeprefix(f"{folder}/")) for file in inside]
        return Inventory(self.commit, tuple(file for file in named if "/" not in file.name))

    def digest_of(self, names: Iterable[str]) -> str:
        """Return one digest of the names and contents of the files `names`."""
        lines = sorted(f"{name} {self.file(name).digest}\n" for name in names)
        return hashlib.sha256("".join(lines).encode()).hexdigest()
