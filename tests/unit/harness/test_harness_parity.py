"""Scores of the harness's tasks are those of its own hf backend."""

from __future__ import annotations

import math

import pytest

from harness_tasks import TASKS
from required import required

lm_eval = required("lm_eval")

from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep

NATS = 1e-4


@pytest.fixture(scope="module")
def theirs(task_folder, checkpoint_folder):
    """What the harness itself gives with its hf backend."""
    return evaluate("hf", task_folder, checkpoint_folder, dtype="float32")


def evaluate(model, task_folder, folder, shots=0, tasks=tuple(TASKS), **args):
    return lm_eval.simple_evaluate(
        model=model,
        model_args={"pretrained": str(folder), **args},
        tasks=list(tasks),
        task_manager=lm_eval.tasks.TaskManager(
            include_path=str(task_folder), include_defaults=False
        ),
        num_fewshot=shots,
        fewshot_random_seed=0,
        batch_size=1,
        device="cpu",
        bootstrap_iters=0,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory, task_folder, checkpoint_folder):
    """What a sweep over the same tasks stored."""
    return swept(tmp_path_factory.mktemp("store"), task_folder, checkpoint_folder)


def swept(place, task_folder, checkpoint_folder, shots=0, tasks=tuple(TASKS)):
    text = f"""
name: parity
suites: [{{path: "{checkpoint_folder.parents[1]}", tokens_per_step: 1000}}]
tasks: [{", ".join(f"lm_eval:{name}" for name in tasks)}]
lm_eval_include: "{task_folder}"
shots: {shots}
store: "{place}"
"""
    plan = plan_sweep(parse_sweep(text, "parity.yaml"), Overrides())
    summary = execute(plan, listener=lambda _: None)
    assert (summary.n_done, summary.failed) == (1, ())
    return open_store(place)


def rows_of(store, task):
    (unit,) = store.manifests()
    return [row for row in store.read_unit(unit).to_pylist() if row["task"] == task]


def means(store):
    trends = store.trends()
    return dict(
        zip(zip(trends["task"], trends["metric"], strict=True), trends["value"], strict=True)
    )


@pytest.mark.parametrize("task", TASKS)
def test_loglikelihoods_and_decisions_are_those_of_the_hf_backend(task, theirs, store):
    samples = {str(each["doc_id"]): each for each in theirs["samples"][task]}
    rows = rows_of(store, task)
    assert len(rows) == len(samples) == len(TASKS[task][0])
    for row in rows:
        asked = samples[row["item_id"]]["filtered_resps"]
        assert row["loglikelihood_nats"] == pytest.approx([ll for ll, _ in asked], abs=NATS)
        assert row["is_greedy"] == [greedy for _, greedy in asked]


@pytest.mark.parametrize(
    ("task", "ours", "name"),
    [
        ("toy_plain", "accuracy", "acc"),
        ("toy_norm", "accuracy", "acc"),
        ("toy_norm", "accuracy_per_char", "acc_norm"),
        ("toy_long", "accuracy", "acc"),
        ("toy_long", "accuracy_per_char", "acc_norm"),
        ("toy_long", "accuracy_per_byte", "acc_bytes"),
        ("toy_mutual", "accuracy", "acc"),
        ("toy_mutual", "accuracy_per_char", "acc_norm"),
        ("toy_mutual", "acc_mutual_info", "acc_mutual_info"),
        ("toy_mc2", "mc2", "mc2"),
        ("toy_blank", "accuracy", "acc"),
        ("toy_last_word", "accuracy", "acc"),
        ("toy_several", "accuracy", "acc"),
    ],
)
def test_values_are_those_of_the_harness(task, ours, name, theirs, store):
    assert means(store)[task, ours] == pytest.approx(
        theirs["results"][task][f"{name},none"], rel=NATS
    )


def test_perplexity_is_the_exponential_of_our_sequence_loss(theirs, store):
    loss = means(store)["toy_last_word", "sequence_loss"]
    assert math.exp(loss) == pytest.approx(
        theirs["results"]["toy_last_word"]["perplexity,none"], rel=NATS
    )


def test_examples_are_those_that_the_harness_draws(tmp_path, task_folder, checkpoint_folder):
    # The harness itself cannot show examples that have several right answers.
    tasks = [name for name in TASKS if name != "toy_several"]
    theirs = evaluate("hf", task_folder, checkpoint_folder, 2, tasks, dtype="float32")
    store = swept(tmp_path, task_folder, checkpoint_folder, 2, tasks)
    for task in tasks:
        samples = {str(each["doc_id"]): each for each in theirs["samples"][task]}
        for row in rows_of(store, task):
            asked = samples[row["item_id"]]["filtered_resps"]
            assert row["loglikelihood_nats"] == pytest.approx([ll for ll, _ in asked], abs=NATS)
            assert row["shots"] == 2


def test_the_harness_gives_the_same_values_with_our_core(theirs, task_folder, checkpoint_folder):
    import ckpt_analyzer.harness.model  # noqa: F401  (registers the model)

    ours = evaluate("ckpt_analyzer", task_folder, checkpoint_folder, dtype="float32")
    for task in TASKS:
        wanted = {k: v for k, v in theirs["results"][task].items() if isinstance(v, float)}
        assert wanted
        assert {k: ours["results"][task][k] for k in wanted} == pytest.approx(wanted, rel=NATS)
        for one, other in zip(ours["samples"][task], theirs["samples"][task], strict=True):
            mine, hf = one["filtered_resps"], other["filtered_resps"]
            assert [ll for ll, _ in mine] == pytest.approx([ll for ll, _ in hf], abs=NATS)
            assert [greedy for _, greedy in mine] == [greedy for _, greedy in hf]
