"""The audit of a model: what its metadata say about its checkpoints, before any download.

In: an ``AuditedModel``. Out: findings. The rules are pure functions: ``weights`` (equal weights,
shared shards), ``files`` (missing, foreign, of another size), ``config`` (contradictions) and
``series`` (reports, missing steps, unknown refs). ``reading`` asks a source for the metadata,
``table`` makes rows of the store's table.
"""

from __future__ import annotations

from ckpt_analyzer.checkpoints.audit.config import config_findings
from ckpt_analyzer.checkpoints.audit.files import file_findings
from ckpt_analyzer.checkpoints.audit.records import AuditedModel, Finding
from ckpt_analyzer.checkpoints.audit.series import series_findings
from ckpt_analyzer.checkpoints.audit.weights import weight_findings

_RULES = (series_findings, weight_findings, file_findings, config_findings)


def audit_model(audited: AuditedModel) -> tuple[Finding, ...]:
    """Return all findings about `audited`, by step, each once."""
    found = dict.fromkeys(finding for rule in _RULES for finding in rule(audited))
    after_all = audited.model.steps[-1] + 1
    return tuple(sorted(found, key=lambda each: after_all if each.step is None else each.step))
