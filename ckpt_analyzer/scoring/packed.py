"""The packed path: the nodes of a tree through the layers of a model, each text once.

In: a model, the description of its family, a plan. Out: scores of all targets, pack by pack. There
is no padding; the last layer runs on the rows that are read, and the head makes logits in chunks of
bounded memory. The module knows nothing of any family.

Legend: T nodes of a pack, N rows that are read, K targets, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from ckpt_analyzer.scoring.attention import Memory, PackAttention
from ckpt_analyzer.scoring.family import Family, Heads, Module, Rotation, Rotations
from ckpt_analyzer.scoring.pack import Pack
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.reduce import PartScores, reduce_logits
from ckpt_analyzer.scoring.tree import IdArray, Tree
from ckpt_analyzer.scoring.workspace import Room, Workspace

#: Bound of the logits that exist at a time, in the model's dtype.
LOGITS_BYTES = 32 * 2**20

#: Rows that pass the feed-forward part at a time: its inner width is several times the model's.
CHUNK_ROWS = 1024


def run(model: PreTrainedModel, family: Family, plan: ScoringPlan) -> Iterator[PartScores]:
    """Score all targets of `plan`.

    Peak memory besides the weights, for a pack of T nodes: hidden states and heads of T nodes,
    5 × T × D numbers or so; the carried keys and values of each layer; feed-forward states of
    1,024 rows; 32 MiB of logits and 48 MiB for the log-softmax.
    """
    waiting: list[torch.Tensor] = []
    n_waiting, first_row = 0, 0
    max_rows = _max_rows(model)
    with torch.inference_mode():
        for rows_ND in _rows(model, family, plan):
            waiting.append(rows_ND)
            n_waiting += len(rows_ND)
            # The head is read from memory once for all rows that wait, not once per pack.
            while n_waiting >= max_rows:
                hidden_ND, rest_ND = torch.cat(waiting).tensor_split([max_rows])
                yield _score_rows(_Rows(model, family, plan, first_row), hidden_ND)
                first_row += max_rows
                n_waiting -= max_rows
                waiting = [rest_ND]
        if n_waiting:
            yield _score_rows(_Rows(model, family, plan, first_row), torch.cat(waiting))


def _max_rows(model: PreTrainedModel) -> int:
    embeddings: Module = model.get_input_embeddings()
    row_bytes = embeddings.weight.shape[0] * model.dtype.itemsize
    return int(max(1, LOGITS_BYTES // row_bytes))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of the plan from `first_row` on."""

    model: PreTrainedModel
    family: Family
    plan: ScoringPlan
    first_row: int


def _score_rows(rows: _Rows, hidden_ND: torch.Tensor) -> PartScores:
    plan = rows.plan
    last_row = rows.first_row + len(hidden_ND)
    first, last = np.searchsorted(plan.target_rows_K, [rows.first_row, last_row]).tolist()
    logits_NV = rows.family.logits(rows.model, hidden_ND)
    rows_K = torch.from_numpy(plan.target_rows_K[first:last] - rows.first_row)
    targets_K = torch.from_numpy(plan.targets_K[first:last]).long()
    device = logits_NV.device
    scores = reduce_logits(logits_NV, rows_K.to(device), targets_K.to(device))
    return PartScores(np.arange(first, last), scores)


def _rows(model: PreTrainedModel, family: Family, plan: ScoringPlan) -> Iterator[torch.Tensor]:
    """Yield, pack by pack, what the last layer makes of the rows that are read."""
    carried: list[Memory] | None = None
    workspace = Workspace()
    for pack in plan.packs:
        task = PackTask(model, family, plan.tree, pack, model.device, workspace)
        done = _run_pack(task, carried, careful=False)
        # A mask lets NaN through (0 × NaN): a node that is not finite may have spoilt others.
        if not _is_finite(done):
            done = _run_pack(task, carried, careful=True)
        carried = done.carried
        yield done.hidden_ND


@dataclass(frozen=True, eq=False)
class PackTask:
    """A pack of `tree` that is to pass the layers of a model."""

    model: PreTrainedModel
    family: Family
    tree: Tree
    pack: Pack
    device: torch.device
    workspace: Workspace
    chunk_rows: int = CHUNK_ROWS

    @property
    def tokens(self) -> torch.Tensor:
        """The token of each node, ``(T,)``."""
        return self._of_nodes(self.tree.tokens_T)

    @property
    def positions(self) -> torch.Tensor:
        """The position of each node, ``(T,)``."""
        return self._of_nodes(self.tree.depths_T)

    def _of_nodes(self, numbers_T: IdArray) -> torch.Tensor:
        nodes = slice(self.pack.start, self.pack.stop)
        return torch.from_numpy(numbers_T[nodes]).long().to(self.device)

    def step(self, hidden_TD: torch.Tensor, *, careful: bool) -> LayerStep:
        """Return how each layer treats the pack; `careful` as in ``PackAttention``."""
        return LayerStep(
            family=self.family,
            pack=self.pack,
            rotations=self.family.rotations(self.model, hidden_TD, self.positions),
            attention=PackAttention(self.tree, self.pack, hidden_TD, careful=careful),
            rows_N=torch.from_numpy(self.pack.rows_N).to(self.device),
            carry=torch.from_numpy(self.pack.carry).to(self.device),
            chunk_rows=self.chunk_rows,
            workspace=self.workspace,
        )


