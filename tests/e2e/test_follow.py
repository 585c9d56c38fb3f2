"""A run that is scored while it writes its checkpoints, as the Trainer does: piece by piece."""

import json
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, command, environment, events, run
from hub_server import HubServer

MODEL = SUITE / "toy-neox-36k"
STEPS = (8, 16, 32, 64)

#: Writes checkpoints slowly, weights in pieces and the Trainer's state last; removes the oldest
#: but KEEP of them; at the end a marker.
WRITER = textwrap.dedent("""\
    import json, pathlib, shutil, sys, time
    source, run = map(pathlib.Path, sys.argv[1:3])
    keep, pause = map(float, sys.argv[3:5])
    written = []
    for step in map(int, sys.argv[5:]):
        folder = run / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        written.append(folder)
        for path in sorted((source / f"step{step}").iterdir()):
            content = path.read_bytes()
            with (folder / path.name).open("wb") as file:
                for part in range(4):
                    size = -(-len(content) // 4)
                    file.write(content[part * size : (part + 1) * size])
                    file.flush()
                    # Weights and the state stall for longer than a checkpoint has to settle.
                    time.sleep(25 * pause if path.suffix == ".safetensors" else pause)
        (folder / "training_args.bin").write_bytes(b"x")
        time.sleep(10 * pause)
        state = {"global_step": step, "num_input_tokens_seen": step * 2048}
        (folder / "trainer_state.json").write_text(json.dumps(state))
        time.sleep(4 * pause)
        while len(written) > keep:
            shutil.rmtree(written.pop(0))
    (run / "finished").touch()
    """)


def writer(folder, keep=99, pause=0.04, steps=STEPS):
    arguments = [sys.executable, "-c", WRITER, MODEL, folder, keep, pause, *steps]
    return subprocess.Popen([str(each) for each in arguments])


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "my-run"
    folder.mkdir()
    return folder


def follow(home, *more):
    arguments = [
        "run", home, "--tasks", ITEMS / "toy-grammar.jsonl", "--limit", 20, "--follow",
        "--follow-every", 0.3, "--settle", 0.3, "--store", home.parent / "store", *more,
    ]  # fmt: skip
    return command(*arguments)


def finish(arguments):
    return subprocess.run(
        arguments, capture_output=True, text=True, env=environment(), timeout=120, check=False
    )


def test_checkpoints_are_scored_once_as_they_appear_and_none_half_written(home, tmp_path):
    page = tmp_path / "report.html"
    writing = writer(home)
    done = finish(follow(home, "--until-file", home / "finished", "--report", page))
    writing.wait()
    assert done.returncode == 0, done.stderr
    finished = [line for line in events(done.stdout) if line["event"] == "UnitStatus"]
    assert [(line["unit"], line["state"]) for line in finished] == [
        (f"my-run@checkpoint-{step}", "done") for step in STEPS
    ]
    assert "waiting for my-run step" in done.stderr
    assert "4 units scored, 0 failed" in done.stderr
    store = open_store(tmp_path / "store")
    whole = tmp_path / "whole"
    again = run(
        "run", SUITE, "--tasks", ITEMS / "toy-grammar.jsonl", "--limit", 20, "--store", whole,
        "--sizes", "toy-neox-36k", "--steps", "8,16,32,64",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    ours, theirs = (
        each.items(metric="gold_probability").set_index(["step", "item"])["score"].sort_index()
        for each in (store, open_store(whole))
    )
    assert ours.tolist() == theirs.tolist()
    assert list(store.trends(["accuracy"])["tokens"]) == [step * 2048 for step in STEPS]
    assert "my-run" in page.read_text(encoding="utf-8")


def test_checkpoints_that_are_rotated_away_are_counted_and_stop_nothing(home, tmp_path):
    for step in (8, 16):
        shutil.copytree(MODEL / f"step{step}", home / f"checkpoint-{step}")
    # A checkpoint that is never whole, and is removed later.
    (home / "checkpoint-16" / "model.safetensors").write_bytes(b"")
    process = subprocess.Popen(
        follow(home, "--tokens-per-step", 2048, "--until-step", 32),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    for line in process.stdout:
        if json.loads(line)["event"] == "UnitStatus":
            break
    shutil.rmtree(home / "checkpoint-8")
    shutil.rmtree(home / "checkpoint-16")
    shutil.copytree(MODEL / "step32", home / "checkpoint-32")
    _, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    assert "my-run step 16 was removed before it could be scored" in talk
    assert "2 units scored, 0 failed, 1 removed" in talk
    assert sorted(open_store(tmp_path / "store").trends(["accuracy"])["step"]) == [8, 32]


def test_a_run_that_has_not_begun_is_waited_for_and_idleness_ends_it(home):
    done = finish(follow(home, "--idle-minutes", 0.01))
    assert done.returncode == 0, done.stderr
    assert "0 units scored" in done.stderr


def test_a_folder_that_is_not_there_is_a_mistake_at_once(home):
    done = finish(follow(home / "typo", "--idle-minutes", 0.01))
    assert done.returncode == 2
    assert "there is no such folder" in done.stderr or "no sweep file" in done.stderr


def test_a_repository_is_followed_by_its_branches(home, tmp_path):
    """A branch without its weights is waited for; one that comes later is scored."""
    with HubServer() as hub:

        def push(step, *, without=()):
            files = {p.name: p.read_bytes() for p in (MODEL / f"step{step}").iterdir()}
            state = json.dumps({"global_step": step, "num_input_tokens_seen": step * 2048})
            files |= {"trainer_state.json": state.encode()}
            hub.add("me/run", f"step{step}", {n: c for n, c in files.items() if n not in without})

        push(8)
        push(16, without={"model.safetensors"})
        process = subprocess.Popen(
            command(
                "run", "hub:me/run", "--tasks", ITEMS / "toy-grammar.jsonl", "--limit", 20,
                "--follow", "--follow-every", 0.3, "--until-step", 32, "--store",
                tmp_path / "store", "--endpoint", hub.endpoint,
            ),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        for line in process.stdout:
            if json.loads(line)["event"] == "UnitStatus":
                break
        push(16)
        push(32)
        _, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    assert "waiting for run step 16: there are no weights" in talk
    assert "3 units scored, 0 failed" in talk
    trends = open_store(tmp_path / "store").trends(["accuracy"])
    assert list(trends["tokens"]) == [8 * 2048, 16 * 2048, 32 * 2048]


def test_ctrl_c_is_a_clean_end_that_says_how_it_stands(home, tmp_path):
    shutil.copytree(MODEL / "step8", home / "checkpoint-8")
    process = subprocess.Popen(
        follow(home, "--tokens-per-step", 2048),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    for line in process.stdout:
        if json.loads(line)["event"] == "UnitStatus":
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 0, talk
    assert "1 unit scored, 0 failed" in talk
    assert "Traceback" not in talk
