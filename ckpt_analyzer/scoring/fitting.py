"""As many in-context examples as the model's length allows, item by item.

In: a tokenizer, and prompts that can be had with any number of examples. Out: encoded items, and
how many examples each has. A prompt that is too long loses examples, those that were drawn last
first, so that what stays is the prompt of fewer shots; only one that is too long without any loses
its left end, and is flagged. Knows nothing of where examples come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from ckpt_analyzer.scoring.encode import EncodedItem, EncodedItems, Render, encode_items
from ckpt_analyzer.task import Item

#: Takes an item's place and a number of examples; returns the item with these before its prompt.
PromptAt = Callable[[int, int], Item]


@dataclass(frozen=True, eq=False)
class FittedItems:
    """Encoded items and the examples in each of their prompts.

    Parameters
    ----------
    n_shots_I
        Per item; fewer than asked for where more do not fit.
    """

    encoded: EncodedItems
    n_shots_I: NDArray[np.int64]


def encode_fitting(
    tokenizer: PreTrainedTokenizerBase,
    prompt_at: PromptAt,
    n_items: int,
    shots: int,
    *,
    max_length_tokens: int,
    render: Render | None = None,
) -> FittedItems:
    """Encode items with `shots` examples each, or as many as fit.

    Raises
    ------
    ScoringError
        As ``encode_items``.
    """

    def encoded_at(places: Sequence[int], counts: Sequence[int]) -> list[EncodedItem]:
        items = [prompt_at(i, k) for i, k in zip(places, counts, strict=True)]
        found = encode_items(tokenizer, items, max_length_tokens=max_length_tokens, render=render)
        return list(found.items)

    everyone = range(n_items)
    best = encoded_at(everyone, [shots] * n_items)
    n_shots_I = np.full(n_items, shots, dtype=np.int64)
    if shots:
        _cut(best, n_shots_I, encoded_at)
    return FittedItems(EncodedItems(tuple(best), max_length_tokens), n_shots_I)


def _cut(
    best: list[EncodedItem],
    n_shots_I: NDArray[np.int64],
    encoded_at: Callable[[Sequence[int], Sequence[int]], list[EncodedItem]],
) -> None:
    """Put in the place of each prompt that is too long the longest one that is not.

    All of them are halved together, so that texts are encoded in few large batches.
    """
    low = {i: 0 for i, item in enumerate(best) if item.truncated}
    high = {i: int(n_shots_I[i]) for i in low}
    # Without examples a prompt stands as it is, however long.
    for i, item in zip(low, encoded_at(list(low), [0] * len(low)), strict=True):
        best[i], n_shots_I[i] = item, 0
    while open_ := [i for i in low if high[i] - low[i] > 1]:
        middle = [(low[i] + high[i]) // 2 for i in open_]
        for i, count, item in zip(open_, middle, encoded_at(open_, middle), strict=True):
            if item.truncated:
                high[i] = count
            else:
                low[i], best[i], n_shots_I[i] = count, item, count
