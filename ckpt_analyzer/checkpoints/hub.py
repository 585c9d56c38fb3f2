"""Checkpoints on the Hub, resolved from metadata and streamed into memory.

In: models and checkpoints. Out: commits, digests, open checkpoints. Every request goes to one
explicit endpoint (the client reads HF_ENDPOINT at import only) and, once resolved, to one commit.
How the bytes of a file come is ``hub_files.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi, constants, get_token

from ckpt_analyzer.checkpoints.companions import KnownCompanions
from ckpt_analyzer.checkpoints.hub_files import CommitFiles
from ckpt_analyzer.checkpoints.hub_metadata import HubMetadata
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.inventory import Inventory, ListedFile
from ckpt_analyzer.checkpoints.locating.once import Once
from ckpt_analyzer.checkpoints.mapped import mapped_pieces
from ckpt_analyzer.checkpoints.metadata_cache import MetadataCache
from ckpt_analyzer.checkpoints.patience import (
    ANONYMOUS_REQUESTS,
    SIGNED_IN_REQUESTS,
    Pace,
    Patience,
)
from ckpt_analyzer.checkpoints.safetensors_header import shapes_at_the_beginning
from ckpt_analyzer.checkpoints.scratch import Scratch
from ckpt_analyzer.checkpoints.source import (
    OpenCheckpoint,
    ResolvedCheckpoint,
    RevisionKey,
    WeightFile,
)
from ckpt_analyzer.checkpoints.spool import Spool
from ckpt_analyzer.checkpoints.weight_files import TOKENIZER_FILES, choose, deciding
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.hub_failure import (
    HUB_ERRORS,
    concerns_the_repository,
    explain,
    without_credentials,
)
from ckpt_analyzer.suite import Checkpoint, Model
from ckpt_analyzer.weights import Pieces


class _Opening(NamedTuple):
    """What a source was made with, its token left out."""

    cache_dir: Path
    max_cache_bytes: int
    endpoint: str | None
    reading: HubReading


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
    reading
        How the Hub is read; None for the defaults.
    """

    def __init__(
        self,
        *,
        cache_dir: Path,
        max_cache_bytes: int,
        endpoint: str | None = None,
        token: str | None = None,
        reading: HubReading | None = None,
    ) -> None:
        reading = reading or HubReading()
        self._opened_with = _Opening(cache_dir, max_cache_bytes, endpoint, reading)
        self._spool = None if reading.spool is None else Spool(reading.spool)
        self._spools = reading.spools
        self._with_code = reading.with_code
        self._line = replace(reading.line, token=token)
        self._endpoint = endpoint or constants.ENDPOINT
        self._api = HfApi(endpoint=self._endpoint, token=token)
        self._scratch = Scratch(cache_dir, max_cache_bytes)
        allowed = reading.requests_per_window
        if allowed is None:
            allowed = SIGNED_IN_REQUESTS if token or get_token() else ANONYMOUS_REQUESTS
        cache = MetadataCache(self._endpoint, reading.metadata_dir)
        patience = Patience(Pace(allowed), sleep=self._line.pause, on_wait=reading.on_wait)
        self._metadata = HubMetadata(self._api, patience, cache)
        self._companions = KnownCompanions()
        #: What revisions stood for when they were listed; from then on they stand for that.
        self._listed: dict[RevisionKey, str] = {}
        #: What tokenizer repositories held when they were first asked for.
        self._tokenizers: dict[str, Inventory] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process read what was listed here, at the same commits.

        It finds its token by itself: none leaves this process.
        """
        return _opened_again, (self._opened_with, self._listed, self._tokenizers)

    def commits(self, models: Iterable[Model]) -> Mapping[RevisionKey, str]:
        """Return the commit of everything that could be a checkpoint of `models`.

        Costs one request per repository and page, see ``locating``.

        Raises
        ------
        CheckpointError
            If a repository does not exist or the Hub is not reached.
        """
        found: dict[RevisionKey, str] = {}
        hub = Once(self._metadata)
        for model in models:
            names = {model.name_at(step) for step in model.steps}
            with self._explained(model.repo):
                listed = model.locating.listed(hub, model.repo, names)
            found |= {RevisionKey(model.name, name): commit for name, commit in listed.items()}
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
        place = checkpoint.place
        commit = self._commit(checkpoint)
        with self._explained(f"{place.repo} at {checkpoint.revision}"):
            whole = self._metadata.inventory(
                place.repo, place.revision or checkpoint.revision, commit=commit
            )
        return whole.below(place.subfolder)

    def tokenizer(self, model: Model) -> str:
        """Return the digest of the tokenizer that lies in a repository of its own; else "".

        Raises
        ------
        CheckpointError
            If that repository does not exist or the Hub is not reached.
        """
        if model.tokenizer_repo is None:
            return ""
        found = self._tokenizer_files(model, model.tokenizer_repo)
        return found.digest_of(sorted(TOKENIZER_FILES & found.names))

    def known_inventory(self, checkpoint: Checkpoint) -> Inventory | None:
        """Return what `checkpoint` holds if it was listed and that takes no request."""
        place = checkpoint.place
        commit = self._listed.get(RevisionKey(checkpoint.model.name, checkpoint.revision))
        known = None if commit is None else self._metadata.known(place.repo, commit)
        return None if known is None else known.below(place.subfolder)

    def parameters(self, checkpoint: Checkpoint) -> int | None:
        """Return how many parameters the Hub counts in `checkpoint`; None if it does not say.

        One request.
        """
        place = checkpoint.place
        if place.subfolder:
            return None  # the Hub counts those of the root
        with self._explained(f"{place.repo} at {checkpoint.revision}"):
            commit = self._commit(checkpoint) or place.revision or checkpoint.revision
            return self._metadata.parameters(place.repo, commit)

    def has_repository(self, repo: str) -> bool:
        """Return whether `repo` exists and may be seen; one request.

        Raises
        ------
        SourceError
            If the Hub is not reached, or the repository is gated.
        """
        with self._explained(repo):
            return self._metadata.exists(repo)

    def _commit(self, checkpoint: Checkpoint) -> str | None:
        """Return the commit that `checkpoint` was listed with; list it where nothing else tells.

        Raises
        ------
        CheckpointError
            If only a listing tells it, and it is not listed.
        """
        model = checkpoint.model
        key = RevisionKey(model.name, checkpoint.revision)
        if checkpoint.place.revision is not None or key in self._listed:
            return self._listed.get(key)
        if key not in self.commits([model]):
            raise CheckpointError(
                f"{checkpoint.label} does not exist: {model.repo} has no such "
                f"{model.locating.kind}",
                where=self._endpoint,
                hint="list the checkpoints that exist: ckpt-analyzer plan",
            )
        return self._listed[key]

    def text(self, checkpoint: Checkpoint, inventory: Inventory, name: str) -> bytes:
        """Return the content of a small file of `inventory`; asked for once per content.

        Raises
        ------
        CheckpointError
            If it cannot be had.
        """
        place = checkpoint.place
        file = inventory.file(name)
        if place.subfolder:
            file = replace(file, name=f"{place.subfolder}/{name}")
        with self._explained(f"{name} of {place.repo} at {checkpoint.revision}"):
            return self._metadata.text(place.repo, inventory.commit, file)

    def resolve(self, checkpoint: Checkpoint) -> ResolvedCheckpoint:
        """Return the commit and the weight files of `checkpoint`, from metadata alone.

        Raises
        ------
        CheckpointError
            If it does not exist, is incomplete, or the Hub is not reached.
        """
        subject = f"{checkpoint.place.repo} at {checkpoint.revision}"
        inventory = self.inventory(checkpoint)
        files = choose(inventory.names, subject, with_code=self._with_code)
        deciding_files = self._with_tokenizer(checkpoint.model, inventory)
        companions = tuple(
            sorted({*files.companions} - TOKENIZER_FILES | TOKENIZER_FILES & deciding_files.names)
        )
        return ResolvedCheckpoint(
            checkpoint=checkpoint,
            commit=inventory.commit,
            weight_files=tuple(
                self._weight_file(checkpoint, inventory, inventory.file(name))
                for name in files.weights
            ),
            companions=companions,
            companions_digest=deciding_files.digest_of(deciding(companions)),
        )

    def shapes(self, resolved: ResolvedCheckpoint) -> Mapping[str, tuple[int, ...]]:
        """Return the shape of every tensor, from the headers of the weight files alone.

        Raises
        ------
        CheckpointError
            If the files are no safetensors, or cannot be had.
        """
        checkpoint = resolved.checkpoint
        place = checkpoint.place
        subject = f"{place.repo} at {checkpoint.revision}"
        files = self._commit_files(place.repo, resolved.commit, place.subfolder)
        found: dict[str, tuple[int, ...]] = {}
        for file in resolved.weight_files:
            if not file.name.endswith(".safetensors"):
                raise CheckpointError(
                    f"the parameters of {subject} cannot be counted without unpickling {file.name}",
                    where=self._endpoint,
                    hint="publish the weights as safetensors",
                )
            with self._explained(subject), closing(files.read(file)) as content:
                found |= shapes_at_the_beginning(content, file.size_bytes, file.name)
        return found

    def _with_tokenizer(self, model: Model, inventory: Inventory) -> Inventory:
        """Return `inventory` with the tokenizer of the model's tokenizer repository in it."""
        repo = model.tokenizer_repo
        if repo is None:
            return inventory
        own = [file for file in inventory.files if file.name not in TOKENIZER_FILES]
        theirs = self._tokenizer_files(model, repo).files
        other = [file for file in theirs if file.name in TOKENIZER_FILES]
        return Inventory(inventory.commit, (*own, *other))

    def _tokenizer_files(self, model: Model, repo: str) -> Inventory:
        """Return what the tokenizer repository held when it was first asked for."""
        if repo not in self._tokenizers:
            with self._explained(f"the tokenizer of {model.name}, {repo},"):
                # Another thread may ask as well: the first answer stands.
                self._tokenizers.setdefault(repo, self._metadata.inventory(repo, "main"))
        return self._tokenizers[repo]

    @contextmanager
    def fetch(self, resolved: ResolvedCheckpoint) -> Iterator[OpenCheckpoint]:
        """Open this commit: companions are in a folder until the exit, weights come as pieces.

        Raises
        ------
        CheckpointError
            If the files cannot be read, or are not those that were resolved.
        """
        checkpoint = resolved.checkpoint
        place = checkpoint.place
        subject = f"{place.repo} at {checkpoint.revision}"
        spool = self._spool if self._spools(checkpoint.model) else None
        files = self._commit_files(place.repo, resolved.commit, place.subfolder)

        def slices() -> Pieces:
            with self._explained(subject):
                yield from files.pieces(resolved, folder)

        with ExitStack() as use:
            with self._explained(subject):
                folder = use.enter_context(self._scratch.room(0, subject))
                for name in resolved.companions:
                    self._files_with(name, checkpoint.model, files).save_companion(name, folder)
                if spool is not None:
                    spooled = use.enter_context(spool.files(resolved, files.read))
                    for path in spooled.iterdir():
                        (folder / path.name).symlink_to(path.resolve())
            if spool is None:
                yield OpenCheckpoint(folder, False, slices)
            else:
                yield OpenCheckpoint(folder, True, partial(mapped_pieces, folder, resolved))

    def _files_with(self, companion: str, model: Model, own: CommitFiles) -> CommitFiles:
        """Return the files among which the companion of that name is: the tokenizer's, or `own`."""
        repo = model.tokenizer_repo
        if repo is None or companion not in TOKENIZER_FILES:
            return own
        return self._commit_files(repo, self._tokenizers[repo].commit)

    def _commit_files(self, repo: str, commit: str, subfolder: str = "") -> CommitFiles:
        whole = self._metadata.known(repo, commit)
        listed = None if whole is None else whole.below(subfolder)
        return CommitFiles(
            self._line, self._endpoint, repo, commit, listed, self._companions, subfolder
        )

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
            raise kind(problem, where=without_credentials(self._endpoint), hint=hint) from None


def _opened_again(
    opening: _Opening, listed: dict[RevisionKey, str], tokenizers: dict[str, Inventory]
) -> HubSource:
    source = HubSource(**opening._asdict())
    source._listed.update(listed)
    source._tokenizers.update(tokenizers)
    return source
