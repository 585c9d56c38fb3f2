"""What is whole of a run at work, told from what is still being written."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from ckpt_analyzer.checkpoints.growth import Growth, NothingYetError, Seen, unfinished
from ckpt_analyzer.checkpoints.local import GoneError, LocalSource
from ckpt_analyzer.checkpoints.local_suite import find_local_suite
from toy_checkpoint import files, safetensors_bytes, sharded_files, write

HOUR_NS = 3600 * 10**9


def old(folder):
    """Let all files of `folder` be an hour old."""
    for path in folder.iterdir():
        now = path.stat().st_mtime_ns
        os.utime(path, ns=(now - HOUR_NS, now - HOUR_NS))
    return folder


def trainer_files(step):
    state = json.dumps({"global_step": step, "num_input_tokens_seen": 10 * step})
    return files(fill=step) | {"trainer_state.json": state.encode(), "optimizer.pt": b"x"}


class Clock:
    def __init__(self):
        self.now = 1e9

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (files(), None),
        (sharded_files(), None),
        (files() | {"model.safetensors": safetensors_bytes()[:-1]}, "its header says"),
        ({k: v for k, v in sharded_files().items() if "00002-of" not in k}, "shards are missing"),
        ({k: v for k, v in sharded_files().items() if "index" not in k}, "index.json is missing"),
        (files() | {"optimizer.pt": b"x"}, "trainer_state.json is missing"),
        (files() | {"trainer_state.json": b'{"glob'}, "trainer_state.json is half-written"),
        (trainer_files(1), None),
    ],
)
def test_a_checkpoint_is_whole_when_everything_is_there_in_full_length(tmp_path, content, problem):
    found = unfinished(write(tmp_path / "checkpoint-1", content))
    assert found is None if problem is None else problem in found


def test_where_the_trainer_writes_its_state_beside_one_it_is_waited_for_in_the_others(tmp_path):
    write(tmp_path / "checkpoint-1", trainer_files(1))
    assert "writes last" in unfinished(write(tmp_path / "checkpoint-2", files()))


def test_a_folder_has_to_stay_as_it_is_for_a_while(tmp_path):
    clock, seen = Clock(), Seen("m", 1)
    folder = write(tmp_path / "step1", files())
    ahead_ns = int((clock.now + 500) * 1e9)  # a file server whose clock is ahead of ours
    for path in folder.iterdir():
        os.utime(path, ns=(ahead_ns, ahead_ns))
    growth = Growth(10, clock)
    assert not growth.is_whole(seen, folder)
    assert "changed within the last 10 seconds" in growth.waiting[seen]
    clock.now += 9
    assert not growth.is_whole(seen, folder)
    (folder / "config.json").write_bytes(b"{ }")
    clock.now += 9
    assert not growth.is_whole(seen, folder)
    clock.now += 11
    growth.look()
    assert growth.is_whole(seen, folder)
    assert growth.waiting == {}


def test_a_folder_that_has_not_changed_for_long_is_whole_at_the_first_look(tmp_path):
    assert Growth(60).is_whole(Seen("m", 1), old(write(tmp_path / "step1", files())))


def test_a_suite_at_work_holds_its_whole_checkpoints_and_says_what_it_waits_for(tmp_path):
    root = tmp_path / "run"
    for step in (1, 2):
        old(write(root / f"checkpoint-{step}", trainer_files(step)))
    write(root / "checkpoint-3", files())
    growth = Growth(60)
    (model,) = find_local_suite(root, growth=growth).models
    assert (model.steps, model.tokens_per_step) == ((1, 2), 10)
    assert set(growth.waiting) == {Seen("run", 3)}
    assert growth.ever == {Seen("run", step) for step in (1, 2, 3)}


def test_where_tokens_are_to_come_from_the_trainer_its_state_is_waited_for(tmp_path):
    old(write(tmp_path / "run" / "checkpoint-1", files()))
    growth = Growth(60)
    with pytest.raises(NothingYetError):
        find_local_suite(tmp_path / "run", growth=growth)
    assert "tokens per step are not given" in growth.waiting[Seen("run", 1)]
    assert find_local_suite(tmp_path / "run", tokens_per_step=1, growth=growth).models


def test_a_run_without_a_whole_checkpoint_is_left_out_and_none_at_all_is_nothing_yet(tmp_path):
    write(tmp_path / "a" / "step1", {"config.json": b"{}"})
    with pytest.raises(NothingYetError):
        find_local_suite(tmp_path, tokens_per_step=1, growth=Growth(60))
    old(write(tmp_path / "b" / "step1", files()))
    suite = find_local_suite(tmp_path, tokens_per_step=1, growth=Growth(60))
    assert [model.name for model in suite.models] == ["b"]


@pytest.fixture
def source(tmp_path):
    write(tmp_path / "run" / "step1", files())
    suite = find_local_suite(tmp_path / "run", tokens_per_step=1)
    return LocalSource(suite), suite.checkpoint(suite.models[0], 1), tmp_path / "run" / "step1"


def test_a_checkpoint_removed_before_it_is_resolved_or_opened_is_said_to_be_gone(source):
    local, checkpoint, folder = source
    resolved = local.resolve(checkpoint)
    shutil.rmtree(folder)
    assert local.commits([checkpoint.model]) == {}
    with pytest.raises(GoneError, match="does not exist"):
        local.resolve(checkpoint)
    with pytest.raises(GoneError, match="was removed"), local.fetch(resolved):
        pass


def test_a_file_that_vanishes_while_it_is_hashed_or_read_is_no_crash(source, monkeypatch):
    local, checkpoint, folder = source
    resolved = local.resolve(checkpoint)
    with local.fetch(resolved) as opened:
        pieces = opened.slices()
        next(pieces)
        shutil.rmtree(folder)
        with pytest.raises(GoneError, match="was removed"):
            list(pieces)


def test_a_folder_that_is_removed_between_two_glances_is_gone(source, monkeypatch):
    local, checkpoint, folder = source

    def removed(*_):
        shutil.rmtree(folder, ignore_errors=True)
        raise FileNotFoundError(folder / "model.safetensors")

    monkeypatch.setattr("ckpt_analyzer.checkpoints.local.file_sha256", removed)
    with pytest.raises(GoneError, match="save_total_limit"):
        local.resolve(checkpoint)


def test_a_folder_that_may_not_be_read_is_waited_for_with_the_reason(tmp_path, monkeypatch):
    folder = old(write(tmp_path / "checkpoint-1", trainer_files(1)))

    def refused(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    growth, seen = Growth(10), Seen("run", 1)
    assert not growth.is_whole(seen, folder)
    assert growth.waiting == {seen: "it cannot be read: Permission denied"}
