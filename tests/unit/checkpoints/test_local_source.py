"""Suites and checkpoints in folders: found, counted, checked, and used in place."""

import errno
import json
import os
from pathlib import Path

import pytest

from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.checkpoints.local_suite import find_local_suite
from ckpt_analyzer.errors import CheckpointError
from received import received
from toy_checkpoint import (
    NON_EMBEDDING_PARAMETERS,
    PARAMETERS,
    files,
    safetensors_bytes,
    sharded_files,
    tensor_bytes,
    write,
)

ENTRY = {
    "name": "toy-36k",
    "size": "36k",
    "parameters": 36_000,
    "tokens_per_step": 2048,
    "steps": [0, 1],
}


def stated(root, *models, **more):
    root.mkdir(exist_ok=True)
    for model in models:
        (root / model["name"]).mkdir(exist_ok=True)
    (root / "suite.json").write_text(json.dumps({"name": "toy", "models": models, **more}))
    return root


def trainer_output(root, tokens_seen=204_800):
    for step in (50, 100):
        state = json.dumps(
            {"global_step": step, "num_input_tokens_seen": tokens_seen * step // 100}
        )
        content = files(fill=step) | {"trainer_state.json": state.encode()}
        write(root / f"checkpoint-{step}", content)
    return root


def test_the_output_of_a_trainer_is_one_model(tmp_path):
    suite = find_local_suite(trainer_output(tmp_path / "run-7"))
    (model,) = suite.models
    assert (suite.name, model.name, model.arm) == ("run-7", "run-7", "base")
    assert model.steps == (50, 100)
    assert model.tokens_per_step == 2048
    assert model.parameters == PARAMETERS
    assert model.non_embedding_parameters == NON_EMBEDDING_PARAMETERS
    assert suite.checkpoint(model, 100).revision == "checkpoint-100"


def test_tokens_per_step_must_be_given_where_the_trainer_did_not_count(tmp_path):
    root = trainer_output(tmp_path / "run", tokens_seen=0)
    with pytest.raises(CheckpointError, match="tokens per step of run are not known") as caught:
        find_local_suite(root)
    assert "set tokens_per_step" in caught.value.hint
    assert find_local_suite(root, tokens_per_step=512).models[0].tokens_per_step == 512


@pytest.mark.parametrize("pattern", ["step{}", "checkpoint-{}", "global_step{}", "step{:06d}"])
def test_a_folder_per_model_and_step_is_a_suite(tmp_path, pattern):
    for name in ("small", "large"):
        for step in (0, 1000):
            write(tmp_path / name / pattern.format(step), files(fill=step % 7))
    suite = find_local_suite(tmp_path, tokens_per_step=8)
    assert [model.name for model in suite.models] == ["large", "small"]
    source = LocalSource(suite)
    assert set(source.commits(suite.models)) == {
        (name, pattern.format(step)) for name in ("small", "large") for step in (0, 1000)
    }
    checkpoint = suite.checkpoint(suite.model("small"), 1000)
    with source.fetch(source.resolve(checkpoint)) as opened:
        assert opened.folder == tmp_path / "small" / pattern.format(1000)
        assert opened.weights_on_disk
        assert received(opened.slices()) == tensor_bytes(fill=1000 % 7)


def test_what_suite_json_states_is_taken(tmp_path):
    tuned = ENTRY | {
        "name": "toy-36k-instruct",
        "arm": "instruct",
        "base_model": "toy-36k",
        "tokens_before": 4096,
        "non_embedding_parameters": 30_000,
        "provenance": {"learning_rate": 1e-4},
    }
    root = stated(tmp_path / "s", ENTRY, tuned, title="Toy", licence="MIT", provenance={"seed": 1})
    suite = find_local_suite(root)
    assert (suite.name, suite.title, suite.licence) == ("toy", "Toy", "MIT")
    base, instruct = suite.models
    assert (base.arm, base.steps, base.non_embedding_parameters) == ("base", (0, 1), None)
    assert (instruct.base_model, instruct.tokens_before) == ("toy-36k", 4096)
    assert suite.checkpoint(instruct, 1).tokens == 4096 + 2048


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"steps": [1, 0]}, r"models\.0\.steps: .*must ascend"),
        ({"steps": []}, r"models\.0\.steps"),
        ({"parameters": "36k"}, r"models\.0\.parameters"),
        ({"parameters": 0}, r"models\.0\.parameters"),
        ({"arm": "chat"}, r"models\.0\.arm"),
        ({"colour": "red"}, r"models\.0\.colour"),
        ({"base_model": "absent"}, "'absent' is not among the models"),
        ({"name": "../elsewhere"}, r"models\.0\.name"),
    ],
)
def test_a_wrong_key_of_suite_json_is_named(tmp_path, change, problem):
    (tmp_path / "suite.json").write_text(json.dumps({"name": "toy", "models": [ENTRY | change]}))
    with pytest.raises(CheckpointError, match=problem) as caught:
        find_local_suite(tmp_path)
    assert caught.value.where.endswith("suite.json")


