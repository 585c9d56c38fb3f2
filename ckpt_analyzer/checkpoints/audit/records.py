"""The records of an audit: what was read of a model's revisions, and what was found.

Pure records; where they come from is ``reading.py``, what is made of them the rules beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from ckpt_analyzer.checkpoints.inventory import Inventory
from ckpt_analyzer.suite import KnownBad, Model

Kind = Literal[
    "reported", "identical-weights", "shared-shard", "missing-file", "foreign-file",
    "weight-size", "config-size", "config-differs", "missing-step", "unknown-ref", "unreadable",
]  # fmt: skip
#: ``suspect`` is left out of flips; ``expected`` is known and harmless; ``note`` is to be known.
Standing = Literal["suspect", "expected", "note"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class AuditedRevision:
    """One revision as its metadata show it.

    Parameters
    ----------
    step
        None for a revision that is read to compare with, such as ``main``.
    inventory
        None if it could not be read; `problem` then says why.
    weights
        Names of the files that a model is loaded from; empty if there is no loading one.
    problem
        Why no model can be loaded from it; empty if one can.
    config
        The content of ``config.json``; None if there is none that can be read.
    """

    revision: str
    step: int | None
    inventory: Inventory | None
    weights: tuple[str, ...] = ()
    problem: str = ""
    config: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def weight_digests(self) -> tuple[str, ...]:
        """The digests of the weight files, sorted: equal for equal weights."""
        if self.inventory is None:
            return ()
        return tuple(sorted(self.inventory.file(name).digest for name in self.weights))


@dataclass(frozen=True)
class AuditedModel:
    """A model and those of its revisions that were read.

    Parameters
    ----------
    revisions
        With step, those of the suite; without, those to compare with. By step, the others last.
    refs
        The names of all branches and tags that exist.
    known_bad
        The reports about this model.
    is_whole
        Whether every step that exists was read.
    """

    suite: str
    model: Model
    revisions: tuple[AuditedRevision, ...]
    refs: frozenset[str] = field(default_factory=frozenset)
    known_bad: tuple[KnownBad, ...] = ()
    is_whole: bool = True

    @property
    def readable(self) -> Iterator[AuditedRevision]:
        """The revisions from which a model can be loaded."""
        return (each for each in self.revisions if each.weights)

    def name_of(self, step: int) -> str:
        """Return the revision at `step`."""
        for each in self.revisions:
            if each.step == step:
                return each.revision
        return f"step {step}"


@dataclass(frozen=True)
class Finding:
    """Something found about one revision.

    Parameters
    ----------
    step
        None for a ref that is not a step of the suite.
    reason
        In words, the same for all revisions that have it in common.
    link
        Where it is reported; empty if it was found in the metadata alone.
    """

    revision: str
    step: int | None
    kind: Kind
    standing: Standing
    reason: str
    link: str = ""

    @property
    def text(self) -> str:
        """The reason and its link."""
        return f"{self.reason} ({self.link})" if self.link else self.reason


def majority(values: Iterable[Value]) -> Value | None:
    """Return the value of more than half of `values`; None if there is none."""
    counts = Counter(values)
    if not counts:
        return None
    value, count = counts.most_common(1)[0]
    return value if 2 * count > counts.total() else None


def listed(names: Iterable[str]) -> str:
    """Return up to three names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
