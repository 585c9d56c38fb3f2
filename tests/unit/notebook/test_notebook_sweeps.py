"""Planning and running a sweep from Python, on the suite that ships with the package."""

import pytest
import yaml

import ckpt_analyzer
from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.events import RunStarted, UnitStatus
from ckpt_analyzer.notebook.sweeps import Follow
from ckpt_analyzer.sweep.from_place import Choices

SWEEP = {
    "name": "coin", "suites": ["toy-neox"], "sizes": ["36k"], "steps": [512, 4096],
    "tasks": ["toy-coin"], "limit": 20, "device": "cpu",
}  # fmt: skip


@pytest.fixture
def sweep(tmp_path):
    return SWEEP | {"store": str(tmp_path / "store")}


def test_a_plan_is_a_frame_of_checkpoints_with_its_cost_and_writes_nothing(sweep, tmp_path):
    planned = ckpt_analyzer.plan(sweep)
    assert planned.units["step"].tolist() == [512, 4096]
    assert planned.units["items"].tolist() == [20, 20]
    assert planned.units["suspect"].isna().all()
    assert planned.cost.n_items == 40
    assert planned.missing.empty
    assert not (tmp_path / "store").exists()


def test_a_run_scores_once_and_tells_a_listener(sweep):
    heard = []
    first = ckpt_analyzer.run(sweep, listener=heard.append)
    assert (first.n_scored, first.n_stored, len(first.failed)) == (2, 0, 0)
    assert isinstance(heard[0], RunStarted)
    assert sum(isinstance(event, UnitStatus) for event in heard) == 2
    again = ckpt_analyzer.run(sweep)
    assert (again.n_scored, again.n_stored) == (0, 2)
    assert ckpt_analyzer.plan(sweep).units.empty
    assert again.store.trends(["accuracy"])["step"].tolist() == [512, 4096]


def test_a_file_and_another_store_give_the_same_units(sweep, tmp_path):
    path = tmp_path / "coin.yaml"
    path.write_text(yaml.safe_dump(sweep))
    other = ckpt_analyzer.plan(path, store=tmp_path / "other")
    assert other.units.equals(ckpt_analyzer.plan(sweep).units)


def test_a_unit_that_fails_is_in_the_result(sweep, tmp_path):
    import shutil

    from command_line import SUITE

    folder = tmp_path / "run" / "step_512"
    shutil.copytree(SUITE / "toy-neox-36k" / "step512", folder)
    shutil.copytree(SUITE / "toy-neox-36k" / "step4096", tmp_path / "run" / "step_4096")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    mine = sweep | {"suites": [{"path": str(tmp_path / "run"), "tokens_per_step": 2048}]}
    ran = ckpt_analyzer.run(mine | {"sizes": "all"})
    assert ran.n_scored == 1
    assert ran.failed["unit"].str.contains("512").tolist() == [True]
    assert ran.failed["problem"].str.len().gt(10).all()


def test_a_wrong_key_says_which(sweep):
    with pytest.raises(SweepError, match="taskz"):
        ckpt_analyzer.plan(sweep | {"taskz": []})


def test_a_place_is_scored_by_choices_and_a_sweep_refuses_them(sweep, tmp_path, monkeypatch):
    import shutil

    from command_line import SUITE

    monkeypatch.chdir(tmp_path)
    shutil.copytree(SUITE / "toy-neox-36k" / "step512", tmp_path / "mine" / "step512")
    choices = Choices(tasks=("toy-coin",), limit=10, tokens_per_step=2048)
    assert ckpt_analyzer.plan("mine", choices=choices).units["items"].tolist() == [10]
    ran = ckpt_analyzer.run("mine", choices=choices)
    assert (ran.n_scored, ran.store.path) == (1, tmp_path / "stores" / "mine")
    with pytest.raises(SweepError, match="`choices` are of a place"):
        ckpt_analyzer.run(sweep, choices=choices)


def test_a_run_at_work_is_followed_to_its_last_step_and_its_page_kept(tmp_path, monkeypatch):
    import shutil

    from command_line import SUITE

    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    shutil.copytree(SUITE / "toy-neox-36k" / "step512", run / "step512")
    later = SUITE / "toy-neox-36k" / "step4096"
    heard = []

    def listen(event):
        if isinstance(event, UnitStatus) and not (run / "step4096").exists():
            shutil.copytree(later, tmp_path / "part")
            (tmp_path / "part").rename(run / "step4096")
        heard.append(event)

    follow = Follow(
        every_seconds=0.1, settle_seconds=0, until_step=4096, report=tmp_path / "report.html"
    )
    choices = Choices(tasks=("toy-coin",), limit=10, tokens_per_step=2048)
    ran = ckpt_analyzer.run("run", choices=choices, follow=follow, listener=listen)
    assert (ran.n_scored, len(ran.failed), len(ran.not_whole), len(ran.gone)) == (2, 0, 0, 0)
    assert ran.store.trends(["accuracy"])["step"].tolist() == [512, 4096]
    assert (tmp_path / "report.html").stat().st_size > 10**5
    assert any(isinstance(event, RunStarted) for event in heard)


def test_a_plan_says_what_is_unverified_and_where_to_look_next(sweep):
    assert ckpt_analyzer.plan(sweep).unverified.empty
    assert ckpt_analyzer.plan(sweep).further.empty
    ckpt_analyzer.run(sweep | {"steps": [8, 128, 512, 4096]})
    found = ckpt_analyzer.plan(sweep | {"steps": [8, 128, 512, 4096]}, flips=True).further
    assert set(found["model"]) == {"toy-neox-36k"}