def test_a_suite_json_that_is_no_json_or_names_a_model_without_folder_is_refused(tmp_path):
    (tmp_path / "suite.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"suite\.json is not right: Invalid JSON"):
        find_local_suite(tmp_path)
    (tmp_path / "suite.json").write_text(json.dumps({"name": "toy", "models": [ENTRY]}))
    with pytest.raises(CheckpointError, match="'toy-36k', which has no folder"):
        find_local_suite(tmp_path)
    stated(tmp_path, ENTRY, ENTRY)
    with pytest.raises(CheckpointError, match="'toy-36k' stands twice"):
        find_local_suite(tmp_path)


def test_folders_without_checkpoints_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="there are no checkpoints"):
        find_local_suite(tmp_path)
    with pytest.raises(CheckpointError, match="no such folder"):
        find_local_suite(tmp_path / "absent")


def test_steps_named_in_several_ways_are_refused(tmp_path):
    for name in ("step1", "checkpoint-1"):
        write(tmp_path / name, files())
    with pytest.raises(CheckpointError, match="named in several ways"):
        find_local_suite(tmp_path, tokens_per_step=1)


def test_parameters_in_pickles_are_not_counted(tmp_path):
    write(tmp_path / "step1", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    with pytest.raises(CheckpointError, match="without unpickling"):
        find_local_suite(tmp_path, tokens_per_step=1)


def test_parameters_are_counted_over_shards(tmp_path):
    write(tmp_path / "step1", sharded_files())
    assert find_local_suite(tmp_path, tokens_per_step=1).models[0].parameters == PARAMETERS


@pytest.fixture
def suite(tmp_path):
    for step in (0, 1):
        write(tmp_path / "s" / "toy-36k" / f"step{step}", files(fill=step))
    return find_local_suite(stated(tmp_path / "s", ENTRY | {"steps": [0, 1, 2]}))


def folder_of(suite, step):
    return suite.checkpoint(suite.models[0], step)


def test_the_digest_is_of_the_bytes_and_the_commit_of_the_state(suite, tmp_path):
    source, checkpoint = LocalSource(suite), folder_of(suite, 1)
    before = source.resolve(checkpoint)
    weights = tmp_path / "s" / "toy-36k" / "step1" / "model.safetensors"
    os.utime(weights, ns=(1, 1))
    after = source.resolve(checkpoint)
    assert before.commit.startswith("local-")
    assert before.commit != after.commit
    assert before.weights_sha256 == after.weights_sha256
    assert before.weights_sha256 != source.resolve(folder_of(suite, 0)).weights_sha256


def test_a_plan_finds_the_steps_that_exist_without_reading_weights(suite, tmp_path):
    (tmp_path / "s" / "toy-36k" / "step1" / "model.safetensors").write_bytes(b"")
    commits = LocalSource(suite).commits(suite.models)
    assert set(commits) == {("toy-36k", "step0"), ("toy-36k", "step1")}


def test_a_step_without_a_folder_is_refused(suite):
    with pytest.raises(CheckpointError, match="toy-36k@step2 does not exist"):
        LocalSource(suite).resolve(folder_of(suite, 2))


def test_a_checkpoint_that_changes_after_it_was_resolved_is_refused(suite, tmp_path):
    source = LocalSource(suite)
    resolved = source.resolve(folder_of(suite, 1))
    (tmp_path / "s" / "toy-36k" / "step1" / "config.json").write_bytes(b"{ }")
    with pytest.raises(CheckpointError, match="changed while"), source.fetch(resolved):
        pass


WHOLE = safetensors_bytes()
SHARDED = sharded_files()
SECOND = "model-00002-of-00002.safetensors"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"model.safetensors": WHOLE}, r"config\.json is missing"),
        ({"config.json": b"{}"}, "there are no weights"),
        (files() | {"model.safetensors": b""}, r"model\.safetensors is cut off"),
        (files() | {"model.safetensors": WHOLE[:-1]}, "bytes, and its header says"),
        (files() | {"model.safetensors": WHOLE + b"x"}, "bytes, and its header says"),
        (files() | {"model.safetensors": WHOLE[:40]}, r"model\.safetensors is cut off"),
        (files() | {"model.safetensors": b"\3" + bytes(7) + b"abc"}, "not a safetensors file"),
        ({"config.json": b"{}", "pytorch_model.bin": b""}, r"pytorch_model\.bin is empty"),
        ({k: v for k, v in SHARDED.items() if k != SECOND}, f"1 of 2 shards are missing: {SECOND}"),
        (
            {k: v for k, v in SHARDED.items() if not k.endswith("index.json")},
            r"index\.json is missing",
        ),
        (SHARDED | {"model.safetensors.index.json": b"{"}, "cannot be read"),
        (
            SHARDED | {"model.safetensors.index.json": b'{"weight_map": {"a": "third"}}'},
            "names third, which is missing",
        ),
        (
            {k: v for k, v in SHARDED.items() if not k.endswith(".safetensors")},
            "none of its shards",
        ),
    ],
)
def test_a_half_written_checkpoint_is_told_with_what_is_missing(suite, tmp_path, content, problem):
    write(tmp_path / "s" / "toy-36k" / "step2", content)
    with pytest.raises(CheckpointError, match=problem):
        LocalSource(suite).resolve(folder_of(suite, 2))


