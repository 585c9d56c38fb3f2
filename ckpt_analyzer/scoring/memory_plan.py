"""How a plan is scored within a bound of memory: on a resident model, or layer by layer.

In: a plan, the shape of a model, and how many bytes are free. Out: the sizes of the layered path,
and the peak memory that is expected. The module reads no weights and asks no machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.scoring.estimate import (
    PackSize,
    carried_bytes,
    head_bytes,
    pack_bytes,
    size_of,
)
from ckpt_analyzer.scoring.model_shape import ModelShape
from ckpt_analyzer.scoring.packed import CHUNK_ROWS
from ckpt_analyzer.scoring.plan import ScoringPlan

#: Packs that are tried where those of the plan are too large.
PACK_TOKENS = (4096, 2048, 1024, 512, 256, 128)

#: What the allocator holds in pieces beyond what is in use, at most.
_IN_PIECES_BYTES = 32 * 2**20

#: Nodes of a section beyond its longest path, at least.
_MIN_SECTION_TOKENS = 256


@dataclass(frozen=True)
class LayeredSizes:
    """How much is in memory at a time.

    Parameters
    ----------
    section_tokens
        Nodes whose hidden states are kept: more than the longest input.
    pack_tokens
        Nodes that are computed together.
    read_ahead_bytes
        What is read of the next layer while one computes.
    head_tokens
        Tokens of the vocabulary whose part of the head is in memory.
    chunk_rows
        Rows that pass the feed-forward part at a time.
    """

    section_tokens: int
    pack_tokens: int
    read_ahead_bytes: int
    head_tokens: int
    chunk_rows: int = CHUNK_ROWS


@dataclass(frozen=True)
class Frame:
    """A plan and the model that it is to be scored on.

    Parameters
    ----------
    itemsize
        Bytes of a number in the precision that the model computes in.
    staged_itemsize
        Bytes of a number while its layer is read ahead.
    product_bytes
        What a product takes beside its rows, weights and result; see ``estimate.product_bytes``.
    chunk_rows
        Rows that pass the feed-forward part at a time, at most.
    """

    plan: ScoringPlan
    shape: ModelShape
    itemsize: int
    staged_itemsize: int
    product_bytes: int = 0
    chunk_rows: int = CHUNK_ROWS


@dataclass(frozen=True)
class MemoryPlan:
    """Sizes of the layered path, and what they take beside what the process holds already."""

    sizes: LayeredSizes
    needed_bytes: int


def layered_plan(frame: Frame, free_bytes: int) -> MemoryPlan:
    """Return the sizes with which the layered path stays within `free_bytes`.

    What is left when one layer and one pack are in memory goes to the hidden states of a section
    and to reading ahead, half and half, but for what the allocator holds in pieces, and large packs
    give way to both.

    Raises
    ------
    ScoringError
        If not even one layer and the smallest pack fit.
    """
    asked = frame.plan.batch_tokens
    candidates = [asked, *(tokens for tokens in PACK_TOKENS if tokens < asked)]
    smallest = _smallest_bytes(frame, candidates[-1])
    if smallest > free_bytes:
        raise ScoringError(
            f"the largest layer and what computes beside it take {_gb(smallest)} beyond what the "
            f"process holds, and memory_budget leaves {_gb(max(0, free_bytes))}",
            hint="set a larger memory_budget, or score in bf16",
        )
    for pack_tokens in candidates:
        made = _try(frame, pack_tokens, free_bytes, is_last=pack_tokens == candidates[-1])
        if made is not None:
            return made
    raise AssertionError("the smallest pack fits")


def _try(frame: Frame, pack_tokens: int, free_bytes: int, *, is_last: bool) -> MemoryPlan | None:
    """Return the sizes for packs of so many tokens; None if smaller packs would do better."""
    shape, plan = frame.shape, frame.plan
    smallest = _smallest_bytes(frame, pack_tokens)
    if smallest > free_bytes:
        return None
    # A small budget keeps most for itself: small packs cost more than pieces do.
    in_pieces = min(_IN_PIECES_BYTES, (free_bytes - smallest) // 4)
    spare = free_bytes - smallest - in_pieces
    staged = shape.layer_numbers * frame.staged_itemsize
    token_bytes = shape.width * frame.itemsize
    min_tokens = _min_section_tokens(plan)
    more_tokens = max(0, plan.n_tokens - min_tokens)
    read_ahead = min(staged, max(spare // 2, spare - more_tokens * token_bytes))
    if read_ahead < staged / 2 and not is_last:
        return None
    more_tokens = min(more_tokens, (spare - read_ahead) // token_bytes)
    sizes = LayeredSizes(
        section_tokens=min_tokens + more_tokens,
        pack_tokens=pack_tokens,
        read_ahead_bytes=read_ahead,
        head_tokens=_head_tokens(shape),
        chunk_rows=_chunk_rows(frame, pack_tokens),
    )
    return MemoryPlan(sizes, smallest + in_pieces + read_ahead + more_tokens * token_bytes)


def _smallest_bytes(frame: Frame, pack_tokens: int) -> int:
    """Return what one layer, one pack and the smallest section take."""
    shape, itemsize = frame.shape, frame.itemsize
    sizes = [size_of(pack) for pack in frame.plan.packs]
    pairs_per_token = max((size.seen_pairs / size.tokens for size in sizes), default=0.0)
    size = PackSize(
        tokens=min(pack_tokens, frame.plan.n_tokens),
        carried_tokens=frame.plan.longest_tokens,
        seen_pairs=round(pairs_per_token * pack_tokens),
        chunk_rows=_chunk_rows(frame, pack_tokens),
    )
    working = max(pack_bytes(size, shape, itemsize), head_bytes())
    hidden = _min_section_tokens(frame.plan) * shape.width * itemsize
    layer = max(shape.layer_numbers, shape.head_row_numbers) * itemsize
    carried = carried_bytes(frame.plan.longest_tokens, 1, shape, itemsize)
    return layer + working + hidden + carried + frame.product_bytes


def _min_section_tokens(plan: ScoringPlan) -> int:
    longest = plan.longest_tokens
    return max(longest + 1, min(plan.n_tokens, longest + _MIN_SECTION_TOKENS))


def _chunk_rows(frame: Frame, pack_tokens: int) -> int:
    return min(frame.chunk_rows, max(128, pack_tokens // 4))


def _head_tokens(shape: ModelShape) -> int:
    """Return how many tokens' part of the head takes no more than the largest layer."""
    return max(1, min(shape.n_vocabulary, shape.layer_numbers // shape.head_row_numbers))


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 10**9:.3g} GB"
