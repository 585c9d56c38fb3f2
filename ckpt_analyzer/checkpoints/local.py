"""Checkpoints in a folder on this machine, used where they are.

In: a local suite and its checkpoints. Out: commits, digests, folders. A commit is made of names,
sizes and times of the files, so that a plan reads no weights; the digest is of the bytes. Finding
the suite is ``local_suite.py``.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ckpt_analyzer.checkpoints.digest import file_sha256
from ckpt_analyzer.checkpoints.inventory import Inventory, ListedFile
from ckpt_analyzer.checkpoints.mapped import mapped_pieces
from ckpt_analyzer.checkpoints.safetensors_header import read_shapes
from ckpt_analyzer.checkpoints.shard_index import ENDING, tensors_by_shard
from ckpt_analyzer.checkpoints.source import (
    OpenCheckpoint,
    ResolvedCheckpoint,
    RevisionKey,
    WeightFile,
)
from ckpt_analyzer.checkpoints.weight_files import (
    TOKENIZER_FILES,
    VOCABULARIES,
    LoadedFiles,
    choose,
    deciding,
    incomplete,
)
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Checkpoint, Model, Suite
from ckpt_analyzer.weights import Pieces

_COMMITTED = (".safetensors", ".bin", ".index.json", ".py")


class GoneError(CheckpointError):
    """A checkpoint whose folder was removed before or while it was read."""


class LocalSource:
    """Checkpoints of a suite that was found in a folder.

    Parameters
    ----------
    suite
        A suite with a root, see `local_suite.find_local_suite`.
    """

    def __init__(self, suite: Suite) -> None:
        assert suite.root is not None, f"{suite.name} is not a local suite"
        self._suite = suite
        self._root = Path(suite.root)
        #: What folders held when they were read, by folder and commit.
        self._inventories: dict[tuple[Path, str], Inventory] = {}

    def commits(self, models: Iterable[Model]) -> Mapping[RevisionKey, str]:
        """Return the commit of every step folder of `models`, complete or not."""
        found: dict[RevisionKey, str] = {}
        for model in models:
            for step in model.steps:
                checkpoint = self._suite.checkpoint(model, step)
                folder = self._folder(checkpoint)
                if folder.is_dir() and (commit := self._commit_if_there(folder)) is not None:
                    found[RevisionKey(model.name, checkpoint.revision)] = commit
        return found

    def inventory(self, checkpoint: Checkpoint) -> Inventory:
        """Return all files of `checkpoint` with their sha256; reads them once as long as they stay.

        A tokenizer that lies further up in the suite counts as one of them.

        Raises
        ------
        CheckpointError
            If there is no such folder.
        """
        folder = self._folder(checkpoint)
        if not folder.is_dir():
            raise GoneError(
                f"{checkpoint.label} does not exist",
                where=str(folder),
                hint="list the steps that exist: ckpt-analyzer plan",
            )
        with _while_there(checkpoint, folder):
            commit = self._commit(folder)
            key = (folder, commit)
            if key not in self._inventories:
                self._inventories[key] = Inventory(commit, self._listed(folder))
        return self._inventories[key]

    def tokenizer(self, model: Model) -> str:
        """Return "": the tokenizer of a folder is among the files that its commit is of."""
        del model
        return ""

    def known_inventory(self, checkpoint: Checkpoint) -> Inventory | None:
        """Return what `checkpoint` holds if its weights were read already."""
        folder = self._folder(checkpoint)
        commit = self._commit_if_there(folder)
        return None if commit is None else self._inventories.get((folder, commit))

    def parameters(self, checkpoint: Checkpoint) -> int | None:
        """Return None: a local suite states the parameters of its models."""
        del checkpoint
        return None

    def text(self, checkpoint: Checkpoint, inventory: Inventory, name: str) -> bytes:
        """Return the content of a small file of `inventory`."""
        del inventory  # the files lie in the folder
        folder = self._folder(checkpoint)
        place = folder if (folder / name).is_file() else self._tokenizer_folder(folder)
        with _while_there(checkpoint, folder):
            return (place / name).read_bytes()

    def _listed(self, folder: Path) -> tuple[ListedFile, ...]:
        paths = {path.name: path for path in _tokenizer_files(self._tokenizer_folder(folder))}
        paths |= {path.name: path for path in folder.iterdir() if path.is_file()}
        listed = []
        for name in sorted(paths):
            sha256 = file_sha256(paths[name])
            listed.append(ListedFile(name, paths[name].stat().st_size, sha256, sha256))
        return tuple(listed)

    def resolve(self, checkpoint: Checkpoint) -> ResolvedCheckpoint:
        """Return the commit and the weight files of `checkpoint`; reads its weights once.

        Raises
        ------
        CheckpointError
            If the folder is missing or half-written; it names what is missing.
        """
        folder = self._folder(checkpoint)
        if folder.is_dir():
            with _while_there(checkpoint, folder):
                files = complete_files(folder)
        inventory = self.inventory(checkpoint)
        weights = [inventory.file(name) for name in files.weights]
        return ResolvedCheckpoint(
            checkpoint=checkpoint,
            commit=inventory.commit,
            weight_files=tuple(
                WeightFile(file.name, file.size_bytes, file.digest) for file in weights
            ),
            companions=files.companions,
            companions_digest=inventory.digest_of(deciding(inventory.names)),
        )

    @contextmanager
    def fetch(self, resolved: ResolvedCheckpoint) -> Iterator[OpenCheckpoint]:
        """Open the folder where it is; nothing is copied or removed.

        A Trainer that was given no tokenizer writes none into its checkpoints: where one lies
        further up in the suite, the folder is one of links to both.

        Raises
        ------
        CheckpointError
            If a file changed since the checkpoint was resolved, or changes while it is read.
        """
        self._check_unchanged(resolved)
        folder = self._folder(resolved.checkpoint)

        def slices() -> Pieces:
            with _while_there(resolved.checkpoint, folder):
                yield from mapped_pieces(folder, resolved)
            self._check_unchanged(resolved)

        tokenizer = self._tokenizer_folder(folder)
        if tokenizer == folder:
            yield OpenCheckpoint(folder, True, slices)
            return
        with tempfile.TemporaryDirectory(prefix="ckpt-analyzer-") as links:
            with _while_there(resolved.checkpoint, folder):
                for path in (*_tokenizer_files(tokenizer), *folder.iterdir()):
                    if path.is_file():
                        (Path(links) / path.name).symlink_to(path)
            yield OpenCheckpoint(Path(links), True, slices)

    def _check_unchanged(self, resolved: ResolvedCheckpoint) -> None:
        folder = self._folder(resolved.checkpoint)
        commit = self._commit_if_there(folder)
        if commit is None:
            raise _gone(resolved.checkpoint, folder)
        if commit != resolved.commit:
            raise CheckpointError(
                f"{resolved.checkpoint.label} changed while it was in use",
                where=str(folder),
                hint="run the same command again once nothing writes to the folder",
            )

    def _commit_if_there(self, folder: Path) -> str | None:
        try:
            with _readable(folder):
                return self._commit(folder)
        except FileNotFoundError:
            return None

    def _commit(self, folder: Path) -> str:
        return _commit(folder, self._tokenizer_folder(folder))

    def _tokenizer_folder(self, folder: Path) -> Path:
        """Return the nearest folder that holds a tokenizer, from `folder` up to the suite's."""
        inside = [up for up in folder.parents if up.is_relative_to(self._root)]
        for place in (folder, *inside):
            if any((place / name).is_file() for name in VOCABULARIES):
                return place
        return folder

    def _folder(self, checkpoint: Checkpoint) -> Path:
        return self._root / checkpoint.model.repo / checkpoint.revision


