"""By which rules prompts were made, where a store holds cells by several.

In: cells. Out: of each task and prompt format, with and without examples, the rules that count, and
what lies behind them. A curve over two protocols would show their difference as a trend, so the one
that was scored last counts everywhere, and who reads a table is told of the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ckpt_analyzer.store.selection import StoredCell
    from ckpt_analyzer.store.unit import CellKey


@dataclass(frozen=True)
class Asked:
    """What a protocol is chosen for: all numbers of examples, since they make a curve, too."""

    task: str
    has_examples: bool
    prompt_format: str


@dataclass(frozen=True)
class Protocol:
    """The seed of the drawn examples (None for fixed ones), and the rules as ``prompt_rules``."""

    shot_seed: int | None
    prompt_rules: str

    @property
    def words(self) -> str:
        """The protocol for people: its seed, and the rules that are not empty."""
        seed = [] if self.shot_seed is None else [f"seed {self.shot_seed}"]
        rules = json.loads(self.prompt_rules) if self.prompt_rules else {}
        told = [
            f"{name.replace('_', ' ')} {json.dumps(value, ensure_ascii=False)}"
            for part in rules.values()
            for name, value in part.items()
            if value not in (None, "")
        ]
        return ", ".join([*seed, *told]) or "no rules"


@dataclass(frozen=True)
class Hidden:
    """Cells that no table shows, because others of the task were scored later by other rules."""

    asked: Asked
    protocol: Protocol
    shown: Protocol
    n_checkpoints: int

    @property
    def words(self) -> str:
        """A sentence for people."""
        asked = self.asked
        few = "with examples" if asked.has_examples else "without examples"
        return (
            f"{asked.task}, {asked.prompt_format}, {few}: tables show the prompts by "
            f"{self.shown.words}; scores by {self.protocol.words} of {self.n_checkpoints} "
            "checkpoints are not mixed with them. Keep each in a store of its own and set them "
            "side by side: ckpt-analyzer compare A B"
        )


def asked_of(key: CellKey) -> Asked:
    """Return what the cell `key` is one answer to."""
    return Asked(key.task, key.shots > 0, key.prompt_format)


def protocol_of(key: CellKey) -> Protocol:
    """Return by which rules the cell `key` was made."""
    return Protocol(key.shot_seed, key.prompt_rules)


def current_protocols(stored: Iterable[StoredCell]) -> dict[Asked, Protocol]:
    """Return the protocol that was scored last, of everything that was asked."""
    newest: dict[Asked, tuple[tuple[str, str], Protocol]] = {}
    for found in stored:
        key = found.cell.key
        # The unit id settles units of the same microsecond.
        dated = ((found.unit.created, found.unit.unit_id), protocol_of(key))
        asked = asked_of(key)
        if asked not in newest or newest[asked][0] < dated[0]:
            newest[asked] = dated
    return {asked: protocol for asked, (_, protocol) in newest.items()}


def hidden_protocols(
    chosen: Iterable[StoredCell], superseded: Iterable[StoredCell]
) -> tuple[Hidden, ...]:
    """Return the protocols behind those that count, of tasks whose data are the same."""
    shown = {(asked_of(f.cell.key), f.cell.key.task_sha256): f.cell.key for f in chosen}
    behind: dict[tuple[Asked, Protocol, Protocol], set[tuple[str, int]]] = {}
    for found in superseded:
        key = found.cell.key
        counts = shown.get((asked_of(key), key.task_sha256))
        if counts is not None and protocol_of(counts) != protocol_of(key):
            place = (asked_of(key), protocol_of(key), protocol_of(counts))
            behind.setdefault(place, set()).add((found.unit.model, found.unit.step))
    return tuple(Hidden(*place, len(checkpoints)) for place, checkpoints in behind.items())
