"""What a source of checkpoints is, and the records that it hands out.

A source turns revisions into commits (cheap: a plan asks for all of them at once), a checkpoint
into its weight files with their digests (before anything is downloaded), and a resolved checkpoint
into its weights, piece by piece. Knows nothing of models and scores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ckpt_analyzer.checkpoints.inventory import Inventory
from ckpt_analyzer.suite import Checkpoint, Model
from ckpt_analyzer.weights import Pieces


class RevisionKey(NamedTuple):
    """A revision of a model; equal to the plain pair of the two names."""

    model: str
    revision: str


@dataclass(frozen=True)
class WeightFile:
    """One file of weights, as the source describes it."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class ResolvedCheckpoint:
    """A checkpoint with the commit that its revision stands for now.

    Parameters
    ----------
    commit
        The sha on the Hub; ``local-…`` for a folder.
    weight_files
        The files to load the weights from, sorted by name.
    companions
        Names of the other files that loading needs: configuration, tokenizer, index of shards.
    companions_digest
        Digest of configuration and tokenizer: with equal weights, equal digests have equal scores.
        Empty if the source does not know it.
    """

    checkpoint: Checkpoint
    commit: str
    weight_files: tuple[WeightFile, ...]
    companions: tuple[str, ...] = ()
    companions_digest: str = ""

    @property
    def weights_sha256(self) -> str:
        """Digest of the weights: of the sorted names and digests of their files.

        Equal weights in equally named files have equal digests, wherever they are published.
        """
        return digest_of_weights((file.name, file.sha256) for file in self.weight_files)

    @property
    def bytes_to_download(self) -> int:
        """Size of the weight files; the companions are small beside them."""
        return sum(file.size_bytes for file in self.weight_files)

    def has_content_of(self, other: ResolvedCheckpoint) -> bool:
        """Return whether scores of `other` are scores of this: equal weights and companions."""
        return bool(self.companions_digest) and (
            (self.weights_sha256, self.companions_digest)
            == (other.weights_sha256, other.companions_digest)
        )


def digest_of_weights(files: Iterable[tuple[str, str]]) -> str:
    """Return one digest of weight files, each a name and a sha256, in any order."""
    lines = sorted(f"{name} {sha256}\n" for name, sha256 in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class OpenCheckpoint:
    """A checkpoint while it is in use.

    Parameters
    ----------
    folder
        Holds the companions; the weight files as well where `weights_on_disk`.
    slices
        Returns the weights, piece by piece, in the order of the files. They are verified by the
        time that the pieces end, see ``weights.py``. May be called once.
    """

    folder: Path
    weights_on_disk: bool
    slices: Callable[[], Pieces]


class CheckpointSource(Protocol):
    """Where checkpoints come from."""

    def commits(self, models: Iterable[Model]) -> Mapping[RevisionKey, str]:
        """Return the commit of every revision that exists of `models`.

        A revision that is absent from the mapping does not exist. Costs one request per
        repository and page on the Hub, and no reading of weights in a folder.
        """
        ...

    def inventory(self, checkpoint: Checkpoint) -> Inventory:
        """Return all files of `checkpoint` with their digests, complete or not.

        Costs at most one request on the Hub; a folder's weights are read once.

        Raises
        ------
        SourceError
            If nothing of the repository can be read: no network, no access.
        CheckpointError
            If this checkpoint cannot be read.
        """
        ...

    def tokenizer(self, model: Model) -> str:
        """Return the digest of the tokenizer that lies in a repository of its own; else "".

        At most one request on the Hub per such repository.

        Raises
        ------
        CheckpointError
            If that repository cannot be read.
        """
        ...

    def known_inventory(self, checkpoint: Checkpoint) -> Inventory | None:
        """Return what ``inventory`` would if that costs nothing, else None."""
        ...

    def parameters(self, checkpoint: Checkpoint) -> int | None:
        """Return how many parameters the source counts in `checkpoint`; None if it does not say.

        Costs one request on the Hub; a folder's headers are read.
        """
        ...

    def text(self, checkpoint: Checkpoint, inventory: Inventory, name: str) -> bytes:
        """Return the content of a small file of `inventory`.

        Raises
        ------
        CheckpointError
            If it cannot be had.
        """
        ...

    def resolve(self, checkpoint: Checkpoint) -> ResolvedCheckpoint:
        """Return the commit and the weight files of `checkpoint`, without downloading weights.

        Raises
        ------
        CheckpointError
            If it does not exist, is incomplete, or cannot be reached.
        """
        ...

    def fetch(self, resolved: ResolvedCheckpoint) -> AbstractContextManager[OpenCheckpoint]:
        """Open exactly this commit; what it takes is freed on exit.

        Raises
        ------
        CheckpointError
            If the files cannot be had, or are not what `resolved` says: when it is opened, or
            while its pieces are read.
        """
        ...
