"""How many tokens scoring will compute, said before any text is tokenized.

In: items, or what a task declares of samples of its items. Out: tokens of the prefix tree of their
texts. Where the items are at hand, what they share is found on bytes, and bytes become tokens by
their usual ratio; where they are not, the declared sizes of samples are interpolated. Those are
means over draws: how one draw differs from a mean one is found on bytes again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from ckpt_analyzer.task import Item, SampleTokens

#: Draws that stand for all draws of so many items.
_DRAWS = 24
#: From so many items on, one draw is as large as another.
MAX_DRAWN_ITEMS = 300

#: Bytes of text per token, over the 11 prize tasks under the tokenizer of Pythia.
BYTES_PER_TOKEN = 4.0


def sizes_of(items: Sequence[Item]) -> tuple[SampleTokens, ...]:
    """Return the tokens of one of `items`, on average, and of all, estimated from their bytes."""
    if not items:
        return ()
    alone = sum(unique_bytes([item]) for item in items) / len(items)
    sizes = {1: alone, len(items): unique_bytes(items)}
    tokens = {n: max(1, round(size / BYTES_PER_TOKEN)) for n, size in sizes.items()}
    return tuple(SampleTokens(*size) for size in tokens.items())


def relative_size(items: Sequence[Item], draw: Callable[[int], Sequence[Item]]) -> float:
    """Return how much larger a draw of a task's items is than draws of this size are on average.

    Parameters
    ----------
    items
        Those that are drawn.
    draw
        Draws as many, by another seed.
    """
    if len(items) > MAX_DRAWN_ITEMS:
        return 1.0
    usual = sum(unique_bytes(draw(seed)) for seed in range(_DRAWS)) / _DRAWS
    return unique_bytes(items) / usual if usual else 1.0


def unique_bytes(items: Sequence[Item]) -> int:
    """Return the UTF-8 bytes of all choices behind their prompts, shared beginnings once."""
    texts = sorted(_texts(items))
    return sum(map(len, texts)) - sum(_n_shared(*pair) for pair in pairwise(texts))


def _n_shared(one: bytes, other: bytes) -> int:
    """Return the bytes with which both begin."""
    n_common = min(len(one), len(other))
    numbers = (np.frombuffer(text, np.uint8, n_common) for text in (one, other))
    differ = np.not_equal(*numbers)
    return int(differ.argmax()) if differ.any() else n_common


def _texts(items: Sequence[Item]) -> Iterator[bytes]:
    for item in items:
        yield from (text.encode() for text in item.texts)


def interpolated_tokens(sizes: Sequence[SampleTokens], n_items: int) -> int:
    """Return the tokens of a sample of `n_items`, by the nearest declared samples.

    Tokens per item fall as a power of the number of items between two samples: the more items,
    the more of a new one is known already.

    Parameters
    ----------
    sizes
        Ascending, the first of one item.
    """
    if not n_items or not sizes:
        return 0
    if n_items <= sizes[0].n_items:
        return round(sizes[0].tokens * n_items / sizes[0].n_items)
    for one, other in pairwise(sizes):
        if n_items <= other.n_items:
            slope = math.log(other.tokens / one.tokens) / math.log(other.n_items / one.n_items)
            return round(one.tokens * math.pow(n_items / one.n_items, slope))
    last = sizes[-1]
    return round(last.tokens * n_items / last.n_items)
