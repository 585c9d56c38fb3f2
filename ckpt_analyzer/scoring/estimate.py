"""What scoring a plan takes on a model that is not there yet: arithmetic and memory.

In: a plan and the shape of a model. Out: floating-point operations and bytes. Nothing is computed;
tests hold both against what is counted and measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ckpt_analyzer.scoring.model_shape import ModelShape
from ckpt_analyzer.scoring.pack import Pack
from ckpt_analyzer.scoring.packed import CHUNK_ROWS, LOGITS_BYTES
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.products import is_widened, widening_bytes
from ckpt_analyzer.scoring.reduce import SLICE_BYTES

#: What Python, torch, transformers and this package hold before a model is there, measured on
#: Linux with the CPU build of torch 2.13; items and their plan are not counted.
PROCESS_BYTES = 450 * 2**20


@dataclass(frozen=True)
class PackSize:
    """The sizes on which the memory of a pack depends.

    Parameters
    ----------
    tokens
        Nodes.
    carried_tokens
        Nodes of earlier packs that it attends to.
    seen_pairs
        Nodes times keys, over its blocks.
    chunk_rows
        Rows that pass the feed-forward part at a time.
    """

    tokens: int
    carried_tokens: int
    seen_pairs: int
    chunk_rows: int = CHUNK_ROWS


def flops_of(plan: ScoringPlan, shape: ModelShape) -> int:
    """Return the floating-point operations of scoring `plan`, products and sums counted apart."""
    n_tokens, n_rows = plan.n_tokens, len(plan.rows_N)
    n_distinct = n_tokens
    if not shape.embeds_positions:
        n_distinct = sum(_n_distinct(plan, pack) for pack in plan.packs)
    row = shape.row_flops
    n_between = shape.n_layers - 1
    total = row.project * (n_distinct + n_between * n_tokens)
    total += row.finish * (n_between * n_tokens + n_rows)
    # Of one layer only: it is the first, in which each distinct token goes alongside once.
    alongside = n_distinct + (n_between - 1) * n_tokens + n_rows if n_between else n_distinct
    total += row.alongside * alongside
    total += row.head * n_rows
    # Two products, each of a multiplication and an addition, for a query and a key.
    pairs = sum(n_between * _seen_pairs(pack) + _read_pairs(pack) for pack in plan.packs)
    return total + 4 * shape.heads_width * pairs


def _n_distinct(plan: ScoringPlan, pack: Pack) -> int:
    return len(np.unique(plan.tree.tokens_T[pack.start : pack.stop]))


def _seen_pairs(pack: Pack) -> int:
    return sum((block.stop - block.start) * len(block.keys_S) for block in pack.blocks)


def _read_pairs(pack: Pack) -> int:
    return sum(len(block.rows) * len(block.keys_S) for block in pack.blocks)


def size_of(pack: Pack) -> PackSize:
    """Return the sizes of `pack`."""
    return PackSize(pack.stop - pack.start, pack.n_carried, _seen_pairs(pack))


def pack_bytes(size: PackSize, shape: ModelShape, itemsize: int) -> int:
    """Return what a pack takes while it passes a layer, beside what it was before and is after."""
    return workspace_bytes(size, shape, itemsize) + _passing_bytes(size, shape, itemsize)


def workspace_bytes(size: PackSize, shape: ModelShape, itemsize: int) -> int:
    """Return what queries, keys and values of a pack and its memory take."""
    memory = 2 * shape.keys_width * (size.carried_tokens + size.tokens)
    return itemsize * (size.tokens * shape.heads_width + memory)


def _passing_bytes(size: PackSize, shape: ModelShape, itemsize: int) -> int:
    """Return what a pack takes for a while in each layer."""
    heads = shape.heads_width + 2 * shape.keys_width
    chunk = max(shape.width + heads, 3 * shape.inner_width + 4 * shape.width)
    n_rows = min(size.chunk_rows, size.tokens)
    masks = size.seen_pairs * (itemsize + 1)
    return itemsize * (size.tokens * shape.width + n_rows * chunk) + masks


def head_bytes() -> int:
    """Return what logits and their log-softmax take."""
    return LOGITS_BYTES + 3 * SLICE_BYTES


def carried_bytes(n_tokens: int, n_layers: int, shape: ModelShape, itemsize: int) -> int:
    """Return what carried keys and values take: those from the pack before, and for the next."""
    return 2 * n_layers * 2 * shape.keys_width * n_tokens * itemsize


def product_bytes(shape: ModelShape, dtype: torch.dtype, device: torch.device) -> int:
    """Return what products of `dtype` take where ``products.py`` widens them; else 0."""
    if not is_widened(dtype, device):
        return 0
    return widening_bytes(CHUNK_ROWS, shape.inner_width, shape.width)


def resident_bytes(
    plan: ScoringPlan, shape: ModelShape, itemsize: int, product_bytes: int = 0
) -> int:
    """Return what a resident model and the scoring of `plan` take beside the process itself."""
    sizes = [size_of(pack) for pack in plan.packs]
    working = max((_passing_bytes(size, shape, itemsize) for size in sizes), default=0)
    workspace = max((workspace_bytes(size, shape, itemsize) for size in sizes), default=0)
    n_carried = max((size.carried_tokens for size in sizes), default=0)
    carried = carried_bytes(n_carried, shape.n_layers, shape, itemsize)
    hidden = max((size.tokens for size in sizes), default=0) * shape.width * itemsize
    kept = shape.all_numbers * itemsize + carried + hidden + workspace
    return kept + product_bytes + max(working, head_bytes())


def peak_bytes(plan: ScoringPlan, shape: ModelShape, itemsize: int) -> int:
    """Return the peak memory of a whole process that scores `plan` on a resident model."""
    return PROCESS_BYTES + resident_bytes(plan, shape, itemsize)
