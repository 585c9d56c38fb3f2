"""What a reader must know of a task: the card at the head of its section.

In: cards from the caller, tasks from trends. Out: one card per task, grouped by cause.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pandas as pd

from ckpt_analyzer.task import Cause, Item, Kind


@dataclass(frozen=True)
class TaskCard:
    """A task in words.

    Parameters
    ----------
    example
        An item of the task, shown byte-exact; None where its licence or the data forbids.
    n_items
        Items in the official file; None where there is no official count.
    """

    name: str
    title: str
    cause: Cause | None
    kind: Kind | None
    description: str
    example: Item | None = None
    n_items: int | None = None
    citation: str = ""
    licence: str = ""

    @property
    def anchor(self) -> str:
        """The id of its section: ``task-memo-trap``; no two tasks have the same."""
        plain = re.sub(r"[^A-Za-z0-9_.-]", "-", self.name)
        if plain == self.name:
            return f"task-{plain}"
        return f"task-{plain}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class CauseGroup:
    """The tasks of one cause of inverse scaling."""

    title: str
    cards: tuple[TaskCard, ...]


def group(cards: Sequence[TaskCard], trends: pd.DataFrame) -> list[CauseGroup]:
    """Return the cards of all tasks in `trends`, by cause; a task without one gets a bare card."""
    known = {card.name: card for card in cards}
    present = list(dict.fromkeys(trends["task"]))
    names = [name for name in known if name in present]
    names += [name for name in present if name not in known]
    chosen = [known.get(name, _bare(name)) for name in names]
    groups = []
    for cause in (*get_args(Cause), None):
        members = tuple(card for card in chosen if card.cause == cause)
        if members:
            title = cause.capitalize() if cause else "Controls and own tasks"
            groups.append(CauseGroup(title, members))
    if len(groups) == 1 and groups[0].cards[0].cause is None:
        groups = [CauseGroup("Tasks", groups[0].cards)]
    return groups


def _bare(name: str) -> TaskCard:
    return TaskCard(name, name.replace("-", " ").capitalize(), None, None, "")
