"""Rules about the files of a revision, beside those of the rest of its series.

In: an audited model. Out: findings. A revision from which no model can be loaded is suspect; one
whose files merely differ from the majority's is noted, except for weights of another size.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator

from ckpt_analyzer.checkpoints.audit.records import (
    AuditedModel,
    AuditedRevision,
    Finding,
    Kind,
    Standing,
    listed,
)
from ckpt_analyzer.checkpoints.weight_files import COMPANIONS

#: Weights of one architecture in one format differ by their header and by what it is padded with.
_TOLERANCE = 0.01
#: Ratios of the sizes of weights in two dtypes: 8, 16 and 32 bits.
_DTYPE_RATIOS = (0.25, 0.5, 2.0, 4.0)
_HOLDS_WEIGHTS_OR_CODE = (
    ".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".ckpt", ".gguf", ".py",
)  # fmt: skip


def file_findings(audited: AuditedModel) -> Iterator[Finding]:
    """Yield what is found about missing and foreign files and about the size of weights."""
    read = [each for each in audited.revisions if each.step is not None]
    usual = _usual_names(read)
    for each in read:
        if each.inventory is None:
            yield _finding(each, "unreadable", "note", each.problem)
            continue
        if each.problem:
            yield _finding(each, "missing-file", "suspect", each.problem)
        names = _telling(each)
        if missing := sorted((usual - names) & COMPANIONS):
            reason = f"lacks {listed(missing)}, which most revisions have"
            yield _finding(each, "missing-file", "note", reason)
        if foreign := sorted(names - usual):
            reason = f"has {listed(foreign)}, which most revisions do not have"
            yield _finding(each, "foreign-file", "note", reason)
    yield from _size_findings(audited)


def _size_findings(audited: AuditedModel) -> Iterator[Finding]:
    sizes = {each: _weight_bytes(each) for each in audited.readable if each.step is not None}
    if len(sizes) < 3:  # of two, neither is the odd one
        return
    usual = statistics.median(sizes.values())
    for each, size in sizes.items():
        if _near(size, usual):
            continue
        is_dtype = any(_near(size, usual * ratio) for ratio in _DTYPE_RATIOS)
        reason = f"its weights have {size:,} bytes, those of most revisions {usual:,.0f}"
        yield _finding(each, "weight-size", "note" if is_dtype else "suspect", reason)


def _usual_names(read: list[AuditedRevision]) -> frozenset[str]:
    with_files = [each for each in read if each.inventory is not None]
    counts = Counter(name for each in with_files for name in _telling(each))
    return frozenset(name for name, count in counts.items() if 2 * count > len(with_files))


def _telling(revision: AuditedRevision) -> frozenset[str]:
    """Return the files of a revision that say something about it: no texts, no pictures."""
    assert revision.inventory is not None
    return frozenset(
        name
        for name in revision.inventory.names
        if name in COMPANIONS or name.endswith(_HOLDS_WEIGHTS_OR_CODE)
    )


def _weight_bytes(revision: AuditedRevision) -> int:
    assert revision.inventory is not None
    return sum(revision.inventory.file(name).size_bytes for name in revision.weights)


def _near(size: float, other: float) -> bool:
    return abs(size - other) <= _TOLERANCE * other


def _finding(each: AuditedRevision, kind: Kind, standing: Standing, reason: str) -> Finding:
    return Finding(each.revision, each.step, kind, standing, reason)
