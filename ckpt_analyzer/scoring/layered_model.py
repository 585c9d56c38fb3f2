"""A checkpoint on disk that is scored without ever being in memory as a whole.

In: a folder with safetensors. Out: a ``LayeredModel``: a skeleton, and for each of its parameters
the place in the files that fills it. What is neither a layer nor an embedding nor the head (norms,
tables of positions) is read at once. The module computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PretrainedConfig, PreTrainedModel

from ckpt_analyzer.errors import CheckpointError, ScoringError
from ckpt_analyzer.scoring import Dtype
from ckpt_analyzer.scoring.estimate import product_bytes
from ckpt_analyzer.scoring.family import Family, family_of
from ckpt_analyzer.scoring.hardware import resolve_device, torch_dtype
from ckpt_analyzer.scoring.heap import MAPPED_BYTES
from ckpt_analyzer.scoring.layer_stream import Part, Piece
from ckpt_analyzer.scoring.memory_in_use import free_bytes
from ckpt_analyzer.scoring.memory_plan import Frame
from ckpt_analyzer.scoring.model_shape import ModelShape, shape_of_skeleton
from ckpt_analyzer.scoring.packed import CHUNK_ROWS
from ckpt_analyzer.scoring.parameter_names import ParameterNames, misfit
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.products import is_widened
from ckpt_analyzer.scoring.roles import Roles, roles_of
from ckpt_analyzer.scoring.skeleton import (
    config_in,
    fill_buffers,
    place,
    skeleton_of,
    tensor_of,
)
from ckpt_analyzer.scoring.weight_files import (
    StoredTensor,
    fresh,
    read_into,
    read_rows,
    stored_tensors,
)

#: Products of fewer rows are slower than the page faults of their states.
_MIN_CHUNK_ROWS = 512


@dataclass(frozen=True, eq=False)
class LayeredModel:
    """A checkpoint whose layers are read when they are needed.

    Parameters
    ----------
    model
        Its skeleton. Norms and tables of positions are real, all else is on the meta device.
    device
        Where it computes.
    stored
        For the name of each tensor of the model, where it lies.
    likes
        For each, its shape and dtype: a tensor on the meta device.
    tied
        The name of each tensor that is another one, and the name of that.
    budget_bytes
        Bound of the memory of the whole process, or of what torch holds of a GPU's; None for none.
    """

    model: PreTrainedModel
    family: Family
    roles: Roles
    device: torch.device
    stored: Mapping[str, StoredTensor]
    likes: Mapping[str, torch.Tensor]
    tied: Mapping[str, str]
    shape: ModelShape
    budget_bytes: int | None = None

    @property
    def config(self) -> PretrainedConfig:
        """The configuration of the model."""
        return self.model.config

    @property
    def dtype(self) -> torch.dtype:
        """The precision in which it computes."""
        return self.model.dtype

    @property
    def training(self) -> bool:
        """Whether dropout would change its scores: never."""
        return self.model.training

    @property
    def staged_itemsize(self) -> int:
        """Bytes of a number of a layer while it is read ahead, the most that any layer has."""
        layers = (self.layer(index) for index in range(len(self.roles.layers)))
        return max((p.staged_dtype.itemsize for part in layers for p in part), default=1)

    def frame(self, plan: ScoringPlan) -> Frame:
        """Return `plan` beside the sizes of the model, for the decision how to score it."""
        widening = product_bytes(self.shape, self.dtype, self.device)
        return Frame(
            plan, self.shape, self.dtype.itemsize, self.staged_itemsize, widening,
            self._chunk_rows() if self.has_tight_heap else CHUNK_ROWS,
        )  # fmt: skip

    @property
    def has_tight_heap(self) -> bool:
        """Whether large memory is given back when it is freed.

        Widened products make large states all the time, and keep their room anyway: with a tight
        heap they take a third longer, without one they stay within 5 % of what is foreseen.
        """
        return self.device.type == "cpu" and not is_widened(self.dtype, self.device)

    def _chunk_rows(self) -> int:
        """Return how many rows pass the feed-forward part at a time within a tight heap.

        So few that their states lie in the heap. Those of wide layers never do, whose weights are
        so large that they are rather to be read from memory less often.
        """
        row_bytes = self.shape.inner_width * self.dtype.itemsize
        if _MIN_CHUNK_ROWS * row_bytes > 2 * MAPPED_BYTES:
            return CHUNK_ROWS
        return min(CHUNK_ROWS, max(_MIN_CHUNK_ROWS, (MAPPED_BYTES - 1) // row_bytes))

    def free_bytes(self) -> int:
        """Return what the budget leaves beside what is held now."""
        return free_bytes(self.budget_bytes, self.device)

    def get_input_embeddings(self) -> torch.nn.Module:
        """Return the module of the embeddings, which has a shape and no numbers."""
        embeddings: torch.nn.Module = self.model.get_input_embeddings()
        return embeddings

    def layer(self, index: int) -> Part:
        """Return the tensors of a layer."""
        return [self._piece(name) for name in self.roles.layers[index]]

    def head(self, first: int, stop: int) -> Part:
        """Return the part of the head that predicts tokens ``[first, stop)``."""
        pieces = (self._piece(name) for name in self.roles.head)
        return [piece._replace(first_row=first, like=piece.like[first:stop]) for piece in pieces]

    def embedding_rows(self, tokens_U: torch.Tensor) -> torch.Tensor:
        """Read the embeddings of some tokens, ascending and each once: ``(U, D)``."""
        stored = self.stored[self.roles.embedding]
        return read_rows(stored, tokens_U.cpu(), self.dtype).to(self.device)

    def _piece(self, name: str) -> Piece:
        return Piece(name, self.stored[name], 0, self.likes[name])


def open_layered(
    folder: Path, *, dtype: Dtype, device: str = "auto", budget_bytes: int | None = None
) -> LayeredModel:
    """Return the causal model in `folder`, to be read layer by layer.

    Peak memory: modules, norms and tables of positions.

    Parameters
    ----------
    dtype
        The precision that the model computes in; stored precisions are converted to it.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    budget_bytes
        As in ``LayeredModel``.

    Raises
    ------
    CheckpointError
        If the weights are no safetensors, are not sound, or are not those of the model.
    ScoringError
        If the model's family has no description in ``scoring/families``, or this machine has no
        such device.
    """
    where = resolve_device(device)
    model = skeleton_of(config_in(folder), torch_dtype(dtype))
    family = family_of(model)
    if family is None:
        raise ScoringError(
            f"{type(model).__name__} cannot be scored layer by layer: it has no description in "
            "scoring/families",
            where=str(folder),
            hint="allow a memory_budget that holds the whole model",
        )
    names = ParameterNames(model)
    stored = _places(names, stored_tensors(folder), folder)
    opened = LayeredModel(
        model=model,
        family=family,
        roles=roles_of(model, family),
        device=where,
        stored=stored,
        likes=dict(model.state_dict()),
        tied=names.tied,
        shape=shape_of_skeleton(model, family),
        budget_bytes=budget_bytes,
    )
    _fill_rest(opened)
    return opened


def load_whole(opened: LayeredModel) -> PreTrainedModel:
    """Read all of a checkpoint, so that it is a model as any other.

    Peak memory: the weights, and 8 MiB.
    """
    model = opened.model
    for name, like in opened.likes.items():
        if name in opened.stored and name not in opened.tied:
            tensor = fresh(like, like.dtype, opened.device)
            read_into(tensor, opened.stored[name])
            place(model, name, tensor)
    for name, source in opened.tied.items():
        place(model, name, tensor_of(model, source))
    return model


def _places(
    names: ParameterNames, stored: Mapping[str, StoredTensor], folder: Path
) -> Mapping[str, StoredTensor]:
    """Return where each tensor of the model lies."""
    if not names.are_one_to_one:
        raise ScoringError(
            "the model computes with other tensors than are stored, so it cannot be read layer by "
            "layer",
            where=str(folder),
            hint="allow a memory_budget that holds the whole model",
        )
    found: dict[str, StoredTensor] = {}
    try:
        for stored_name, tensor in stored.items():
            name = names.filled_by(stored_name)
            if name is not None:
                if tensor.shape != tuple(names.shapes[name]):
                    raise misfit(misshapen=[stored_name])
                found[name] = tensor
        names.check_complete(found)
    except CheckpointError as error:
        raise CheckpointError(error.problem, where=str(folder), hint=error.hint) from error
    return found | {name: found[source] for name, source in names.tied.items()}


def _fill_rest(opened: LayeredModel) -> None:
    model, roles = opened.model, opened.roles
    layers = list(opened.family.layers(model))
    outside = {path for path, module in model.named_modules() if any(module is x for x in layers)}
    fill_buffers(model, opened.device, outside)
    for name in roles.rest:
        if name not in opened.stored:
            continue  # a stored buffer that may be missing has been filled
        tensor = torch.empty_like(opened.likes[name], device=opened.device)
        read_into(tensor, opened.stored[name])
        place(model, name, tensor)
