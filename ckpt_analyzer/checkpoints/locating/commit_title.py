"""Checkpoints that are commits of one branch, told apart by their titles: Pico."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ckpt_analyzer.checkpoints.locating.place import HubListing, Place


@dataclass(frozen=True)
class CommitTitle:
    """The name of a checkpoint is the title of a commit on `branch`."""

    branch: str
    kind: str = "commit, by its title"

    def place(self, repo: str, name: str) -> Place:
        """Return the repository: only its history tells the commit of `name`."""
        del name
        return Place(repo, None)

    def listed(self, hub: HubListing, repo: str, names: Collection[str]) -> Mapping[str, str]:
        """Return the commit of every title; where one stands twice, the newest."""
        del names  # the whole history is read
        return {each.title: each.commit for each in reversed(hub.history(repo, self.branch))}
