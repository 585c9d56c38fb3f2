"""Checkpoints that are branches or tags of one repository: Pythia, OLMo, BLOOM and most others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ckpt_analyzer.checkpoints.locating.place import HubListing, Place


@dataclass(frozen=True)
class RevisionName:
    """The name of a checkpoint is that of a branch or tag."""

    kind: str = "branch or tag"

    def place(self, repo: str, name: str) -> Place:
        """Return the revision itself."""
        return Place(repo, name)

    def listed(self, hub: HubListing, repo: str, names: Collection[str]) -> Mapping[str, str]:
        """Return the commit of every branch and tag; one request.

        Where a tag and a branch have the same name, the Hub serves the branch.
        """
        del names  # all refs come at once
        return {ref.name: ref.commit for ref in hub.refs(repo)}