def test_a_half_written_checkpoint_does_not_hide_the_whole_ones(tmp_path):
    root = trainer_output(tmp_path / "run")
    (root / "checkpoint-50" / "model.safetensors").write_bytes(b"cut")
    assert find_local_suite(root).models[0].parameters == PARAMETERS
    (root / "checkpoint-100" / "trainer_state.json").write_text('{"global_st')
    assert find_local_suite(root).models[0].tokens_per_step == 2048


def with_tokenizer_in(folder, root):
    for path in root.rglob("tokenizer*"):
        path.unlink()
    (folder / "tokenizer.json").write_text("{}")
    return find_local_suite(root)


@pytest.fixture
def unreadable(monkeypatch):
    """Return a function that takes the right to read a file away, from whomever runs the tests."""
    taken, open_path = set(), Path.open

    def opened(path, *arguments, **more):
        if path in taken:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_path(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", opened)
    return lambda path: taken.add(path) or str(path)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_may_not_be_read_fails_its_checkpoint_alone(tmp_path, unreadable, name):
    root = trainer_output(tmp_path / "run")
    where = unreadable(root / "checkpoint-50" / name)
    suite = find_local_suite(root)
    source, (model,) = LocalSource(suite), suite.models
    assert len(source.commits([model])) == 2
    assert source.resolve(suite.checkpoint(model, 100)).weight_files
    for asked in (source.resolve, source.inventory):
        with pytest.raises(CheckpointError, match="cannot be read: Permission denied") as caught:
            asked(suite.checkpoint(model, 50))
        assert caught.value.where == where
        assert "permissions" in caught.value.hint


def test_a_folder_that_may_not_be_read_is_one_clear_sentence(tmp_path, monkeypatch):
    root = trainer_output(tmp_path / "run")
    suite = find_local_suite(root)

    def refused(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(CheckpointError, match="cannot be read: Permission denied") as caught:
        LocalSource(suite).commits(suite.models)
    assert caught.value.where == str(root / "checkpoint-50")


def test_a_tokenizer_further_up_is_yielded_with_the_checkpoint(tmp_path):
    root = trainer_output(tmp_path / "run")
    suite = with_tokenizer_in(root, root)
    source = LocalSource(suite)
    resolved = source.resolve(suite.checkpoint(suite.models[0], 50))
    with source.fetch(resolved) as opened:
        folder = opened.folder
        assert (folder / "tokenizer.json").read_text() == "{}"
        weights = folder / "model.safetensors"
        assert weights.read_bytes() == (root / "checkpoint-50" / weights.name).read_bytes()
    assert not folder.exists()
    assert (root / "checkpoint-50" / "model.safetensors").exists()


def test_a_changed_tokenizer_is_another_commit(tmp_path):
    root = trainer_output(tmp_path / "run")
    suite = with_tokenizer_in(root, root)
    before = LocalSource(suite).commits(suite.models)
    (root / "tokenizer.json").write_text('{"other": 1}')
    after = LocalSource(suite).commits(suite.models)
    assert all(before[key] != after[key] for key in before)


def test_an_adapter_is_no_half_written_model_and_is_to_be_merged(tmp_path):
    content = {"adapter_config.json": b"{}", "adapter_model.safetensors": safetensors_bytes()}
    write(tmp_path / "lora" / "checkpoint-8", content)
    with pytest.raises(CheckpointError, match="an adapter, not a whole model") as caught:
        find_local_suite(tmp_path / "lora", tokens_per_step=1)
    assert "merge it" in caught.value.hint
