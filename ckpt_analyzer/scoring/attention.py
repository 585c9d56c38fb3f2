"""Attention over a tree: each node attends to itself and its ancestors.

In: queries of a pack, keys and values of its memory. Out: what each node attends to. The work goes
block by block (``pack.py``): keys are gathered, the mask hides what is no ancestor, and torch's
fused attention does the rest. The module knows nothing of layers or models.

Legend: T nodes of the pack, N rows that are read, M positions of the memory, Q queries and S keys
of a block, H heads, G key-value heads, h heads of one of them, d head width, E = H × d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from ckpt_analyzer.scoring.family import Traits
from ckpt_analyzer.scoring.pack import Block, Pack, visible
from ckpt_analyzer.scoring.tree import Tree


class Memory(NamedTuple):
    """Keys and values that the nodes of a pack may attend to."""

    keys_MGd: torch.Tensor
    values_MGd: torch.Tensor

    def at(self, positions: torch.Tensor) -> Memory:
        """Return a copy of some positions."""
        return Memory(*(one.index_select(0, positions) for one in self))

    def is_finite(self) -> bool:
        """Whether all of it is finite."""
        return all(bool(one.isfinite().all()) for one in self)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A block on the device. `rows_N` counts the block's rows that are read from its start."""

    block: Block
    keys_S: torch.Tensor
    seen_QS: torch.Tensor
    bias_QS: torch.Tensor
    depths_S: torch.Tensor
    rows_N: torch.Tensor


class PackAttention:
    """The attention of one pack, for all layers: its masks are made once.

    Peak memory: the masks, nodes × keys of their blocks; and one block's gathered keys and values.

    Parameters
    ----------
    careful
        Keep keys and values that are not finite from nodes that do not see them. Masks alone do
        not: 0 × NaN is NaN.
    """

    def __init__(self, tree: Tree, pack: Pack, like: torch.Tensor, *, careful: bool) -> None:
        self._tree = tree
        self._pack = pack
        self._like = like
        self._careful = careful
        self._prepared: dict[int | None, list[_Prepared]] = {}

    def __call__(
        self, queries_THd: torch.Tensor, memory: Memory, traits: Traits, *, only_rows: bool
    ) -> torch.Tensor:
        """Return what nodes attend to: all, ``(T, E)``, or those that are read, ``(N, E)``.

        It is written over the queries: a block's own are read before, and no others.
        """
        n_rows = len(self._pack.rows_N) if only_rows else len(queries_THd)
        attended_NHd = queries_THd[:n_rows]
        is_bad_M = _not_finite(memory) if self._careful else None
        if is_bad_M is not None and not bool(is_bad_M.any()):
            is_bad_M = None
        if is_bad_M is not None:
            memory = Memory(*(one.masked_fill(is_bad_M[:, None, None], 0) for one in memory))
        for one in self._blocks(traits.window):
            block = one.block
            to = block.rows if only_rows else range(block.start, block.stop)
            if not len(to):
                continue
            part_QGhd = _attend(
                one, queries_THd[block.start : block.stop], memory, traits, only_rows
            )
            attended_QHd = attended_NHd[to.start : to.stop]
            attended_QHd.view_as(part_QGhd).copy_(part_QGhd)
            if is_bad_M is not None:
                seen_QS = one.seen_QS[one.rows_N] if only_rows else one.seen_QS
                attended_QHd[(seen_QS & is_bad_M[one.keys_S]).any(dim=1)] = torch.nan
        return attended_NHd.flatten(1)

    def _blocks(self, window: int | None) -> list[_Prepared]:
        if window not in self._prepared:
            self._prepared[window] = [self._prepare(block, window) for block in self._pack.blocks]
        return self._prepared[window]

    def _prepare(self, block: Block, window: int | None) -> _Prepared:
        device = self._like.device
        seen_QS = torch.from_numpy(visible(self._tree, self._pack, block, window)).to(device)
        bias_QS = self._like.new_zeros(seen_QS.shape).masked_fill_(~seen_QS, -torch.inf)
        n_before = len(block.keys_S) - (block.stop - block.start)
        nodes = slice(self._pack.start + block.start, self._pack.start + block.stop)
        depths = np.concatenate([np.arange(n_before), self._tree.depths_T[nodes]])
        rows = self._pack.rows_N[block.rows.start : block.rows.stop] - block.start
        return _Prepared(
            block=block,
            keys_S=torch.from_numpy(block.keys_S).to(device),
            seen_QS=seen_QS,
            bias_QS=bias_QS,
            depths_S=torch.from_numpy(depths).to(device),
            rows_N=torch.from_numpy(rows).to(device),
        )


def _not_finite(memory: Memory) -> torch.Tensor:
    # NaN is the least and the greatest of all; asking each number makes copies of all of them.
    ends = (end(one.flatten(1), dim=1) for one in memory for end in (torch.amin, torch.amax))
    return ~torch.stack([end_M.isfinite() for end_M in ends]).all(dim=0)


def _attend(
    one: _Prepared, queries_QHd: torch.Tensor, memory: Memory, traits: Traits, only_rows: bool
) -> torch.Tensor:
    keys_SGd, values_SGd = memory.at(one.keys_S)
    bias = one.bias_QS
    if only_rows:
        queries_QHd, bias = queries_QHd[one.rows_N], bias[one.rows_N]
    n_groups = keys_SGd.shape[1]
    # Heads that share keys lie in one group of a batch of G, so that no key is copied.
    queries = torch.unflatten(queries_QHd, 1, (n_groups, -1)).permute(1, 2, 0, 3)
    keys, values = (
        kept.transpose(0, 1)[:, None].expand(-1, queries.shape[1], -1, -1)
        for kept in (keys_SGd, values_SGd)
    )
    if traits.slopes_H is not None:
        slopes = torch.unflatten(traits.slopes_H, 0, (n_groups, -1))[..., None, None]
        bias = bias + (slopes * one.depths_S).to(bias.dtype)
    if traits.softcap is None:
        attended = F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=bias, scale=traits.scale
        )
    else:
        scores = torch.tanh(queries @ keys.mT * (traits.scale / traits.softcap)) * traits.softcap
        weights = (scores + bias).softmax(dim=-1, dtype=torch.float32).to(values.dtype)
        attended = weights @ values
    return attended.permute(2, 0, 1, 3)
