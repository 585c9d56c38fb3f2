"""Metadata that was asked for once, kept in the user's cache: a commit never changes.

In: an endpoint, a repository and a commit. Out: its inventory, or the text of one of its small
files. A file of the cache that cannot be read counts as absent; one that cannot be written is not
kept. Knows nothing of requests.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from huggingface_hub import cached_assets_path
from pydantic import TypeAdapter, ValidationError

from ckpt_analyzer.checkpoints.inventory import Inventory

_INVENTORY = TypeAdapter(Inventory)
_DIGITS = 16


class MetadataCache:
    """The cache of one endpoint.

    Parameters
    ----------
    folder
        None for a folder beside the Hub client's own cache, which HF_HOME moves.
    """

    def __init__(self, endpoint: str, folder: Path | None = None) -> None:
        root = folder or cached_assets_path("ckpt_analyzer", namespace="metadata")
        self._folder = root / _plain(endpoint)

    def inventory(self, repo: str, commit: str) -> Inventory | None:
        """Return what `commit` of `repo` holds; None if that is not known."""
        try:
            content = self._place(repo, f"{commit}.json").read_bytes()
            return _INVENTORY.validate_json(content)
        except (OSError, ValidationError):
            return None

    def keep_inventory(self, repo: str, inventory: Inventory) -> None:
        """Keep what a commit holds."""
        content = _INVENTORY.dump_json(inventory)
        _keep(self._place(repo, f"{inventory.commit}.json"), content)

    def text(self, repo: str, digest: str) -> bytes | None:
        """Return the content of the small file with this digest; None if it is not known."""
        try:
            return self._place(repo, f"text-{_plain(digest)}").read_bytes()
        except OSError:
            return None

    def keep_text(self, repo: str, digest: str, content: bytes) -> None:
        """Keep the content of a small file."""
        _keep(self._place(repo, f"text-{_plain(digest)}"), content)

    def _place(self, repo: str, name: str) -> Path:
        return self._folder / _plain(repo) / name


def _keep(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(content)
        os.replace(part.name, path)  # noqa: PTH105 (atomic on every system, as Path.replace is)
    except OSError:
        return  # a cache that cannot be written costs requests, not results


def _plain(text: str) -> str:
    """Return `text` as the name of a folder; two texts never share one."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', text)[:60]}-{digest}"
