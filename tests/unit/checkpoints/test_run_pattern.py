"""Folders that a user describes: each star a run, {step} a number."""

from pathlib import Path

import pytest

from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.checkpoints.local_suite import find_local_suite
from ckpt_analyzer.checkpoints.run_pattern import find_runs, read_pattern
from ckpt_analyzer.errors import CheckpointError
from toy_checkpoint import files, write


def runs_in(root, *names):
    for name in names:
        write(root / name, files(fill=len(name)))


def test_each_star_is_a_run_and_other_folders_are_left_alone(tmp_path):
    runs_in(tmp_path / "runs", "a/step_10", "a/step_200", "b/step_10", "b/steps", "c/notes")
    found = find_runs(read_pattern(tmp_path / "runs" / "*" / "step_{step}"))
    assert [(run.name, run.saved.steps) for run in found] == [("a", (10, 200)), ("b", (10,))]


@pytest.mark.parametrize(
    ("pattern", "folders", "expected"),
    [
        ("runs/*/ckpt/{step}/hf", ["runs/x/ckpt/000100/hf"], {("x", "000100/hf")}),
        (
            "out/*-it{step}",
            ["out/lr1-it5", "out/lr2-it5"],
            {("lr1", "lr1-it5"), ("lr2", "lr2-it5")},
        ),
        ("*/seed*/step{step}", ["m/seed1/step3"], {("m-1", "step3")}),
        ("one/save{step}", ["one/save7"], {("one", "save7")}),
        ("r{{/*/s{step}", ["r{{/{x}/s1"], {("{x}", "s1")}),
    ],
)
def test_patterns_give_names_and_the_very_folders(tmp_path, pattern, folders, expected):
    runs_in(tmp_path, *folders)
    suite = find_local_suite(tmp_path / pattern, tokens_per_step=4)
    source = LocalSource(suite)
    assert set(source.commits(suite.models)) == expected
    for model in suite.models:
        for step in model.steps:
            assert source.resolve(suite.checkpoint(model, step)).weight_files


@pytest.mark.parametrize("pattern", ["runs/*", "runs/{step}/{step}", "runs/step{step}/*"])
def test_a_pattern_without_exactly_one_step_is_refused(pattern):
    with pytest.raises(CheckpointError, match="exactly once"):
        read_pattern(Path(pattern))


def test_zeros_in_front_must_be_written_in_one_way(tmp_path):
    runs_in(tmp_path, "step_0010", "step_9")
    with pytest.raises(CheckpointError, match="written in several ways"):
        find_runs(read_pattern(tmp_path / "step_{step}"))


def test_nothing_found_and_no_root_are_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match="there are no checkpoints"):
        find_local_suite(tmp_path / "*" / "step_{step}")
    with pytest.raises(CheckpointError, match="there is no such folder"):
        find_local_suite(tmp_path / "none" / "*" / "step_{step}")


def test_a_checkpoint_in_place_of_its_run_is_told_to_be_given_by_the_folder_above(tmp_path):
    (tmp_path / "checkpoint-64").mkdir()
    with pytest.raises(CheckpointError, match="is a checkpoint itself") as refused:
        find_local_suite(tmp_path / "checkpoint-64")
    assert str(tmp_path.resolve()) in refused.value.hint
