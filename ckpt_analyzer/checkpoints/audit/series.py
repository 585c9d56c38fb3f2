"""Rules about the series as a whole: its steps, its refs, and what is reported about it.

In: an audited model. Out: findings.
"""

from __future__ import annotations

from collections.abc import Iterator

from ckpt_analyzer.checkpoints.audit.records import AuditedModel, Finding, Standing

_MAIN = "main"


def series_findings(audited: AuditedModel) -> Iterator[Finding]:
    """Yield reports, missing steps, and refs that look like steps and are none of the suite's."""
    yield from _reports(audited)
    if not audited.is_whole:
        return
    read = {each.step for each in audited.revisions}
    for step in audited.model.steps:
        if step not in read:
            revision = audited.model.name_at(step)
            reason = "the suite has this step, its repository does not"
            yield Finding(revision, step, "missing-step", "note", reason)
    own = {audited.model.name_at(step) for step in audited.model.steps} | {_MAIN}
    for ref in sorted(audited.refs - own):
        what = "ref" if audited.model.read(ref) is None else "step"
        reason = f"the repository has this {what}, the suite does not know it"
        yield Finding(ref, None, "unknown-ref", "note", reason)


def _reports(audited: AuditedModel) -> Iterator[Finding]:
    steps = {each.step: each.revision for each in audited.revisions if each.step is not None}
    for bad in audited.known_bad:
        standing: Standing = "expected" if bad.is_expected else "suspect"
        for step in bad.steps:
            if step in steps:
                yield Finding(steps[step], step, "reported", standing, bad.reason, bad.link)
