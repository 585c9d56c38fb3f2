from contextlib import nullcontext
from pathlib import Path

import pytest

from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint, RevisionKey
from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.suite import KnownBad, Model, Suite
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.cost import PROCESS_BYTES, STORED_ITEM_BYTES, cost_of
from ckpt_analyzer.sweep.plan import PlannedTask, SourcedSuite, make_plan
from ckpt_analyzer.task import Task, TaskFile

STEPS = (0, 1, 2, 4, 8)


def model(size, arm="base", steps=STEPS, base=None):
    name = f"m-{size}" if arm == "base" else f"m-{size}-{arm}"
    return Model(name, size, f"org/{name}", 10**9, 9 * 10**8, steps, 1000, arm=arm, base_model=base)


SUITE = Suite(
    "m", "M", (model("1b"), model("2b"), model("2b", "instruct", (3, 5), "m-2b")),
    "c", "l", "https://x", "e",
    known_bad=(KnownBad("m-1b", (4,), "serves final weights", "https://x/1"),),
)  # fmt: skip


class Source:
    """Knows every revision except those left out; everything else must not be asked."""

    def __init__(self, without=()):
        self.without = without

    def commits(self, models):
        return {
            RevisionKey(m.name, f"step{s}"): f"{m.name}-{s}"
            for m in models
            for s in m.steps
            if (m.name, s) not in self.without
        }

    def resolve(self, checkpoint):
        return ResolvedCheckpoint(checkpoint, "c", ())

    def fetch(self, resolved):
        return nullcontext(Path())


def task(name, n_items=10, tree_tokens=1000):
    record = Task(name, name, "classification", "d", TaskFile("f", None), n_items)
    return PlannedTask(record, f"sha-{name}", n_items, tree_tokens, 150.0)


TASKS = (task("a"), task("b", 20))


def plan(extra="", *, done=frozenset(), source=None):
    text = f"name: s\nsuites: [pythia]\ntasks: [memo-trap]\nstore: st\n{extra}"
    sweep = parse_sweep(text, "s.yaml")
    sourced = SourcedSuite(SUITE, source or Source(), sweep.suites[0])
    return make_plan(sweep, [sourced], TASKS, done)


def labels(made):
    return [unit.label for unit in made.units]


def test_units_follow_each_other_model_by_model_steps_ascending():
    made = plan("steps: [1, 8]\n")
    assert labels(made) == ["m-1b@step1", "m-1b@step8", "m-2b@step1", "m-2b@step8"]
    assert [cell.task for cell in made.units[0].cells] == ["a", "b"]
    assert made.n_items == 4 * 30


def test_what_is_done_is_not_planned_again_and_a_new_task_alone_is():
    first = plan("sizes: [1b]\n")
    done = {cell for unit in first.units for cell in unit.cells}
    assert plan("sizes: [1b]\n", done=done).units == ()
    assert plan("sizes: [1b]\n", done=done).n_done == len(STEPS)
    without_b = {cell for cell in done if cell.task == "a"}
    left = plan("sizes: [1b]\n", done=without_b)
    assert {cell.task for unit in left.units for cell in unit.cells} == {"b"}
    assert left.n_items == len(STEPS) * 20


@pytest.mark.parametrize("change", ["dtype: bf16\n", "limit: 5\n", "shots: 2\n"])
def test_whatever_changes_a_score_makes_it_another_cell(change):
    done = {cell for unit in plan().units for cell in unit.cells}
    assert len(plan(change, done=done).units) == 2 * len(STEPS)


def test_the_seed_matters_only_where_something_is_drawn():
    done = {cell for unit in plan().units for cell in unit.cells}
    assert plan("seed: 7\n", done=done).units == ()
    drawn = {cell for unit in plan("limit: 5\n").units for cell in unit.cells}
    assert plan("limit: 5\nseed: 7\n", done=drawn).units


def test_every_number_of_shots_is_a_cell_of_its_own():
    made = plan("sizes: [1b]\nsteps: [8]\nshots: [0, 4]\n")
    assert [(cell.task, cell.shots) for cell in made.units[0].cells] == [
        ("a", 0), ("a", 4), ("b", 0), ("b", 4),
    ]  # fmt: skip


def test_a_tuned_arm_keeps_its_own_steps():
    made = plan("sizes: [2b]\nsteps: [1, 8]\narms: [base, instruct]\n")
    assert labels(made)[2:] == ["m-2b-instruct@step3", "m-2b-instruct@step5"]


def test_a_checkpoint_that_the_source_lacks_is_named_and_the_rest_planned():
    made = plan("sizes: [1b]\nsteps: [1, 2]\n", source=Source(without={("m-1b", 2)}))
    assert labels(made) == ["m-1b@step1"]
    assert [checkpoint.label for checkpoint in made.missing] == ["m-1b@step2"]


def test_a_reported_checkpoint_is_planned_with_the_reason():
    made = plan("sizes: [1b]\nsteps: [2, 4]\n")
    assert [bool(unit.suspicion) for unit in made.units] == [False, True]
    assert "https://x/1" in made.units[1].suspicion


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("sizes: [3b]\n", "3b"),
        ("steps: [7]\n", "nearest is 8"),
        ("sizes: [1b]\narms: [dpo]\n", "no model of arm dpo"),
    ],
)
def test_what_does_not_exist_is_an_error_that_says_what_does(extra, expected):
    with pytest.raises(SweepError, match=expected):
        plan(extra)


def test_the_cost_of_a_plan_adds_up():
    cost = cost_of(plan("steps: [1, 8]\ndtype: fp32\n"))
    assert (cost.n_units, cost.n_items) == (4, 120)
    assert cost.download_bytes == 4 * 2 * 10**9
    assert cost.tokens == 4 * 2000
    assert 0.8 * 2e9 * cost.tokens < cost.flops < 2e9 * cost.tokens
    assert PROCESS_BYTES + 4 * 10**9 < cost.memory_bytes < PROCESS_BYTES + 4.4 * 10**9
    assert cost.disk_bytes == 120 * STORED_ITEM_BYTES


def test_each_shot_adds_the_tokens_of_an_item():
    none, four = (cost_of(plan(f"shots: {shots}\n")).tokens for shots in (0, 4))
    n_items = 2 * len(STEPS) * 30
    assert four - none == 4 * n_items * 150


def test_an_empty_plan_costs_nothing():
    done = {cell for unit in plan().units for cell in unit.cells}
    cost = cost_of(plan(done=done))
    assert (cost.n_units, cost.download_bytes, cost.memory_bytes) == (0, 0, 0)
