"""Checkpoints that are folders of one commit: the scaling-law models of MAP-Neo."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ckpt_analyzer.checkpoints.locating.place import HubListing, Place


@dataclass(frozen=True)
class Subfolder:
    """The name of a checkpoint is the path of a folder, right in the folder `inside`.

    Parameters
    ----------
    inside
        Empty for the root of the repository.
    """

    inside: str = ""
    revision: str = "main"
    kind: str = "folder of one commit"

    def place(self, repo: str, name: str) -> Place:
        """Return the folder `name` of the revision."""
        return Place(repo, self.revision, name)

    def listed(self, hub: HubListing, repo: str, names: Collection[str]) -> Mapping[str, str]:
        """Return the commit of the revision for every folder; two requests."""
        del names  # all folders come at once
        commits = {ref.name: ref.commit for ref in hub.refs(repo)}
        if self.revision not in commits:
            return {}
        commit = commits[self.revision]
        return dict.fromkeys(hub.folders(repo, commit, self.inside), commit)
