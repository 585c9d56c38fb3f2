"""Pieces of a checkpoint become the parameters of a model, each element once.

In: pieces, and where they go. Out: nothing; the tensors are filled in place. What is wrong with a
file is said only once the file has arrived as published: until then it may be the network's fault,
and the file may begin anew.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import torch
from transformers import PreTrainedModel

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring.parameter_names import ParameterNames, misfit
from ckpt_analyzer.weights import (
    FileStarted,
    FileVerified,
    PickledFile,
    Pieces,
    TensorSlice,
)

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class Run:
    """Elements of one stored tensor: `values` begin at `first_element` of it, row by row."""

    name: str
    shape: torch.Size
    first_element: int
    values: torch.Tensor


class Target(Protocol):
    """Where the elements of a checkpoint go."""

    def start_file(self, file: str) -> None:
        """Forget what came of a file that was not verified."""
        ...

    def take(self, run: Run) -> None:
        """Put elements where they belong.

        Raises
        ------
        CheckpointError
            If they belong nowhere, or are there already.
        """
        ...

    def end_file(self) -> None:
        """Take the present file for good.

        Raises
        ------
        CheckpointError
            If something is wrong with what came of it.
        """
        ...

    def check_complete(self) -> None:
        """Check that all that is needed came.

        Raises
        ------
        CheckpointError
            If tensors are missing; it names the first.
        """
        ...


def fill(target: Target, pieces: Pieces, where: str) -> None:
    """Put all `pieces` into `target`.

    Parameters
    ----------
    where
        The checkpoint, for errors.

    Raises
    ------
    CheckpointError
        If the pieces do not make up a whole checkpoint of this model, or cannot be had.
    """
    try:
        problems: list[CheckpointError] = []
        for piece in pieces:
            match piece:
                case FileStarted(file):
                    problems.clear()
                    target.start_file(file)
                case FileVerified():
                    if problems:
                        raise problems[0]
                    target.end_file()
                case _:
                    problems.extend(_problems_with(target, piece))
        target.check_complete()
    except CheckpointError as error:
        raise CheckpointError(
            error.problem, where=error.where or where, hint=error.hint
        ) from error.__cause__


def _problems_with(target: Target, piece: TensorSlice | PickledFile) -> Iterator[CheckpointError]:
    """Yield what is wrong with `piece`, once it is taken; not to be believed yet."""
    try:
        for run in _runs(piece):
            target.take(run)
    except CheckpointError as error:
        yield error


def _runs(piece: TensorSlice | PickledFile) -> Iterator[Run]:
    if isinstance(piece, PickledFile):
        yield from _unpickled(piece.content)
        return
    if (dtype := _DTYPES.get(piece.dtype)) is None:
        raise CheckpointError(
            f"{piece.name} is stored as {piece.dtype}, which is not supported",
            hint="use the weights that were not quantized",
        )
    values = (
        torch.frombuffer(piece.data, dtype=dtype)
        if piece.data.nbytes
        else torch.empty(0, dtype=dtype)
    )
    yield Run(piece.name, torch.Size(piece.shape), piece.first_element, values)


def _unpickled(content: BinaryIO) -> Iterator[Run]:
    try:
        loaded = torch.load(content, map_location="cpu", weights_only=True)
    except (
        OSError, ValueError, RuntimeError, EOFError, KeyError, TypeError, AttributeError,
        IndexError, pickle.UnpicklingError,
    ) as error:  # fmt: skip
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise CheckpointError(
            f"the checkpoint cannot be loaded: {type(error).__name__}: {first_line}",
            hint="a .bin file may hold tensors only: code in it is never run",
        ) from error
    if not isinstance(loaded, Mapping):
        raise CheckpointError("the checkpoint cannot be loaded: the file holds no named tensors")
    for name, tensor in loaded.items():
        if not isinstance(tensor, torch.Tensor):
            raise CheckpointError(
                f"the checkpoint cannot be loaded: {name!r} is no tensor, but {type(tensor)}"
            )
        yield Run(str(name), tensor.shape, 0, tensor.detach().contiguous().view(-1))


@dataclass
class Filling:
    """The parameters of a model while they are filled."""

    model: PreTrainedModel
    names: ParameterNames
    _tensors: dict[str, torch.Tensor] = field(init=False)
    _owners: dict[str, str] = field(default_factory=dict)
    _present: dict[str, str] = field(default_factory=dict)
    _next_element: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tensors = dict(self.model.state_dict())

    def start_file(self, file: str) -> None:
        """Forget what came of a file that was not verified."""
        self._present.clear()
        self._next_element.clear()

    @torch.no_grad()
    def take(self, run: Run) -> None:
        """Convert elements into the parameter that they belong to."""
        name = self.names.filled_by(run.name)
        if name is None:
            return
        if run.shape != self.names.shapes[name]:
            raise misfit(misshapen=[run.name])
        if self._next_element.setdefault(run.name, 0) != run.first_element:
            raise CheckpointError(f"{run.name} does not come once and in order")
        self._next_element[run.name] += len(run.values)
        end = run.first_element + len(run.values)
        there = self._tensors[name].view(-1)[run.first_element : end]
        owner = self._owners.get(name) or self._present.setdefault(name, run.name)
        if owner == run.name and name not in self._owners:
            there.copy_(run.values)
        elif owner == run.name:
            raise CheckpointError(f"{run.name} is in two files")
        elif not _are_same(there, run.values):
            raise CheckpointError(
                f"{run.name} and {owner} are one parameter by config.json, and differ",
                hint="see whether config.json belongs to the weights (tie_word_embeddings)",
            )

    def end_file(self) -> None:
        """Take the present file for good."""
        for stored, n_elements in self._next_element.items():
            name = self.names.filled_by(stored)
            assert name is not None
            if n_elements != self._tensors[name].numel():
                raise CheckpointError(f"{stored} is not complete")
        self._owners |= self._present
        self._present.clear()
        self._next_element.clear()

    def check_complete(self) -> None:
        """Check that every parameter and every stored buffer was filled."""
        self.names.check_complete(self._owners)


class Collected:
    """All tensors of a checkpoint as they are stored, for models that join or split them."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._present: dict[str, torch.Tensor] = {}

    def start_file(self, file: str) -> None:
        """Forget what came of a file that was not verified."""
        self._present.clear()

    def take(self, run: Run) -> None:
        """Keep elements."""
        if run.name not in self._present:
            self._present[run.name] = torch.empty(run.shape, dtype=run.values.dtype)
        end = run.first_element + len(run.values)
        self._present[run.name].view(-1)[run.first_element : end].copy_(run.values)

    def end_file(self) -> None:
        """Take the present file for good."""
        self.tensors |= self._present
        self._present.clear()

    def check_complete(self) -> None:
        """Do nothing: transformers reports what it misses."""


def _are_same(there: torch.Tensor, values: torch.Tensor) -> bool:
    """Return whether two runs are bit for bit the same, NaN included."""
    converted = values.to(there)
    bits = _BITS[there.element_size()]
    return torch.equal(there.view(bits), converted.view(bits))
