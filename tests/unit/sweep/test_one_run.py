"""Two training runs in folders of one name never become one curve."""

import shutil
from pathlib import Path

import pytest

from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.from_place import Choices, sweep_of_place
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep
from hub_server import HubServer

DEMO = Path(__file__).parents[3] / "ckpt_analyzer" / "demo" / "suite"
CHOICES = Choices(tasks=("toy-coin",), limit=3, tokens_per_step=1)


def make_run(folder, model, steps):
    for step in steps:
        shutil.copytree(DEMO / model / f"step{step}", folder / f"step{step}")


@pytest.fixture
def two_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(Path("a/checkpoints"), "toy-neox-36k", [8, 16])
    make_run(Path("b/checkpoints"), "toy-neox-36k-instruct", [8])
    return tmp_path


def planned(place, store=None, endpoint=None):
    overrides = Overrides(store=store, endpoint=endpoint)
    return plan_sweep(sweep_of_place(Path(place), CHOICES), overrides)


def score(place, store=None):
    return execute(planned(place, store), listener=lambda event: None).n_done


def test_another_run_of_the_name_is_refused_with_the_store_to_give_it(two_runs):
    assert score("a/checkpoints") == 2
    with pytest.raises(SweepError, match="two runs are called checkpoints") as caught:
        planned("b/checkpoints")
    assert str(two_runs / "a/checkpoints") in caught.value.problem
    assert "--store stores/b-checkpoints" in caught.value.hint
    assert score("b/checkpoints", Path("stores/b-checkpoints")) == 1
    assert planned("a/checkpoints").n_done == 2


def test_a_store_that_is_given_mixes_no_weights_either(two_runs):
    store = two_runs / "mine"
    score("a/checkpoints", store)
    with pytest.raises(SweepError, match="other weights at step 8"):
        planned("b/checkpoints", store)
    assert {unit.revision for unit in open_store(store).manifests()} == {"step8", "step16"}


def test_a_sweep_file_whose_path_was_edited_is_another_run(two_runs):
    text = sweep_of_place(Path("a/checkpoints"), CHOICES).text
    execute(plan_sweep(parse_sweep(text, "x.yaml"), Overrides()), listener=lambda event: None)
    with pytest.raises(SweepError, match="two runs are called checkpoints") as caught:
        plan_sweep(parse_sweep(text.replace("a/check", "b/check"), "x.yaml"), Overrides())
    assert caught.value.where == "x.yaml:3, key suites[0].path"


def test_a_run_goes_on_under_every_name_of_its_folder(two_runs):
    score("a/checkpoints")
    make_run(Path("more"), "toy-neox-36k", [32])
    shutil.move("more/step32", "a/checkpoints/step32")
    assert len(planned(two_runs / "b/../a/checkpoints").units) == 1
    assert score("./a/checkpoints") == 1


@pytest.mark.parametrize("store", [None, Path("stores/checkpoints")])
@pytest.mark.parametrize("bring", [shutil.move, shutil.copytree])
def test_a_run_that_moved_is_known_by_its_weights(two_runs, bring, store):
    score("a/checkpoints")
    bring("a/checkpoints", "c/checkpoints")
    for path in Path("c/checkpoints").rglob("*"):
        path.touch()
    assert planned("c/checkpoints", store) is not None


def test_where_no_step_is_in_both_a_person_says_that_it_is_one_run(two_runs):
    score("a/checkpoints")
    make_run(Path("d/checkpoints"), "toy-neox-36k", [32])
    with pytest.raises(SweepError, match="no step is in both") as caught:
        planned("d/checkpoints")
    assert "--store stores/checkpoints" in caught.value.hint
    assert score("d/checkpoints", Path("stores/checkpoints")) == 1
    assert planned("d/checkpoints").n_done == 1


def test_a_store_whose_sweep_files_are_lost_says_nothing_of_its_runs(two_runs):
    score("a/checkpoints")
    shutil.rmtree("stores/checkpoints/sweeps")
    assert len(planned("b/checkpoints").units) == 1


def test_two_owners_may_name_their_repositories_alike(two_runs):
    with HubServer() as hub:
        for repo, folder in (("me/run", "a"), ("moved/run", "a"), ("you/run", "b")):
            files = Path(folder, "checkpoints/step8").iterdir()
            hub.add(repo, "step8", {path.name: path.read_bytes() for path in files})
        plan = planned("hub:me/run", endpoint=hub.endpoint)
        assert execute(plan, listener=lambda event: None, endpoint=hub.endpoint).n_done == 1
        assert planned("hub:moved/run", endpoint=hub.endpoint) is not None
        with pytest.raises(SweepError, match="the one in hub:me/run, and it has other") as caught:
            planned("hub:you/run", endpoint=hub.endpoint)
    assert "--store stores/you-run" in caught.value.hint
