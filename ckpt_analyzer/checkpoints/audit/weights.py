"""Rules about weights that several revisions share.

In: an audited model. Out: findings. No two steps of a training run have equal weights, so at most
one of several revisions that do is right. Which one, is decided in this order:

1. What a public report names as wrong is wrong; if that leaves one revision, it is the right one.
2. Weights of the last step (of ``main``, where that step is not there) belong to the end of
   training: earlier branches were pushed again with the newest weights, which is how it happened in
   Pythia. All earlier steps are suspect.
3. Nothing tells them apart: all are suspect, since a trend over a wrong point is worse than one
   over a point less.

Steps 0 and 1 may be equal: a warm-up that begins at a learning rate of 0 learns nothing in its
first step. Equal shards are judged like equal weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ckpt_analyzer.checkpoints.audit.records import (
    AuditedModel,
    AuditedRevision,
    Finding,
    Kind,
    Standing,
    listed,
)

_FIRST_TWO = frozenset({0, 1})


def weight_findings(audited: AuditedModel) -> Iterator[Finding]:
    """Yield what is found about weights that revisions share, whole or in part."""
    groups: dict[tuple[str, ...], list[AuditedRevision]] = defaultdict(list)
    carriers: dict[str, list[AuditedRevision]] = defaultdict(list)
    for each in audited.readable:
        groups[each.weight_digests].append(each)
        for digest in set(each.weight_digests):
            carriers[digest].append(each)
    for group in groups.values():
        if len(group) > 1:
            yield from _judged(audited, group, "identical-weights", "the same weights")
    for digest, some in carriers.items():
        if len({each.weight_digests for each in some}) > 1:
            shard = _shard(some[0], digest)
            yield from _judged(audited, some, "shared-shard", f"the same {shard}")


@dataclass(frozen=True)
class _Verdict:
    """What is made of revisions that share something; `suspects` may be none of them."""

    suspects: tuple[AuditedRevision, ...]
    standing: Standing
    reason: str


def _judged(
    audited: AuditedModel, group: list[AuditedRevision], kind: Kind, what: str
) -> Iterator[Finding]:
    verdict = _verdict(audited, group, what)
    for each in verdict.suspects:
        yield Finding(each.revision, each.step, kind, verdict.standing, verdict.reason)


def _verdict(audited: AuditedModel, group: list[AuditedRevision], what: str) -> _Verdict:
    steps = tuple(each for each in group if each.step is not None)
    numbers = frozenset(each.step for each in steps if each.step is not None)
    reported = _reported(audited, is_expected=False)
    innocent = tuple(each for each in steps if each.step not in reported)
    end = _end(audited, group)
    if numbers <= _FIRST_TWO | _reported(audited, is_expected=True):
        reason = f"{_names(group)} hold {what}, as is to be expected before anything is learnt"
        return _Verdict(steps if len(steps) > 1 else (), "expected", reason)
    if len(innocent) == 1 and len(steps) > 1:
        others = tuple(each for each in steps if each not in innocent)
        return _Verdict(others, "suspect", f"holds {what} as {innocent[0].revision}")
    if end is not None:
        others = tuple(each for each in steps if each != end)
        ending = f"holds {what} as {end.revision}, the end of training"
        return _Verdict(others, "suspect", ending)
    if len(steps) == 1:  # shared with main alone, which is then not the end of training
        return _Verdict((), "note", "")
    reason = f"{_names(steps)} hold {what}; which of them is right cannot be told"
    return _Verdict(steps, "suspect", reason)


def _end(audited: AuditedModel, group: list[AuditedRevision]) -> AuditedRevision | None:
    """Return the one of `group` that stands for the end of training."""
    last = audited.model.steps[-1]
    is_last_known = any(each.step == last for each in audited.readable)
    end = last if is_last_known else None  # None: main
    return next((each for each in group if each.step == end), None)


def _reported(audited: AuditedModel, *, is_expected: bool) -> frozenset[int]:
    reports = (bad for bad in audited.known_bad if bad.is_expected == is_expected)
    return frozenset(step for bad in reports for step in bad.steps)


def _names(group: Iterable[AuditedRevision]) -> str:
    return listed(each.revision for each in group)


def _shard(revision: AuditedRevision, digest: str) -> str:
    assert revision.inventory is not None
    inventory = revision.inventory
    return next(name for name in revision.weights if inventory.file(name).digest == digest)
