import pytest

from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.memory import (
    check_memory,
    layered_models,
    machine_bytes,
    needs_disk,
    spool_bytes,
    too_large,
)
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep

TEXT = """\
name: t
suites: [toy-neox]
steps: [8]
tasks: [toy-grammar]
store: {store}
"""


@pytest.fixture
def plan(tmp_path):
    def planned(line=""):
        return plan_sweep(parse_sweep(TEXT.format(store=tmp_path) + line, "x"), Overrides())

    return planned


def test_a_model_over_the_budget_is_refused_with_what_to_do(plan):
    with pytest.raises(SweepError, match=r"toy-neox-122k needs about .* at fp32") as caught:
        check_memory(plan("memory_budget: 1MiB"))
    assert "x:6, key memory_budget" in str(caught.value)
    assert "toy-neox-36k" in caught.value.hint


def test_a_budget_that_is_large_enough_lets_all_pass(plan):
    check_memory(plan("memory_budget: 1TiB"))
    check_memory(plan())


def test_the_models_that_do_not_fit_come_largest_first(plan):
    names = [each.model for each in too_large(plan(), allowed=1)]
    assert names == ["toy-neox-122k", "toy-neox-73k", "toy-neox-36k"]


def test_auto_allows_the_memory_of_the_machine(plan, monkeypatch):
    assert machine_bytes() > 2**20
    monkeypatch.setattr("ckpt_analyzer.sweep.memory.machine_bytes", lambda: 2**20)
    with pytest.raises(SweepError, match="this machine has"):
        check_memory(plan())
    check_memory(plan("device: cuda"))


def test_models_that_may_not_fit_are_to_lie_on_disk(plan):
    roomy, tight = plan("memory_budget: 1TiB"), plan("memory_budget: 1MiB")
    for unit in roomy.units:
        assert not needs_disk(unit.checkpoint.model, roomy.sweep)
        assert needs_disk(unit.checkpoint.model, tight.sweep)
    assert layered_models(roomy) == ()
    assert len(layered_models(tight)) == 3


def test_weights_in_a_folder_take_no_more_disk(plan):
    assert spool_bytes(plan("memory_budget: 1MiB")) == 0
