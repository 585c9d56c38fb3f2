"""The audit of what a plan is about to score.

In: a plan and its store. Out: the plan with what the metadata say of its checkpoints, which is
written into the store as well. Asks for nothing that scoring would not ask for: the metadata of a
commit are kept by the source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ckpt_analyzer.checkpoints.audit.reading import Question, read_model
from ckpt_analyzer.checkpoints.audit.table import audit_table
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.events import Listener, ModelAudited
from ckpt_analyzer.store.audits import AuditedCommit, suspects
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.sweep.plan import Plan, Unit


def audit_plan(plan: Plan, store: Store, listener: Listener) -> Plan:
    """Audit the checkpoints of `plan`, keep the findings in `store`, return the plan with them.

    A repository that cannot be read is told to the listener: its units fail by themselves.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    found: dict[AuditedCommit, str | None] = {}
    for asked in _questions(plan):
        model = asked.question.model.name
        try:
            audited = read_model(asked.question, asked.steps)
        except CheckpointError as error:
            listener(ModelAudited(model, 0, 0, problem=str(error)))
            continue
        rows = audit_table(audited)
        store.renew_audit(rows, is_whole=audited.is_whole)
        found |= suspects(rows)
        suspect = rows[(rows["standing"] == "suspect") & rows["step"].isin(asked.steps)]
        listener(ModelAudited(model, len(asked.steps), int(suspect["step"].nunique())))
    return with_audit(plan, store, found)


def with_audit(
    plan: Plan, store: Store, found: Mapping[AuditedCommit, str | None] | None = None
) -> Plan:
    """Return `plan` with what the audit in `store` says of its checkpoints, if there is one.

    Parameters
    ----------
    found
        What was found just now: a run beside this one may have written its audit over it.
    """
    audit = store.audit()
    why = {**suspects(audit)}
    why |= {key: reason for key, reason in (found or {}).items() if why.get(key) is None}
    units = tuple(
        replace(unit, suspicion=why.get(_key(unit), unit.suspicion)) for unit in plan.units
    )
    read = audit[audit["commit"].notna() & audit["weights_sha256"].notna()]
    # One commit may hold several checkpoints, in folders.
    keys = zip(read["commit"], read["revision"], strict=True)
    weights = dict(zip(keys, read["weights_sha256"], strict=True))
    planned = Counter(weights[key] for unit in units if (key := _revision(unit)) in weights)
    stored = {unit.weights_sha256 for unit in store.listing().manifests}
    n_equal = sum(n if sha256 in stored else n - 1 for sha256, n in planned.items())
    return replace(plan, units=units, n_equal=n_equal)


@dataclass(frozen=True)
class _Asked:
    question: Question
    steps: frozenset[int]


def _questions(plan: Plan) -> Iterator[_Asked]:
    """Yield each model that has units in the plan, once, with the steps of these."""
    told: set[tuple[str, str]] = set()
    for listed in plan.listed:
        suite = listed.sourced.suite
        for model in listed.models:
            checkpoints = [u.checkpoint for u in plan.units if u.checkpoint.model == model]
            name = suite.name_of(model)
            steps = frozenset(c.step for c in checkpoints if c.suite == name)
            if steps and (name, model.name) not in told:
                told.add((name, model.name))
                question = Question(suite, model, listed.sourced.source, listed.commits)
                yield _Asked(question, steps)


def _key(unit: Unit) -> AuditedCommit:
    checkpoint = unit.checkpoint
    return AuditedCommit(checkpoint.suite, checkpoint.model.name, checkpoint.step, _commit(unit))


def _commit(unit: Unit) -> str:
    return unit.cells[0].commit


def _revision(unit: Unit) -> tuple[str, str]:
    return _commit(unit), unit.checkpoint.revision
