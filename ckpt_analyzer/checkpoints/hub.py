"""Checkpoints on the Hub, resolved from metadata and streamed into memory.

In: models and checkpoints. Out: commits, digests, open checkpoints. Every request goes to one
explicit endpoint (the client reads HF_ENDPOINT at import only) and, once resolved, to one commit.
How the bytes of a file come is ``hub_files.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from ckpt_analyzer.checkpoints.digest import file_sha256
from ckpt_analyzer.checkpoints.download import Line
from ckpt_analyzer.checkpoints.hub_files import CommitFiles
from ckpt_analyzer.checkpoints.mapped import mapped_pieces
from ckpt_analyzer.checkpoints.scratch import Scratch
from ckpt_analyzer.checkpoints.source import (
    OpenCheckpoint,
    ResolvedCheckpoint,
    RevisionKey,
    WeightFile,
)
from ckpt_analyzer.checkpoints.spool import Spool, SpoolPlace
from ckpt_analyzer.checkpoints.weight_files import choose
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.hub_bars import NoBar
from ckpt_analyzer.hub_failure import HUB_ERRORS, explain
from ckpt_analyzer.suite import Checkpoint, Model
from ckpt_analyzer.weights import Pieces


class HubSource:
    """Checkpoints in the repositories of a Hub.

    Parameters
    ----------
    cache_dir
        A folder of our own; companions are in it while their checkpoint is used.
    max_cache_bytes
        The most that this process keeps in it at a time.
    endpoint, token
        None for the client's own defaults.
    line
        How patiently files are read; its token is not used.
    spool
        Where weight files are kept while they are used; None to keep nothing on disk.
    """

    def __init__(
        self,
        *,
        cache_dir: Path,
        max_cache_bytes: int,
        endpoint: str | None = None,
        token: str | None = None,
        line: Line | None = None,
        spool: SpoolPlace | None = None,
    ) -> None:
        self._spool = None if spool is None else Spool(spool)
        self._line = replace(line or Line(), token=token)
        self._endpoint = endpoint or constants.ENDPOINT
        self._api = HfApi(endpoint=self._endpoint, token=token)
        self._scratch = Scratch(cache_dir, max_cache_bytes)

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
                refs = self._api.list_repo_refs(model.repo)
            # Branches last: where a tag has the same name, the Hub serves the branch.
            for ref in (*refs.tags, *refs.branches):
                found[RevisionKey(model.name, ref.name)] = ref.target_commit
        return found

    def resolve(self, checkpoint: Checkpoint) -> ResolvedCheckpoint:
        """Return the commit and the weight files of `checkpoint`, from metadata alone.

        Raises
        ------
        CheckpointError
            If it does not exist, is incomplete, or the Hub is not reached.
        """
        subject = f"{checkpoint.model.repo} at {checkpoint.revision}"
        with self._explained(subject):
            info = self._api.model_info(
                checkpoint.model.repo, revision=checkpoint.revision, files_metadata=True
            )
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
        files = choose(siblings, subject)
        return ResolvedCheckpoint(
            checkpoint=checkpoint,
            commit=self._commit(info, subject),
            weight_files=tuple(
                self._weight_file(siblings[name], info, subject) for name in files.weights
            ),
            companions=files.companions,
        )

    @contextmanager
    def fetch(self, resolved: ResolvedCheckpoint) -> Iterator[OpenCheckpoint]:
        """Open this commit: companions are in a folder until the exit, weights come as pieces.

        Raises
        ------
        CheckpointError
            If the files cannot be read, or are not those that were resolved.
        """
        checkpoint = resolved.checkpoint
        subject = f"{checkpoint.model.repo} at {checkpoint.revision}"
        files = CommitFiles(self._line, self._endpoint, checkpoint.model.repo, resolved.commit)

        def slices() -> Pieces:
            with self._explained(subject):
                yield from files.pieces(resolved, folder)

        with self._scratch.room(0, subject) as folder, ExitStack() as use:
            with self._explained(subject):
                for name in resolved.companions:
                    files.save_companion(name, folder)
                if self._spool is not None:
                    spooled = use.enter_context(self._spool.files(resolved, files.read))
                    for path in spooled.iterdir():
                        (folder / path.name).symlink_to(path.resolve())
            if self._spool is None:
                yield OpenCheckpoint(folder, False, slices)
            else:
                yield OpenCheckpoint(folder, True, partial(mapped_pieces, folder, resolved))

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

    def _weight_file(self, sibling: RepoSibling, info: ModelInfo, subject: str) -> WeightFile:
        size_bytes = sibling.lfs.size if sibling.lfs else sibling.size
        if size_bytes is None:
            raise CheckpointError(
                f"{self._endpoint} gives no file sizes for {subject}",
                hint="use an endpoint that serves the metadata of files",
            )
        if sibling.lfs is not None:
            return WeightFile(sibling.rfilename, size_bytes, sibling.lfs.sha256)
        # A file outside of LFS is small (10 MB at most) and has no sha256 in the metadata.
        with self._scratch.room(size_bytes, subject) as folder, self._explained(subject):
            commit = self._commit(info, subject)
            path = self._download(info.id, commit, sibling.rfilename, folder)
            return WeightFile(sibling.rfilename, size_bytes, file_sha256(path))

    def _commit(self, info: ModelInfo, subject: str) -> str:
        if info.sha is None:
            raise CheckpointError(
                f"{self._endpoint} gives no commit for {subject}",
                hint="use an endpoint that speaks the Hub's protocol in full",
            )
        return info.sha

    @contextmanager
    def _explained(self, subject: str) -> Iterator[None]:
        try:
            yield
        except HUB_ERRORS as error:
            problem, hint = explain(error, subject, self._endpoint)
            raise CheckpointError(problem, where=self._endpoint, hint=hint) from None