@contextmanager
def _while_there(checkpoint: Checkpoint, folder: Path) -> Iterator[None]:
    """Say of a file that vanishes while the block runs, or cannot be read, what that means."""
    try:
        with _readable(folder):
            yield
    except FileNotFoundError:
        raise _gone(checkpoint, folder) from None


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Say of a file that is there and cannot be read what that means."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint cannot be read: {error.strerror or error}",
            where=str(error.filename or folder),
            hint="check the owner and the permissions of its files, or leave the step out",
        ) from error


def _gone(checkpoint: Checkpoint, folder: Path) -> GoneError:
    return GoneError(
        f"{checkpoint.label} was removed while it was in use",
        where=str(folder),
        hint="a Trainer with save_total_limit removes old checkpoints: let it keep more of them, "
        "or score them as they appear with --follow",
    )


def complete_files(folder: Path) -> LoadedFiles:
    """Return the files that a model is loaded from, once they are all there in full length.

    Raises
    ------
    CheckpointError
        If a file is missing, empty, cut off or cannot be read; it names the file.
    """
    with _readable(folder):
        return _complete_files(folder)


def _complete_files(folder: Path) -> LoadedFiles:
    files = choose((path.name for path in folder.iterdir() if path.is_file()), str(folder))
    named = tensors_by_shard(folder, files.companions)
    if missing := sorted(named.keys() - set(files.weights)):
        index = next(name for name in files.companions if name.endswith(ENDING))
        raise incomplete(f"{index} names {missing[0]}, which is missing", str(folder / index))
    for name in files.weights:
        if name.endswith(".safetensors"):
            read_shapes(folder / name)
        elif not (folder / name).stat().st_size:
            raise incomplete(f"{name} is empty", str(folder))
    return files


def _tokenizer_files(folder: Path) -> list[Path]:
    return [folder / name for name in sorted(TOKENIZER_FILES) if (folder / name).is_file()]


def _commit(folder: Path, tokenizer: Path) -> str:
    """Return a name for the present state of the files that decide the scores."""
    of_the_model = [
        path
        for path in sorted(folder.iterdir())
        if path.name == "config.json" or path.name.endswith(_COMMITTED)
    ]
    lines = []
    for path in (*of_the_model, *_tokenizer_files(tokenizer)):
        stat = path.stat()
        lines.append(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n")
    return "local-" + hashlib.sha256("".join(lines).encode()).hexdigest()[:40]
