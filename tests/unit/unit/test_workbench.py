"""One unit of work on real toy checkpoints, and what goes wrong with one of them."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ckpt_analyzer import suites
from ckpt_analyzer.errors import OutOfMemoryError, ScoringError
from ckpt_analyzer.events import CheckpointFetched, ItemsScored, UnitStarted
from ckpt_analyzer.scoring.in_place import InPlaceModel
from ckpt_analyzer.scoring.layered_model import LayeredModel
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.copies import EqualWeights
from ckpt_analyzer.sweep.prepare import Overrides, load_tasks, plan_sweep
from ckpt_analyzer.unit import plan as unit_plan
from ckpt_analyzer.unit import workbench
from ckpt_analyzer.unit.workbench import Settings, Workbench
from command_line import ITEMS

SWEEP = f"""\
name: one
suites: [toy-neox]
sizes: [36k]
steps: [0, 4096]
tasks: ['{ITEMS / "toy-grammar.jsonl"}', toy-coin]
limit: 20
device: cpu
store: STORE
"""


@pytest.fixture
def plan(tmp_path):
    sweep = parse_sweep(SWEEP.replace("STORE", str(tmp_path / "store")), "one.yaml")
    return plan_sweep(sweep, Overrides())


@pytest.fixture
def events():
    return []


@pytest.fixture
def bench(plan, events):
    store = open_store(plan.sweep.store, create=True)
    settings = Settings("fp32", "cpu", "0" * 64, load_tasks(plan.sweep, None))
    return Workbench(settings, store, events.append)


def test_a_unit_is_scored_and_stored_with_what_its_scores_depend_on(plan, bench):
    status = bench.work(plan.units[1])
    assert (status.state, status.n_items) == ("done", 40)
    [manifest] = bench.store.manifests()
    assert (manifest.model, manifest.step, manifest.parameters) == ("toy-neox-36k", 4096, 36_224)
    assert manifest.tokens == 4096 * 888
    assert [(cell.n_items, cell.n_unscored) for cell in manifest.cells] == [(20, 0)] * 2
    assert set(manifest.versions) >= {"torch", "transformers", "ckpt-analyzer"}
    assert {cell.key for cell in manifest.cells} == set(plan.units[1].cells)


def test_events_tell_the_way_of_a_unit(plan, bench, events):
    bench.work(plan.units[0])
    assert isinstance(events[0], UnitStarted)
    assert isinstance(events[1], CheckpointFetched)
    folder = Path(suites.load("toy-neox").root, "toy-neox-36k", "step0")
    assert events[1].n_bytes == (folder / "model.safetensors").stat().st_size
    scored = [event for event in events if isinstance(event, ItemsScored)]
    assert scored[-1].n_items == 40


def test_texts_are_encoded_once_for_all_checkpoints(plan, bench, monkeypatch):
    calls = []
    encode, prepare = unit_plan.encode_fitting, unit_plan.prepare
    monkeypatch.setattr(
        unit_plan, "encode_fitting", lambda *a, **k: calls.append("encode") or encode(*a, **k)
    )
    monkeypatch.setattr(unit_plan, "prepare", lambda *a: calls.append("plan") or prepare(*a))
    for unit in plan.units:
        assert bench.work(unit).state == "done"
    # One encoding per task and one plan for all tasks, not per checkpoint.
    assert calls == ["encode", "encode", "plan"]


OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
]


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_a_model_that_does_not_fit_fails_alone_and_says_what_to_lower(
    plan, bench, monkeypatch, error
):
    monkeypatch.setattr(InPlaceModel, "load", raising(error))
    monkeypatch.setattr(workbench, "open_layered", raising(error))
    status = bench.work(plan.units[0])
    assert status.state == "failed"
    assert "memory ran out" in status.problem
    assert "bf16" in status.problem
    assert bench.store.manifests() == ()


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_where_memory_runs_out_the_model_is_read_layer_by_layer(
    plan, bench, monkeypatch, tmp_path, error
):
    assert bench.work(plan.units[1]).state == "done"
    (expected,) = bench.store.manifests()
    store = open_store(tmp_path / "other", create=True)  # that knows no scores of these weights
    loads = []
    monkeypatch.setattr(InPlaceModel, "load", lambda *_, **__: loads.append(1) or raising(error)())
    again = Workbench(bench.settings, store, bench.listener)
    status = again.work(plan.units[1])
    assert status.state == "done"
    assert any("layer by layer" in warning for warning in status.warnings)
    (found,) = store.manifests()
    assert found.cells == expected.cells
    # What was found once holds for the other checkpoints of the model.
    assert again.work(plan.units[0]).state == "done"
    assert loads == [1]


def test_scoring_that_runs_out_of_memory_goes_on_layer_by_layer(plan, bench, monkeypatch):
    score = workbench.score_plan

    def only_layered(model, *args, **kwargs):
        if not isinstance(model, LayeredModel):
            raise OutOfMemoryError("cpu ran out of memory")
        return score(model, *args, **kwargs)

    monkeypatch.setattr(workbench, "score_plan", only_layered)
    status = bench.work(plan.units[1])
    assert status.state == "done"
    assert any("layer by layer" in warning for warning in status.warnings)


def test_memory_that_runs_out_is_told_where_layers_cannot_be_read(plan, bench, monkeypatch):
    monkeypatch.setattr(workbench, "score_plan", raising(OutOfMemoryError("cpu ran out")))
    monkeypatch.setattr(workbench, "open_layered", raising(ScoringError("no description")))
    status = bench.work(plan.units[1])
    assert (status.state, status.problem) == ("failed", "cpu ran out")


def test_a_checkpoint_that_is_removed_while_it_is_loaded_fails_alone(plan, bench, monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError(2, "No such file or directory", "step0/model.safetensors")

    monkeypatch.setattr(InPlaceModel, "load", fail)
    status = bench.work(plan.units[0])
    assert status.state == "failed"
    assert "step0/model.safetensors vanished" in status.problem


@pytest.mark.parametrize("step", ["copy", "_read_ahead"])
def test_a_unit_that_is_given_up_before_it_is_opened_leaves_nothing_on_its_way(
    plan, bench, monkeypatch, step
):
    def given_up(*_):
        raise ScoringError("took longer than its time")  # --unit-timeout, wherever it strikes

    owner = EqualWeights if step == "copy" else Workbench
    monkeypatch.setattr(owner, step, given_up)
    assert bench.work(plan.units[0]).problem == "took longer than its time"
    assert [each for each in threading.enumerate() if each.name == "ahead"] == []


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_diverged_checkpoint_is_stored_as_not_scored(plan, bench, monkeypatch, value):
    load = InPlaceModel.load

    def diverged(*args, **kwargs):
        model = load(*args, **kwargs)
        with torch.no_grad():
            next(model.parameters()).fill_(float(value))
        return model

    monkeypatch.setattr(InPlaceModel, "load", diverged)
    status = bench.work(plan.units[0])
    assert status.state == "done"
    assert any("could not be scored" in warning for warning in status.warnings)
    assert bench.store.trends(["accuracy"]).empty


def test_a_model_that_exceeds_the_budget_is_scored_layer_by_layer(
    plan, bench, monkeypatch, tmp_path
):
    score, scored = workbench.score_plan, []

    def recorded(model, *args, **kwargs):
        scored.append((type(model).__name__, score(model, *args, **kwargs)))
        return scored[-1][1]

    monkeypatch.setattr(workbench, "score_plan", recorded)
    assert bench.work(plan.units[1]).state == "done"
    monkeypatch.setattr(workbench, "needs_layers", lambda *_, **__: True)
    store = open_store(tmp_path / "other", create=True)  # that knows no scores of these weights
    again = Workbench(bench.settings, store, bench.listener)
    assert again.work(plan.units[1]).state == "done"
    (resident, expected), (layered, found) = scored
    assert (resident, layered) == ("GPTNeoXForCausalLM", "LayeredModel")
    assert all(one.equals(other) for one, other in zip(found, expected, strict=True))


def test_the_budget_of_the_sweep_is_that_of_the_bench(plan, bench, monkeypatch):
    small = replace(bench.settings, memory_budget_bytes=1)
    status = Workbench(small, bench.store, bench.listener).work(plan.units[1])
    assert status.state == "failed"
    assert "memory_budget" in status.problem


def test_models_of_one_name_in_two_suites_are_measured_each(plan, bench, monkeypatch):
    measured = []

    def needs(folder, *args, **kwargs):
        measured.append(folder.name)
        return False

    monkeypatch.setattr(workbench, "needs_layers", needs)
    first, second = plan.units
    of_another = replace(second, checkpoint=replace(second.checkpoint, suite="another"))
    assert [bench.work(unit).state for unit in (first, of_another)] == ["done", "done"]
    assert measured == [first.checkpoint.revision, second.checkpoint.revision]