class _Done(NamedTuple):
    hidden_ND: torch.Tensor
    carried: list[Memory]


def _is_finite(done: _Done) -> bool:
    rows_are = bool(done.hidden_ND.isfinite().all())
    return rows_are and all(memory.is_finite() for memory in done.carried)


def _run_pack(task: PackTask, carried: list[Memory] | None, *, careful: bool) -> _Done:
    model, family = task.model, task.family
    distinct = _distinct(task)
    hidden_TD = distinct.all() if distinct else family.embed(model, task.tokens, task.positions)
    step = task.step(hidden_TD, careful=careful)
    layers = family.layers(model)
    kept: list[Memory] = []
    for index, layer in enumerate(layers):
        before = carried[index] if carried is not None else None
        made = step.make(layer, hidden_TD) if index or not distinct else step.first(layer, distinct)
        is_last = index + 1 == len(layers)
        hidden_TD, after = step.advance(layer, hidden_TD, made, before, is_last=is_last)
        kept.append(after)
    return _Done(hidden_TD, kept)


@dataclass(frozen=True, eq=False)
class Distinct:
    """The U distinct tokens of a pack, embedded, and which of them each node is."""

    hidden_UD: torch.Tensor
    index_T: torch.Tensor

    def all(self) -> torch.Tensor:
        """Return the embeddings of all nodes."""
        return self.hidden_UD.index_select(0, self.index_T)


def _distinct(task: PackTask) -> Distinct | None:
    if task.family.embeds_positions:
        return None
    tokens_U, index_T = torch.unique(task.tokens, return_inverse=True)
    hidden_UD = task.family.embed(task.model, tokens_U, torch.zeros_like(tokens_U))
    return Distinct(hidden_UD, index_T)


class _Made(NamedTuple):
    """What a layer makes of hidden states before it attends; `beside_TD` may come later."""

    room: Room
    beside_TD: torch.Tensor | None


class _Advanced(NamedTuple):
    hidden: torch.Tensor
    carried: Memory


@dataclass(frozen=True, eq=False)
class LayerStep:
    """What all layers of a pack have in common.

    `chunk_rows` are projected, and pass the feed-forward part, at a time.
    """

    family: Family
    pack: Pack
    rotations: Rotations
    attention: PackAttention
    rows_N: torch.Tensor
    carry: torch.Tensor
    chunk_rows: int
    workspace: Workspace

    def make(self, layer: Module, hidden_TD: torch.Tensor) -> _Made:
        """Return the heads of all nodes; what goes alongside is left to `advance`."""
        room: Room | None = None
        for rows in self._chunks(len(hidden_TD)):
            heads = self.family.project(layer, hidden_TD[rows])
            room = room or self.workspace.of(self.pack, heads)
            self._put(layer, heads, room, rows)
        assert room is not None, "a pack has nodes"
        return _Made(room, None)

    def first(self, layer: Module, distinct: Distinct) -> _Made:
        """Return what the first layer makes of each distinct token, dealt out to all nodes."""
        index_T = distinct.index_T
        heads_U = self.family.project(layer, distinct.hidden_UD)
        room = self.workspace.of(self.pack, heads_U)
        for rows in self._chunks(len(index_T)):
            heads = Heads(*(one.index_select(0, index_T[rows]) for one in heads_U))
            self._put(layer, heads, room, rows)
        parts = [
            self.family.alongside(layer, part_UD)
            for part_UD in torch.split(distinct.hidden_UD, self.chunk_rows)
        ]
        beside = [part for part in parts if part is not None]
        return _Made(room, torch.cat(beside).index_select(0, index_T) if beside else None)

    def _chunks(self, n_rows: int) -> Iterator[slice]:
        for start in range(0, n_rows, self.chunk_rows):
            yield slice(start, min(start + self.chunk_rows, n_rows))

    def _put(self, layer: Module, heads: Heads, room: Room, rows: slice) -> None:
        """Apply positions to the heads of `rows` and put them into `room`."""
        rotations = {name: Rotation(*(one[rows] for one in rotation))
                     for name, rotation in self.rotations.items()}  # fmt: skip
        self.family.place(layer, heads, rotations)
        for to, one in zip(room.heads(rows), heads, strict=True):
            to.copy_(one)

    def advance(
        self,
        layer: Module,
        hidden_TD: torch.Tensor,
        made: _Made,
        carried: Memory | None,
        *,
        is_last: bool,
    ) -> _Advanced:
        """Return the hidden states after `layer`, of the rows that are read if it is the last."""
        room = made.room
        room.carry_in(carried)
        traits = self.family.traits(layer)
        attended = self.attention(room.queries_THd, room.memory, traits, only_rows=is_last)
        kept = room.memory.at(self.carry)
        hidden, beside = hidden_TD, made.beside_TD
        if is_last:
            hidden = hidden[self.rows_N]
            beside = None if beside is None else beside[self.rows_N]
        for rows in self._chunks(len(hidden)):
            part = hidden[rows]
            part_beside = self.family.alongside(layer, part) if beside is None else beside[rows]
            hidden[rows] = self.family.finish(layer, part, attended[rows], part_beside)
        return _Advanced(hidden, kept)
