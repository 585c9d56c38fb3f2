"""A folder, a pattern, a repository or a suite stands for a sweep over it."""

from pathlib import Path

import pytest
import yaml

from ckpt_analyzer.errors import SweepError, UserError
from ckpt_analyzer.sweep.from_place import Choices, is_place, require_something, sweep_of_place


def test_a_folder_is_a_sweep_over_all_that_it_holds(tmp_path):
    (tmp_path / "my run").mkdir()
    assert is_place(tmp_path / "my run")
    sweep = sweep_of_place(tmp_path / "my run", Choices(tokens_per_step=7))
    assert (sweep.name, sweep.store) == ("my-run", Path("stores/my-run"))
    assert (sweep.suites[0].path, sweep.suites[0].tokens_per_step) == (tmp_path / "my run", 7)
    assert (len(sweep.task_names), sweep.limit, sweep.shots) == (11, 300, (0,))
    assert yaml.safe_load(sweep.text)["tasks"] == ["prize"]


def test_choices_are_in_the_text_that_the_store_keeps():
    choices = Choices(("neqa",), (0, 5), ("a",), "10,20", 0, None, "v{step}")
    sweep = sweep_of_place(Path("hub:me/run"), choices)
    kept = yaml.safe_load(sweep.text)
    assert kept["suites"] == [{"suite": "hub:me/run", "revision": "v{step}"}]
    assert (kept["shots"], kept["steps"], kept["sizes"]) == ([0, 5], [10, 20], ["a"])
    assert "limit" not in kept


@pytest.mark.parametrize(
    ("place", "name"),
    [("runs/*/step_{step}", "runs"), ("hub:me/my-run", "my-run"), ("*/x{step}", "run")],
)
def test_a_place_gives_its_name(place, name):
    assert is_place(Path(place))
    assert sweep_of_place(Path(place), Choices()).name == name


def test_a_suite_needs_its_sizes_and_a_sweep_file_is_no_place(tmp_path):
    with pytest.raises(SweepError, match="a lot to download") as caught:
        sweep_of_place(Path("pythia"), Choices())
    assert "70m" in caught.value.hint
    sweep = sweep_of_place(Path("pythia"), Choices(sizes=("70m",), steps="log:12"))
    assert (sweep.suites[0].suite, sweep.steps, sweep.arms) == ("pythia", "log:12", ("base",))
    assert not is_place(tmp_path / "sweep.yaml")
    assert not is_place(Path("demo"))


def test_a_wrong_choice_is_explained():
    with pytest.raises(UserError, match="memo-trip"):
        sweep_of_place(Path("hub:me/run"), Choices(tasks=("memo-trip",)))


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("pythai", "did you mean 'pythia'?"),
        ("olmo2-base-vs-instrct", "did you mean 'olmo2-base-vs-instruct'?"),
        ("runs/my-modell", "check the path; a pattern like"),
    ],
)
def test_what_is_neither_file_nor_folder_nor_suite_is_told_what_is_near(
    given, hint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SweepError, match="no folder or suite of that name") as caught:
        require_something(Path(given))
    assert caught.value.hint.startswith(hint)
    (tmp_path / given).mkdir(parents=True)
    require_something(Path(given))


@pytest.mark.parametrize(
    ("choices", "key"),
    [
        (Choices(tasks=("toy-gramar",)), "tasks[0]"),
        (Choices(steps="log:foo"), "steps"),
        (Choices(revision="foo"), "suites[0].revision"),
    ],
)
def test_a_wrong_choice_names_no_line_of_a_file_that_nobody_wrote(tmp_path, choices, key):
    with pytest.raises(UserError) as refused:
        sweep_of_place(tmp_path, choices)
    assert refused.value.where == f"the sweep of {tmp_path}, key {key}"
