"""What a task of another framework brings with it beside its items.

Pure types: nothing is imported from any framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from ckpt_analyzer.task import Item


class OwnRules(Protocol):
    """How a task puts examples before its items, and what it gives them for their scores."""

    @property
    def max_shots(self) -> int | None:
        """The most examples that the task can be given; None if it does not say."""
        ...

    def with_shots(self, shots: int, seed: int) -> tuple[Item, ...]:
        """Return all items of the task, each with `shots` examples."""
        ...

    def values(self, scores: pa.Table) -> Sequence[Mapping[str, float] | None]:
        """Return for each row of `scores` (tables.CHOICE_SCORES) a number per metric.

        None where the item is not scored, or ours say all there is to say.
        """
        ...
