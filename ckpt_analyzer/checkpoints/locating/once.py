"""A listing that asks each question once, for models that share a repository.

In: a listing. Out: the same answers.
"""

from __future__ import annotations

from functools import cache

from ckpt_analyzer.checkpoints.locating.place import HubListing, Ref, TitledCommit


class Once:
    """The answers of `hub`, each asked for once while this lives."""

    def __init__(self, hub: HubListing) -> None:
        self._refs = cache(hub.refs)
        self._history = cache(hub.history)
        self._folders = cache(hub.folders)
        self._head = cache(hub.head)

    def refs(self, repo: str) -> tuple[Ref, ...]:
        """Return all tags and branches, branches last."""
        return self._refs(repo)

    def history(self, repo: str, branch: str) -> tuple[TitledCommit, ...]:
        """Return the commits of a branch, the newest first."""
        return self._history(repo, branch)

    def folders(self, repo: str, commit: str, inside: str) -> tuple[str, ...]:
        """Return the paths of the folders right in the folder `inside`."""
        return self._folders(repo, commit, inside)

    def head(self, repo: str) -> str | None:
        """Return the commit of ``main``; None if there is no such repository."""
        return self._head(repo)
