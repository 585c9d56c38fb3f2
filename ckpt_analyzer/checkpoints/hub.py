"""Checkpoints on the Hub, resolved from metadata and downloaded for as long as they are used.

In: models and checkpoints. Out: commits, digests, folders. Every request goes to one explicit
endpoint (the client reads HF_ENDPOINT at import only) and, once resolved, to one commit. The
client accepts a corrupted body of the right size, and falls back to a stale cache when a request
fails: so the weights are hashed after the download, and the folder is empty before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, constants, get_token

from ckpt_analyzer.checkpoints.digest import file_sha256
from ckpt_analyzer.checkpoints.hub_metadata import HubMetadata
from ckpt_analyzer.checkpoints.inventory import Inventory, ListedFile
from ckpt_analyzer.checkpoints.metadata_cache import MetadataCache
from ckpt_analyzer.checkpoints.patience import (
    ANONYMOUS_REQUESTS,
    SIGNED_IN_REQUESTS,
    Pace,
    Patience,
)
from ckpt_analyzer.checkpoints.scratch import Scratch
from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint, RevisionKey, WeightFile
from ckpt_analyzer.checkpoints.weight_files import choose, deciding
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.hub_bars import NoBar
from ckpt_analyzer.hub_failure import HUB_ERRORS, concerns_the_repository, explain
from ckpt_analyzer.suite import Checkpoint, Model

_ATTEMPTS = 2


class HubSource:
    """Checkpoints in the repositories of a Hub.

    Parameters
    ----------
    cache_dir
        A folder of our own; checkpoints are in it while they are used.
    max_cache_bytes
        The most that this process keeps in it at a time.
    endpoint, token
        None for the client's own defaults.
    metadata_dir
        Where metadata of commits is kept; None for the user's cache.
    on_wait
        Is told of every wait that the Hub's limits or failures ask for, in seconds.
    """

    def __init__(
        self,
        *,
        cache_dir: Path,
        max_cache_bytes: int,
        endpoint: str | None = None,
        token: str | None = None,
        metadata_dir: Path | None = None,
        on_wait: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._endpoint = endpoint or constants.ENDPOINT
        self._api = HfApi(endpoint=self._endpoint, token=token)
        self._scratch = Scratch(cache_dir, max_cache_bytes)
        allowed = SIGNED_IN_REQUESTS if token or get_token() else ANONYMOUS_REQUESTS
        cache = MetadataCache(self._endpoint, metadata_dir)
        self._metadata = HubMetadata(self._api, Patience(Pace(allowed), on_wait=on_wait), cache)
        #: What revisions stood for when they were listed; from then on they stand for that.
        self._listed: dict[RevisionKey, str] = {}

    def commits(self, models: Iterable[Model]) -> Mapping[RevisionKey, str]:
        """Return the commit of every branch and tag of `models`; one request per repository.

        Raises
        ------
        CheckpointError
            If a repository does not exist or the Hub is not reached.
        """
        found: dict[RevisionKey, str] = {}
        for model in models:
            with self._explained(model.repo):
                refs = self._metadata.refs(model.repo)
            for ref in refs:
                found[RevisionKey(model.name, ref.name)] = ref.commit
        self._listed.update(found)
        return found

    def inventory(self, checkpoint: Checkpoint) -> Inventory:
        """Return what the commit of `checkpoint` holds; one request, none if it is known.

        A revision that was listed stands for the commit that it stood for then.

        Raises
        ------
        SourceError
            If the Hub is not reached or refuses the whole repository.
        CheckpointError
            If the revision does not exist.
        """
        repo, revision = checkpoint.model.repo, checkpoint.revision
        commit = self._listed.get(RevisionKey(checkpoint.model.name, revision))
        with self._explained(f"{repo} at {revision}"):
            return self._metadata.inventory(repo, revision, commit=commit)

    def known_inventory(self, checkpoint: Checkpoint) -> Inventory | None:
        """Return what `checkpoint` holds if it was listed and that takes no request."""
        commit = self._listed.get(RevisionKey(checkpoint.model.name, checkpoint.revision))
        return None if commit is None else self._metadata.known(checkpoint.model.repo, commit)

    def text(self, checkpoint: Checkpoint, inventory: Inventory, name: str) -> bytes:
        """Return the content of a small file of `inventory`; asked for once per content.

        Raises
        ------
        CheckpointError
            If it cannot be had.
        """
        repo = checkpoint.model.repo
        with self._explained(f"{name} of {repo} at {checkpoint.revision}"):
            return self._metadata.text(repo, inventory.commit, inventory.file(name))

    def resolve(self, checkpoint: Checkpoint) -> ResolvedCheckpoint:
        """Return the commit and the weight files of `checkpoint`, from metadata alone.

        Raises
        ------
        CheckpointError
            If it does not exist, is incomplete, or the Hub is not reached.
        """
        subject = f"{checkpoint.model.repo} at {checkpoint.revision}"
        inventory = self.inventory(checkpoint)
        files = choose(inventory.names, subject)
        return ResolvedCheckpoint(
            checkpoint=checkpoint,
            commit=inventory.commit,
            weight_files=tuple(
                self._weight_file(checkpoint, inventory, inventory.file(name))
                for name in files.weights
            ),
            companions=files.companions,
            companions_digest=inventory.digest_of(deciding(files.companions)),
        )

    @contextmanager
    def fetch(self, resolved: ResolvedCheckpoint) -> Iterator[Path]:
        """Yield a folder with the files of this commit; it is removed on exit.

        Peak disk: `ResolvedCheckpoint.bytes_to_download` and the companions.

        Raises
        ------
        CheckpointError
            If the files do not fit, cannot be downloaded, or are not those that were resolved.
        """
        checkpoint = resolved.checkpoint
        subject = f"{checkpoint.model.repo} at {checkpoint.revision}"
        with self._scratch.room(resolved.bytes_to_download, subject) as folder:
            with self._explained(subject):
                for name in resolved.companions:
                    self._download(checkpoint.model.repo, resolved.commit, name, folder)
                for file in resolved.weight_files:
                    self._download_checked(checkpoint.model.repo, resolved.commit, file, folder)
            yield folder

    def _download_checked(self, repo: str, commit: str, file: WeightFile, folder: Path) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                path = self._download(repo, commit, file.name, folder)
            except HUB_ERRORS:
                if attempt == _ATTEMPTS:
                    raise
                continue
            if file_sha256(path) == file.sha256:
                return
            path.unlink()
        raise CheckpointError(
            f"{file.name} arrived altered, {_ATTEMPTS} times: its sha256 is not the published one",
            where=f"{repo} at {commit}, from {self._endpoint}",
            hint="run the same command again; if it stays so, the endpoint or a proxy is at fault",
        )

    def _download(self, repo: str, commit: str, name: str, folder: Path) -> Path:
        # A cache of its own as well: the client copies from the user's cache where it finds a file.
        path = self._api.hf_hub_download(
            repo,
            name,
            revision=commit,
            local_dir=folder,
            cache_dir=folder / ".cache",
            tqdm_class=NoBar,
        )
        return Path(path)

    def _weight_file(
        self, checkpoint: Checkpoint, inventory: Inventory, file: ListedFile
    ) -> WeightFile:
        if file.sha256 is not None:
            return WeightFile(file.name, file.size_bytes, file.sha256)
        # A file outside of LFS is small (10 MB at most) and has no sha256 in the metadata.
        content = self.text(checkpoint, inventory, file.name)
        return WeightFile(file.name, file.size_bytes, hashlib.sha256(content).hexdigest())

    @contextmanager
    def _explained(self, subject: str) -> Iterator[None]:
        try:
            yield
        except HUB_ERRORS as error:
            problem, hint = explain(error, subject, self._endpoint)
            kind = SourceError if concerns_the_repository(error) else CheckpointError
            raise kind(problem, where=self._endpoint, hint=hint) from None
