from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ckpt_analyzer.cli import app
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.stats.next_steps import Search
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.suites import load
from ckpt_analyzer.sweep.adaptive import Rounds, one_metric_each
from ckpt_analyzer.sweep.config import AdaptiveSearch, parse_sweep
from ckpt_analyzer.sweep.execute import RunSummary, execute, run_rounds
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep
from ckpt_analyzer.sweep.wanted import wanted_by_store

PYTHIA = load("pythia")
MODEL = PYTHIA.model("410m")
TEXT = """\
name: t
suites: [toy-neox]
sizes: [36k]
steps: adaptive
adaptive: {{start: 4, per_round: 2, budget: 7, width_decades: 0.01}}
tasks: [toy-grammar]
limit: 10
device: cpu
store: {store}
"""


def trends(steps, value_of, *, task="neqa", metric="accuracy", model=MODEL):
    """TRENDS of one imported series."""
    steps = np.asarray(steps)
    tokens = steps * model.tokens_per_step
    return pd.DataFrame(
        {
            "suite": "pythia", "model": model.name, "size": model.size, "arm": "base",
            "base_model": None, "parameters": model.parameters,
            "non_embedding_parameters": model.non_embedding_parameters, "task": task, "shots": 0,
            "prompt_format": "raw", "dtype": "fp32", "metric": metric, "step": steps,
            "tokens": tokens, "arm_tokens": tokens, "flops": 6.0 * model.parameters * tokens,
            "value": value_of(np.log10(tokens)), "stderr": 0.003, "n_items": 3000,
            "n_unscored": 0, "chance": 0.5, "constant_label": None, "has_items": False,
            "suspect": None,
        }
    )  # fmt: skip


def u(x):
    return 0.3 + 0.15 * np.abs(x - 10.6)


def run(store, *, dry=False):
    sweep = parse_sweep(TEXT.format(store=store), "x")
    rounds = []

    def one(plan):
        rounds.append([unit.checkpoint.step for unit in plan.units])
        return execute(plan, listener=lambda event: None)

    summary = run_rounds(
        plan_sweep(sweep, Overrides()), run=one, plan_again=lambda: plan_sweep(sweep, Overrides())
    )
    return summary, rounds


def test_an_adaptive_sweep_goes_round_by_round_to_its_budget_and_resumes_there(tmp_path):
    summary, rounds = run(tmp_path / "store")
    assert len(rounds[0]) == 4
    assert all(len(steps) <= 2 for steps in rounds[1:])
    assert summary.n_done == len(open_store(tmp_path / "store").manifests()) <= 7
    assert len(rounds) > 1
    again, repeated = run(tmp_path / "store")
    assert (again.n_done, repeated) == (0, [[]])


def test_a_search_that_was_cut_off_ends_at_the_same_steps(tmp_path):
    whole, _ = run(tmp_path / "whole")
    sweep = parse_sweep(TEXT.format(store=tmp_path / "cut"), "x")
    execute(plan_sweep(sweep, Overrides()), listener=lambda event: None)  # the first round alone
    rest, rounds = run(tmp_path / "cut")
    assert rest.n_done == whole.n_done - 4
    steps = [
        sorted(m.step for m in open_store(tmp_path / name).manifests()) for name in ("whole", "cut")
    ]
    assert steps[0] == steps[1]
    assert len(rounds[0]) <= 2


def test_a_round_with_failures_is_the_last(tmp_path):
    plan = plan_sweep(parse_sweep(TEXT.format(store=tmp_path / "s"), "x"), Overrides())
    calls = []

    def failing(plan):
        calls.append(plan)
        return RunSummary(0, ("a unit",))

    summary = run_rounds(plan, run=failing, plan_again=lambda: pytest.fail("planned again"))
    assert (len(calls), summary.failed) == (1, ("a unit",))


def test_the_first_round_is_log_spaced_and_later_ones_look_where_it_turns():
    empty = trends([], u)
    first = Rounds(empty, Search()).steps("pythia", MODEL, MODEL.steps)
    assert len(first) == 8
    assert first[-1] == 143_000
    second = Rounds(trends(first, u), Search()).steps("pythia", MODEL, MODEL.steps)
    new = sorted(set(second) - set(first))
    assert set(first) < set(second)
    near = [step for step in new if abs(np.log10(step * MODEL.tokens_per_step) - 10.6) < 0.5]
    assert len(near) >= 2


def test_a_step_counts_when_every_task_has_it():
    both = pd.concat([trends([1000, 2000, 3000], u), trends([1000, 3000], u, task="sig-figs")])
    assert Rounds(both, Search()).scored("pythia", MODEL) == (1000, 3000)


def test_a_model_of_one_published_state_is_taken_whole():
    tuned = next(m for m in load("olmo2").models if not m.tokens_per_step)
    assert Rounds(trends([], u), Search()).steps("olmo2", tuned, tuned.steps) == tuned.steps


def test_each_task_counts_once_by_the_first_metric_that_it_has():
    table = pd.concat(
        [
            trends([1000], u, metric="accuracy"),
            trends([1000], u, metric="mc1"),
            trends([1000], u, task="prompt-injection", metric="sequence_loss"),
        ]
    )
    kept = one_metric_each(table, ("mc2", "accuracy"))
    assert sorted(kept["metric"]) == ["accuracy", "sequence_loss"]


def test_the_defaults_of_a_sweep_are_those_of_the_search():
    defaults = AdaptiveSearch().model_dump()
    assert defaults == {name: getattr(Search(), name) for name in defaults}


def test_a_store_of_imports_says_what_to_score_next(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.add_import(trends([1, 8, 64, 512, 3000, 9000, 26000, 143000], u), "made up")
    wanted = wanted_by_store(store)
    assert {each.model.name for each in wanted} == {MODEL.name}
    assert any("neqa may turn here (U)" in each.proposal.reason for each in wanted)
    result = CliRunner().invoke(app, ["plan", str(store.path), "--flips", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [row["step"] for row in rows] == [each.proposal.step for each in wanted]
    assert rows[0]["tokens"] == rows[0]["step"] * MODEL.tokens_per_step


def test_a_sweep_says_what_to_score_next(tmp_path):
    run(tmp_path / "store")
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.format(store=tmp_path / "store"))
    result = CliRunner().invoke(app, ["plan", str(path), "--flips", "--json"])
    assert result.exit_code == 0
    scored = {m.step for m in open_store(tmp_path / "store").manifests()}
    assert not scored & {row["step"] for row in json.loads(result.stdout)}


def test_a_store_of_unknown_suites_asks_for_the_sweep(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.add_import(trends([1000, 2000], u).assign(suite="mine"), "made up")
    with pytest.raises(StoreError, match="which steps exist"):
        wanted_by_store(store)
