"""Which worker takes which units next.

In: chunks, the costliest first; workers that ask for more, end a unit, or are lost. Out: units for
each, every unit until it ended or its worker died in it too often. Pure: no processes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ckpt_analyzer.engines import ATTEMPTS
from ckpt_analyzer.engines._chunks import Chunk

if TYPE_CHECKING:
    from ckpt_analyzer.sweep.plan import Unit


class GivenUp(NamedTuple):
    """A unit in which workers died so often that it is not begun again."""

    unit: Unit
    n_attempts: int


class Dispatch:
    """Hands out chunks. A worker is given the model that it has in memory as long as there is one.

    Parameters
    ----------
    chunks
        In the order in which they are to be begun.
    attempts
        How often a unit is begun whose worker dies in it.
    """

    def __init__(self, chunks: Iterable[Chunk], *, attempts: int = ATTEMPTS) -> None:
        self._waiting = [(chunk.model, chunk.units) for chunk in chunks]
        self._in_hand: dict[int, deque[Unit]] = {}
        self._model_of: dict[int, str] = {}
        self._deaths: Counter[str] = Counter()
        self._attempts = attempts

    @property
    def has_more(self) -> bool:
        """Whether units wait that no worker has in hand."""
        return bool(self._waiting)

    def next(self, worker: int) -> tuple[Unit, ...] | None:
        """Return the next units for `worker`, which has none in hand; None if none are left."""
        assert not self._in_hand.get(worker), "a worker asks when it has ended its units"
        if not self._waiting:
            return None
        same = (
            place
            for place, (model, _) in enumerate(self._waiting)
            if model == self._model_of.get(worker)
        )
        model, units = self._waiting.pop(next(same, 0))
        self._model_of[worker] = model
        self._in_hand[worker] = deque(units)
        return units

    def ended(self, worker: int) -> None:
        """Note that `worker` ended the first of the units that it has in hand."""
        self._in_hand[worker].popleft()

    def lost(self, worker: int) -> GivenUp | None:
        """Take back what `worker` had in hand, and return the unit that it died in once too often.

        Units behind the first were not begun and wait again.
        """
        left = self._in_hand.pop(worker, deque())
        model = self._model_of.pop(worker, "")
        given_up = None
        if left:
            first = left[0]
            self._deaths[first.label] += 1
            if self._deaths[first.label] >= self._attempts:
                given_up = GivenUp(left.popleft(), self._attempts)
        if left:
            self._waiting.insert(0, (model, tuple(left)))
        return given_up
