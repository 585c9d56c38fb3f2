"""Findings as rows of the store's table.

In: an audited model. Out: rows of ``tables.AUDIT``: one per finding, and one for every checkpoint
without any.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ckpt_analyzer.checkpoints.audit import audit_model
from ckpt_analyzer.checkpoints.audit.records import AuditedModel, AuditedRevision, Finding
from ckpt_analyzer.checkpoints.source import digest_of_weights
from ckpt_analyzer.tables import AUDIT


def audit_table(audited: AuditedModel) -> pd.DataFrame:
    """Return the rows of ``tables.AUDIT`` about `audited`, those of a step next to each other."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    findings = audit_model(audited)
    rows = list(_rows(audited, findings))
    frame = pd.DataFrame(rows, columns=[name for name in AUDIT.names if name != "audited"])
    frame = frame.assign(audited=now).astype({"step": "Int64"})
    return frame.sort_values("step", kind="stable", na_position="last", ignore_index=True)


def _rows(audited: AuditedModel, findings: tuple[Finding, ...]) -> Iterator[dict[str, Any]]:
    read = {each.revision: each for each in audited.revisions}
    for finding in findings:
        yield _facts(audited, finding.revision, finding.step, read.get(finding.revision)) | {
            "standing": finding.standing,
            "finding": finding.kind,
            "reason": finding.reason,
            "link": finding.link or None,
        }
    told = {finding.revision for finding in findings}
    for each in audited.revisions:
        if each.step is not None and each.revision not in told:
            yield _facts(audited, each.revision, each.step, each) | {"standing": "sound"}


def _facts(
    audited: AuditedModel, revision: str, step: int | None, read: AuditedRevision | None
) -> dict[str, Any]:
    inventory = read.inventory if read is not None else None
    return {
        "suite": audited.suite,
        "model": audited.model.name,
        "arm": audited.model.arm,
        "revision": revision,
        "step": step,
        "commit": None if inventory is None else inventory.commit,
        "weights_sha256": None if read is None else _weights_sha256(read),
        "finding": None,
        "reason": None,
        "link": None,
    }


def _weights_sha256(revision: AuditedRevision) -> str | None:
    """Return the digest that ``ResolvedCheckpoint.weights_sha256`` has; None if not known yet."""
    if revision.inventory is None or not revision.weights:
        return None
    files = [revision.inventory.file(name) for name in revision.weights]
    if any(file.sha256 is None for file in files):
        return None
    return digest_of_weights((file.name, str(file.sha256)) for file in files)
