"""What is scored is trusted by its own audit, whoever else writes into the store meanwhile."""

import pytest

from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.sweep.auditing import audit_plan
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep
from ckpt_analyzer.tables import AUDIT
from toy_checkpoint import files, write

STEPS = (100, 200, 300, 400)


@pytest.fixture
def plan(tmp_path):
    """The plan of a run whose step 100 serves the weights of step 400."""
    run = tmp_path / "run"
    for step in STEPS:
        write(run / f"checkpoint-{step}", files(fill=4 if step == 100 else step // 100))
    text = (
        f"name: s\nsuites: [{{path: {run}, tokens_per_step: 10}}]\ntasks: [toy-coin]\n"
        f"store: {tmp_path / 'store'}\n"
    )
    return plan_sweep(parse_sweep(text, "s.yaml"), Overrides())


def suspects(plan):
    return [unit.checkpoint.step for unit in plan.units if unit.suspicion]


def test_a_plan_is_told_what_its_audit_found_and_the_store_keeps_it(plan):
    store = open_store(plan.sweep.store, create=True)
    assert suspects(audit_plan(plan, store, lambda _: None)) == [100]
    assert set(store.audit().query("standing == 'suspect'")["step"]) == {100}


def test_another_run_that_writes_its_audit_over_it_takes_no_suspicion_away(plan, monkeypatch):
    store = open_store(plan.sweep.store, create=True)
    kept = audit_plan(plan, store, lambda _: None)
    monkeypatch.setattr(Store, "audit", lambda _: AUDIT.empty_table().to_pandas())
    assert audit_plan(plan, store, lambda _: None).units == kept.units
    assert suspects(kept) == [100]
