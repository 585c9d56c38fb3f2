"""The layered path: all packs pass one layer, then the next, while its weights are read.

In: a checkpoint on disk and a plan. Out: scores of all targets. Each layer is in memory once a
section (``sections.py``): what is kept of a section between two layers is the hidden states of its
nodes, and keys and values are carried from pack to pack within a layer only. Embeddings are read a
row a token, the head a part of the vocabulary at a time. The arithmetic is that of ``packed.py``.

Legend: T nodes of a pack, U distinct tokens of a pack, N rows that are read, V tokens of a part of
the vocabulary, K targets, D width.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from ckpt_analyzer.scoring.attention import Memory
from ckpt_analyzer.scoring.heap import tight_heap
from ckpt_analyzer.scoring.layer_stream import LayerStream, Part
from ckpt_analyzer.scoring.layered_model import LayeredModel
from ckpt_analyzer.scoring.memory_in_use import give_back
from ckpt_analyzer.scoring.memory_plan import LayeredSizes
from ckpt_analyzer.scoring.packed import LOGITS_BYTES, Distinct, PackTask
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.reduce import PartScores, VocabularyParts
from ckpt_analyzer.scoring.sections import Section, sections
from ckpt_analyzer.scoring.skeleton import place
from ckpt_analyzer.scoring.workspace import Workspace

log = logging.getLogger(__name__)


def run(opened: LayeredModel, plan: ScoringPlan, sizes: LayeredSizes) -> Iterator[PartScores]:
    """Score all targets of `plan`.

    Peak memory: the largest layer, or part of the head; what is read ahead; hidden states of the
    nodes of a section; and for a pack what ``packed.run`` takes.
    """
    heap = tight_heap() if opened.has_tight_heap else nullcontext()
    with torch.inference_mode(), heap:
        for section in sections(plan, sizes.section_tokens, sizes.pack_tokens):
            yield from _Run(opened, plan, sizes, section).scores()


class _HeadPart(NamedTuple):
    first_token: int
    part: Part


@dataclass(frozen=True, eq=False)
class _Run:
    """One section on its way through the model."""

    opened: LayeredModel
    plan: ScoringPlan
    sizes: LayeredSizes
    section: Section
    workspace: Workspace = field(default_factory=Workspace)

    def scores(self) -> Iterator[PartScores]:
        """Stream the layers, then the head, and score the targets of the section."""
        opened = self.opened
        n_layers = len(opened.roles.layers)
        layers = [opened.layer(index) for index in range(n_layers)]
        heads = list(self._head_parts())
        stream = LayerStream(opened.model, opened.device, self.sizes.read_ahead_bytes)
        hidden: list[torch.Tensor] = []
        parts = self._vocabulary_parts()
        for index in stream.run([*layers, *(head.part for head in heads)]):
            if index < n_layers:
                log.info("layer %d of %d: %d tokens", index + 1, n_layers, len(self.section.tree))
                self._pass_layer(index, hidden)
                # Freed memory lies in pieces: a layer more would not fit into those of this one.
                give_back(opened.device)
            else:
                self.workspace.clear()
                self._pass_head(heads[index - n_layers].first_token, hidden, parts)
        first, last = self._targets()
        yield PartScores(np.arange(first, last), parts.scores())

    def _pass_layer(self, index: int, hidden: list[torch.Tensor]) -> None:
        """Replace the hidden states of each pack by what the layer makes of them."""
        opened = self.opened
        layers = opened.family.layers(opened.model)
        carried: Memory | None = None
        for place_of_pack, pack in enumerate(self.section.packs):
            task = PackTask(
                opened.model, opened.family, self.section.tree, pack, opened.device,
                self.workspace, self.sizes.chunk_rows,
            )  # fmt: skip
            if index == 0:
                hidden_TD, distinct = _embedded(opened, task)
                hidden.append(hidden_TD)
            else:
                hidden_TD, distinct = hidden[place_of_pack], None
            # Keys that are not finite are looked for at every layer: hidden states are written
            # over, so a pack cannot be run again once they are found in the end.
            step = task.step(hidden_TD, careful=True)
            layer = layers[index]
            made = step.first(layer, distinct) if distinct else step.make(layer, hidden_TD)
            is_last = index + 1 == len(layers)
            hidden[place_of_pack], carried = step.advance(
                layer, hidden_TD, made, carried, is_last=is_last
            )

    def _head_parts(self) -> Iterator[_HeadPart]:
        n_vocabulary = len(self.opened.likes[self.opened.roles.head[0]])
        for first in range(0, n_vocabulary, self.sizes.head_tokens):
            stop = min(first + self.sizes.head_tokens, n_vocabulary)
            yield _HeadPart(first, self.opened.head(first, stop))

    def _pass_head(
        self, first_token: int, hidden: list[torch.Tensor], parts: VocabularyParts
    ) -> None:
        """Take in the logits that the part of the head in memory makes of all rows."""
        opened = self.opened
        weight = opened.model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
        max_rows = max(1, LOGITS_BYTES // (len(weight) * opened.dtype.itemsize))
        first_row = 0
        for rows_ND in _regrouped(hidden, max_rows):
            logits_NV = opened.family.logits(opened.model, rows_ND)
            parts.add(logits_NV, first_row, first_token)
            first_row += len(rows_ND)

    def _targets(self) -> tuple[int, int]:
        section, plan = self.section, self.plan
        edges = np.searchsorted(plan.target_rows_K, [section.first_row, section.stop_row])
        return int(edges[0]), int(edges[1])

    def _vocabulary_parts(self) -> VocabularyParts:
        first, last = self._targets()
        rows_K = torch.from_numpy(self.plan.target_rows_K[first:last] - self.section.first_row)
        targets_K = torch.from_numpy(self.plan.targets_K[first:last]).long()
        n_rows = self.section.stop_row - self.section.first_row
        device = self.opened.device
        return VocabularyParts(n_rows, rows_K.to(device), targets_K.to(device))


class _Embedded(NamedTuple):
    hidden_TD: torch.Tensor
    distinct: Distinct | None


def _embedded(opened: LayeredModel, task: PackTask) -> _Embedded:
    """Return what enters the first layer, from the embeddings of the pack's distinct tokens."""
    tokens_U, index_T = torch.unique(task.tokens, return_inverse=True)
    name = opened.roles.embedding
    place(opened.model, name, opened.embedding_rows(tokens_U))
    try:
        if opened.family.embeds_positions:
            embedded_TD = opened.family.embed(opened.model, index_T, task.positions)
            return _Embedded(embedded_TD, None)
        rows_U = torch.arange(len(tokens_U), device=opened.device)
        hidden_UD = opened.family.embed(opened.model, rows_U, torch.zeros_like(rows_U))
    finally:
        place(opened.model, name, opened.likes[name])
    distinct = Distinct(hidden_UD, index_T)
    return _Embedded(distinct.all(), distinct)


def _regrouped(hidden: list[torch.Tensor], n_rows: int) -> Iterator[torch.Tensor]:
    """Yield the rows of all packs, `n_rows` at a time."""
    waiting: list[torch.Tensor] = []
    n_waiting = 0
    for pack_ND in hidden:
        for part_ND in torch.split(pack_ND, n_rows):
            needed = n_rows - n_waiting
            waiting.append(part_ND[:needed])
            n_waiting += len(waiting[-1])
            if n_waiting == n_rows:
                yield torch.cat(waiting)
                waiting, n_waiting = [part_ND[needed:]], len(part_ND[needed:])
    if n_waiting:
        yield torch.cat(waiting)
