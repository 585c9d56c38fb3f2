"""Where a checkpoint lies on a Hub, and what a way of locating is asked.

Pure records and protocols: no requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Place:
    """Where the files of one checkpoint lie.

    Parameters
    ----------
    revision
        What to ask the Hub for; None where only a listing tells the commit.
    subfolder
        The folder in the repository; empty for its root.
    """

    repo: str
    revision: str | None
    subfolder: str = ""


@dataclass(frozen=True)
class Ref:
    """A branch or tag and the commit that it stands for."""

    name: str
    commit: str


@dataclass(frozen=True)
class TitledCommit:
    """A commit and the first line of its message."""

    title: str
    commit: str


class HubListing(Protocol):
    """What a Hub says of a repository without being asked for any commit."""

    def refs(self, repo: str) -> tuple[Ref, ...]:
        """Return all tags and branches, branches last."""
        ...

    def history(self, repo: str, branch: str) -> tuple[TitledCommit, ...]:
        """Return the commits of a branch, the newest first; none if there is no such branch."""
        ...

    def folders(self, repo: str, commit: str, inside: str) -> tuple[str, ...]:
        """Return the paths of the folders right in the folder `inside`; none if it is absent."""
        ...

    def head(self, repo: str) -> str | None:
        """Return the commit of ``main``; None if there is no such repository."""
        ...


class Locating(Protocol):
    """A way in which checkpoints are laid out on a Hub."""

    @property
    def kind(self) -> str:
        """The way in a few words, for people."""
        ...

    def place(self, repo: str, name: str) -> Place:
        """Return where the checkpoint called `name` of `repo` lies."""
        ...

    def listed(self, hub: HubListing, repo: str, names: Collection[str]) -> Mapping[str, str]:
        """Return the commit of everything that could be a checkpoint of `repo`, by name.

        `names` are those that the suite knows; more may be found.
        """
        ...
