"""Rules about the series as a whole: its steps, its refs, and what is reported about it.

In: an audited model. Out: findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ckpt_analyzer.checkpoints.audit.records import AuditedModel, Finding, Standing
from ckpt_analyzer.suite import Model

_MAIN = "main"


def series_findings(audited: AuditedModel) -> Iterator[Finding]:
    """Yield reports, missing steps, and refs that look like steps and are none of the suite's."""
    yield from _reports(audited)
    if not audited.is_whole:
        return
    read = {each.step for each in audited.revisions}
    for step in audited.model.steps:
        if step not in read:
            revision = revision_of(audited.model, step)
            reason = "the suite has this step, its repository does not"
            yield Finding(revision, step, "missing-step", "note", reason)
    own = {revision_of(audited.model, step) for step in audited.model.steps} | {_MAIN}
    for ref in sorted(audited.refs - own):
        what = "step" if _looks_like_a_step(audited.model, ref) else "ref"
        reason = f"the repository has this {what}, the suite does not know it"
        yield Finding(ref, None, "unknown-ref", "note", reason)


def revision_of(model: Model, step: int) -> str:
    """Return the revision of `model` at `step`."""
    arm_tokens = step * model.tokens_per_step
    return model.revision.format(step=step, tokens_b=-(-arm_tokens // 10**9))


def _reports(audited: AuditedModel) -> Iterator[Finding]:
    steps = {each.step: each.revision for each in audited.revisions if each.step is not None}
    for bad in audited.known_bad:
        standing: Standing = "expected" if bad.is_expected else "suspect"
        for step in bad.steps:
            if step in steps:
                yield Finding(steps[step], step, "reported", standing, bad.reason, bad.link)


def _looks_like_a_step(model: Model, ref: str) -> bool:
    """Return whether `ref` is named in the pattern of the model's revisions."""
    literals = re.split(r"\{[^}]*\}", model.revision)
    return re.fullmatch(r"\d+".join(map(re.escape, literals)), ref) is not None
