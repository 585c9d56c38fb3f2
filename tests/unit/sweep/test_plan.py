from contextlib import nullcontext
from dataclasses import replace
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


def two_suites(first, second):
    text = "name: s\nsuites: [{path: a/run}, {path: b/run}]\ntasks: [memo-trap]\nstore: st\n"
    sweep = parse_sweep(text, "s.yaml")
    pairs = zip((first, second), sweep.suites, strict=True)
    return make_plan(sweep, [SourcedSuite(s, Source(), entry) for s, entry in pairs], TASKS, set())


def test_a_suite_that_is_named_twice_is_planned_once():
    suite = replace(SUITE, root="/a/run")
    assert labels(two_suites(suite, suite)) == labels(plan())


@pytest.mark.parametrize("steps", [STEPS, (3, 5)], ids=["equal steps", "other steps"])
def test_two_runs_of_one_name_are_refused_as_no_curve_could_tell_them_apart(steps):
    other = replace(SUITE, root="/b/run", models=(model("1b", steps=steps),))
    with pytest.raises(SweepError, match="two runs are called m-1b of m") as caught:
        two_suites(replace(SUITE, root="/a/run"), other)
    assert caught.value.where == "s.yaml:2, key suites[1].path"
    assert "rename" in caught.value.hint


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


def formats(made):
    return {(u.checkpoint.model.arm, cell.prompt_format) for u in made.units for cell in u.cells}


BOTH = "sizes: [2b]\narms: [base, instruct]\n"


def test_the_chat_format_is_for_tuned_arms_unless_the_entry_of_a_suite_says_otherwise():
    assert formats(plan(BOTH)) == {("base", "raw"), ("instruct", "raw")}
    assert formats(plan(BOTH + "prompt_format: chat\n")) == {("base", "raw"), ("instruct", "chat")}
    assert formats(plan(BOTH + "prompt_format: [raw, chat]\n")) == {
        ("base", "raw"), ("instruct", "raw"), ("instruct", "chat"),
    }  # fmt: skip
    own = "suites: [{suite: pythia, prompt_format: chat}]\n"
    text = f"name: s\ntasks: [memo-trap]\nstore: st\n{own}{BOTH}"
    sweep = parse_sweep(text, "s.yaml")
    made = make_plan(sweep, [SourcedSuite(SUITE, Source(), sweep.suites[0])], TASKS, frozenset())
    assert formats(made) == {("base", "chat"), ("instruct", "chat")}


def test_a_chat_format_that_would_apply_to_nothing_is_refused():
    with pytest.raises(SweepError, match="only base models are selected") as caught:
        plan("prompt_format: chat\n")
    assert "s.yaml:5, key prompt_format" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shots: 2\n", "shots: 2\nfew_shot: {separator: '--'}\n"),
        ("shots: 2\n", "shots: 2\nfew_shot: {answer_separator: ' '}\n"),
        ("shots: 2\n", "shots: 2\nfew_shot: {seed: 9}\n"),
        (BOTH + "prompt_format: chat\n",
         BOTH + "prompt_format: chat\nchat: {answer_prefix: none}\n"),
    ],
)  # fmt: skip
def test_how_prompts_are_made_is_part_of_the_address(one, other):
    cells, others = ({c for u in plan(text).units for c in u.cells} for text in (one, other))
    assert {c for c in cells if c.shots or c.prompt_format == "chat"}.isdisjoint(others)


def test_rules_that_a_prompt_does_not_use_are_no_part_of_its_address():
    done = {cell for unit in plan().units for cell in unit.cells}
    assert all(cell.prompt_rules == "" for cell in done)
    changed = "few_shot: {separator: x, seed: 3}\nchat: {answer_prefix: none}\n"
    assert plan(changed, done=done).units == ()


def test_of_a_run_at_work_only_listed_steps_that_are_there_are_planned():
    text = "name: s\nsuites: [pythia]\ntasks: [memo-trap]\nstore: st\nsizes: [1b]\n"
    for steps, expected in (("[1, 7, 8]", [1, 8]), ("1:9:1", [1, 2, 4, 8]), ("all", list(STEPS))):
        sweep = parse_sweep(f"{text}steps: {steps}\n", "s.yaml")
        sourced = [SourcedSuite(SUITE, Source(), sweep.suites[0])]
        made = make_plan(sweep, sourced, TASKS, frozenset(), is_growing=True)
        assert [unit.checkpoint.step for unit in made.units] == expected
