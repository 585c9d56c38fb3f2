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
    """What is made of revisions that share something.

    `suspects` may be none of them; `right` is the one to which it belongs, None if that is not
    known.
    """

    suspects: tuple[AuditedRevision, ...]
    standing: Standing = "suspect"
    reason: str = ""
    right: AuditedRevision | None = None


def _judged(
    audited: AuditedModel, group: list[AuditedRevision], kind: Kind, what: str
) -> Iterator[Finding]:
    verdict = _verdict(audited, group, what)
    whole = verdict.right.weight_digests if verdict.right else None
    for each in verdict.suspects:
        if kind == "shared-shard" and each.weight_digests == whole:
            continue  # told already: all its shards are
        yield Finding(each.revision, each.step, kind, verdict.standing, verdict.reason)


def _verdict(audited: AuditedModel, group: list[AuditedRevision], what: str) -> _Verdict:
    steps = tuple(each for each in group if each.step is not None)
    numbers = frozenset(each.step for each in steps if each.step is not None)
    end = _end(audited, group)
    is_main_the_end = end is not None and end.step is None
    if not is_main_the_end and len(steps) > 1:
        if any(numbers <= set(bad.steps) for bad in audited.known_bad if bad.is_expected):
            return _Verdict(())  # the report says it, with its link
        if numbers == _FIRST_TWO:
            reason = f"{_names(steps)} hold {what}, as may be before anything is learnt"
            return _Verdict(steps, "expected", reason)
    reported = {s for bad in audited.known_bad if not bad.is_expected for s in bad.steps}
    innocent = tuple(each for each in steps if each.step not in reported)
    if len(innocent) == 1 and len(steps) > 1:
        return _one_right(steps, innocent[0], f"holds {what} as {innocent[0].revision}")
    if end is not None:
        return _one_right(steps, end, f"holds {what} as {end.revision}, the end of training")
    if len(steps) == 1:  # shared with main alone, which is then not the end of training
        return _Verdict(())
    reason = f"{_names(steps)} hold {what}; which of them is right cannot be told"
    return _Verdict(steps, reason=reason)


def _one_right(steps: tuple[AuditedRevision, ...], right: AuditedRevision, reason: str) -> _Verdict:
    others = tuple(each for each in steps if each != right)
    return _Verdict(others, reason=reason, right=right)


def _end(audited: AuditedModel, group: list[AuditedRevision]) -> AuditedRevision | None:
    """Return the one of `group` that stands for the end of training."""
    last = audited.model.steps[-1]
    is_last_known = any(each.step == last for each in audited.readable)
    end = last if is_last_known else None  # None: main
    return next((each for each in group if each.step == end), None)


def _names(group: Iterable[AuditedRevision]) -> str:
    return listed(each.revision for each in group)


def _shard(revision: AuditedRevision, digest: str) -> str:
    assert revision.inventory is not None
    inventory = revision.inventory
    return next(name for name in revision.weights if inventory.file(name).digest == digest)
