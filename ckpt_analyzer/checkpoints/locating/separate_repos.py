"""Checkpoints that are repositories of their own: some of TinyLlama."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ckpt_analyzer.checkpoints.locating.place import HubListing, Place


@dataclass(frozen=True)
class SeparateRepos:
    """The name of a checkpoint is that of a repository; its ``main`` holds it."""

    kind: str = "repository of its own"

    def place(self, repo: str, name: str) -> Place:
        """Return ``main`` of the repository `name`."""
        del repo
        return Place(name, "main")

    def listed(self, hub: HubListing, repo: str, names: Collection[str]) -> Mapping[str, str]:
        """Return the commit of every one of `names` that exists; one request for each.

        No listing names a repository that the suite does not know.
        """
        del repo
        heads = {name: hub.head(name) for name in sorted(names)}
        return {name: commit for name, commit in heads.items() if commit is not None}
