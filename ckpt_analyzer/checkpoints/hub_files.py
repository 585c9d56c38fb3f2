"""The files of one commit of a Hub: companions onto disk, weights as pieces through memory.

In: a resolved checkpoint. Out: an open one. Nothing but the companions touches the disk here. The
client of the Hub accepts a corrupted body of the right size, retries nothing in the middle of a
file, and serves a stale cache when a request fails: so it is used for names, addresses and the
token only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from huggingface_hub import hf_hub_url

from ckpt_analyzer.checkpoints.companions import KnownCompanions
from ckpt_analyzer.checkpoints.download import AlteredError, Download, Line
from ckpt_analyzer.checkpoints.inventory import Inventory
from ckpt_analyzer.checkpoints.shard_index import tensors_by_shard
from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint, WeightFile
from ckpt_analyzer.checkpoints.verified import READINGS, altered, verified_pieces
from ckpt_analyzer.weights import Pieces

_GIT_BLOB_HEX, _SHA256_HEX = 40, 64


@dataclass(frozen=True)
class CommitFiles:
    """The files of one commit, right in its `subfolder`.

    Parameters
    ----------
    listed
        What the folder holds; None if that is not known any more.
    known
        Small files of this and other commits.
    """

    line: Line
    endpoint: str
    repo: str
    commit: str
    listed: Inventory | None = None
    known: KnownCompanions = field(default_factory=KnownCompanions)
    subfolder: str = ""

    def save_companion(self, name: str, folder: Path) -> None:
        """Write the small file `name` into `folder`, once its content is what the Hub names it.

        Raises
        ------
        CheckpointError
            If it arrives altered every time.
        """
        digest = self._digest(name)
        if (content := self.known.get(digest)) is not None:
            (folder / name).write_bytes(content)
            return
        for _ in range(READINGS):
            download = Download(self.line, self._url(name))
            try:
                content = b"".join(download.chunks())
            except AlteredError:
                continue
            if download.tag is None or _is_content(content, download.tag):
                (folder / name).write_bytes(content)
                if digest is not None and _is_named(content, digest):
                    self.known.keep(digest, content)
                return
        raise altered(name)

    def pieces(self, resolved: ResolvedCheckpoint, folder: Path) -> Pieces:
        """Yield the pieces of the weight files; the index of shards is read from `folder`."""
        named = tensors_by_shard(folder, resolved.companions)
        for file in resolved.weight_files:
            yield from verified_pieces(file, partial(self.read, file), named.get(file.name))

    def read(self, file: WeightFile, first_byte: int = 0) -> Generator[bytes]:
        """Return the bytes of `file` from `first_byte` on, not yet verified."""
        download = Download(
            self.line, self._url(file.name), size_bytes=file.size_bytes, sha256=file.sha256
        )
        return download.chunks(first_byte)

    def _digest(self, name: str) -> str | None:
        if self.listed is None or name not in self.listed.names:
            return None
        return self.listed.file(name).digest

    def _url(self, name: str) -> str:
        return hf_hub_url(
            self.repo,
            name,
            subfolder=self.subfolder or None,
            revision=self.commit,
            endpoint=self.endpoint,
        )


def _is_content(content: bytes, tag: str) -> bool:
    """Return whether `tag` is the name of `content`, or one that tells nothing of its content."""
    return len(tag) not in (_SHA256_HEX, _GIT_BLOB_HEX) or _is_named(content, tag)


def _is_named(content: bytes, digest: str) -> bool:
    """Return whether `digest` is the sha256 of `content`, or the id of the Git blob of it."""
    if len(digest) == _SHA256_HEX:
        return hashlib.sha256(content).hexdigest() == digest
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == digest
