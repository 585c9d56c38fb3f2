"""Put in-context examples before the prompts of items, by the protocol of the prize.

In: items, a number of shots, and a seed or fixed examples. Out: the same items with longer
contexts, at any smaller number of shots as well. Knows nothing of tokens: how many examples the
model's length allows is found by ``scoring/fitting.py``.

References
----------
McKenzie et al. 2023, arXiv:2306.09479: examples are other items of the task, sampled without
replacement, each with its right answer appended, joined by three newlines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ckpt_analyzer.errors import TaskDataError
from ckpt_analyzer.prompt_rules import SEPARATOR, ShotRules
from ckpt_analyzer.task import Item

__all__ = ["SEPARATOR", "Drawn", "Prompted", "prompted", "with_shots"]


@dataclass(frozen=True)
class Prompted:
    """An item and the examples that may stand before it, each with its answer."""

    item: Item
    examples: tuple[str, ...]
    separator: str = SEPARATOR

    def at(self, shots: int) -> Item:
        """Return the item with its first `shots` examples before its context."""
        if not shots:
            return self.item
        context = self.separator.join([*self.examples[:shots], self.item.context])
        return replace(self.item, context=context)


@dataclass(frozen=True)
class Drawn:
    """Where examples come from.

    Parameters
    ----------
    pool
        All items of the task, in the order of its file.
    seed
        Of the draw.
    fixed
        Examples instead of a draw: every item gets the first of them that are not itself.
    """

    pool: Sequence[Item]
    seed: int = 0
    fixed: Sequence[Item] | None = None


def with_shots(
    items: Sequence[Item], shots: int, seed: int, *, pool: Sequence[Item] | None = None
) -> tuple[Item, ...]:
    """Return `items`, each with `shots` examples before its context; see `prompted`."""
    drawn = Drawn(items if pool is None else pool, seed)
    return tuple(each.at(shots) for each in prompted(items, shots, drawn))


def prompted(
    items: Sequence[Item], shots: int, drawn: Drawn, rules: ShotRules | None = None
) -> tuple[Prompted, ...]:
    """Return `items` with `shots` examples each.

    The examples of an item depend on the seed, the pool and the item alone: not on which other
    items are asked for, nor on the checkpoint. The first examples of `k + 1` shots are those of
    `k` shots, so that curves over shots differ by the examples added.

    Parameters
    ----------
    items
        The items to score; a part of the pool in any order.
    rules
        None for the prize's.

    Raises
    ------
    TaskDataError
        If the task has too few items, or is a log-odds task, which has no right answer to show.
    """
    rules = rules or ShotRules()
    if shots == 0:
        return tuple(Prompted(item, (), rules.separator) for item in items)
    _check(drawn.pool, shots, is_drawn=drawn.fixed is None)
    index_of = {item.item_id: index for index, item in enumerate(drawn.pool)}
    return tuple(
        Prompted(
            item,
            tuple(
                example.context + rules.answer_separator + example.choices[example.gold]
                for example in _examples(item, index_of[item.item_id], shots, drawn)
            ),
            rules.separator,
        )
        for item in items
    )


def _examples(item: Item, index: int, shots: int, drawn: Drawn) -> list[Item]:
    if drawn.fixed is None:
        rng = np.random.default_rng([drawn.seed, index])
        return [drawn.pool[other] for other in _draw(rng, len(drawn.pool), shots, excluded=index)]
    others = [example for example in drawn.fixed if example.context != item.context]
    if len(others) < shots:
        raise TaskDataError(
            f"{shots} shots need {shots} examples other than item {item.item_id}, and the file of "
            f"fixed examples has {len(others)}",
            hint=f"give at most {len(others)} shots, or more examples",
        )
    return others[:shots]


def _draw(rng: np.random.Generator, n: int, count: int, *, excluded: int) -> list[int]:
    """Return `count` distinct indices below `n`, one after the other, without `excluded`."""
    drawn: dict[int, None] = {}
    # One at a time, so that a longer draw begins with a shorter one: rng.choice does not.
    while len(drawn) < count:
        index = int(rng.integers(n))
        if index != excluded:
            drawn.setdefault(index)
    return list(drawn)


def _check(pool: Sequence[Item], shots: int, *, is_drawn: bool) -> None:
    if shots < 0:
        raise TaskDataError(f"{shots} shots are fewer than none", hint="give 0 or more")
    if any(item.other_context is not None for item in pool):
        raise TaskDataError(
            "a log-odds task cannot be given examples: its items have two prompts and no answer "
            "that could stand after both",
            hint="score it with 0 shots",
        )
    if is_drawn and shots >= len(pool):
        raise TaskDataError(
            f"{shots} shots need more than {shots} items, and the task has {len(pool)}",
            hint=f"give at most {max(len(pool) - 1, 0)} shots",
        )
