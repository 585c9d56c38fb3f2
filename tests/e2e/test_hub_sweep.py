"""A sweep over a Hub, as a user runs it: plan, run, break, resume."""

import gzip
import json
import signal
import subprocess
import time

import pandas as pd
import pytest

from ckpt_analyzer.scoring.layered_model import LayeredModel
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.prepare import Overrides, prepare_plan
from ckpt_analyzer.unit import workbench
from command_line import ITEMS, SUITE, command, environment, events, run


def hub_files(step):
    return {path.name: path.read_bytes() for path in (SUITE / "toy-neox-36k" / step).iterdir()}


def scores(store):
    frame = open_store(store).items(metric="gold_probability")
    return frame.set_index(["step", "item"])["score"].sort_index()


def test_plan_says_what_it_costs_and_downloads_nothing(hub, sweep):
    done = run("plan", sweep, "--endpoint", hub.endpoint, "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["n_units"], plan["n_done"], plan["n_items"]) == (4, 0, 160)
    assert plan["download_bytes"] == 4 * 14067712 * 2
    assert plan["requests"] > 4
    assert plan["tokens"] > 0
    # Less than every token through every layer: the first and the last do only what is needed.
    assert 0.3 < plan["flops"] / (2 * 1189888 * plan["tokens"]) < 1.0
    assert hub.count("/resolve/") == 0
    assert hub.count("/refs") == len(hub.requests) == 1


def test_a_run_scores_every_checkpoint_and_leaves_no_weights_on_disk(hub, sweep, tmp_path):
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 0, done.stderr
    finished = [line for line in events(done.stdout) if line["event"] == "UnitStatus"]
    assert [line["state"] for line in finished] == ["done"] * 4
    assert not list(tmp_path.rglob("*.safetensors"))
    trends = open_store(tmp_path / "store").trends(["accuracy"])
    assert list(trends["step"]) == [8, 16, 32, 64]
    assert list(trends["n_items"]) == [40] * 4
    assert trends["tokens"].iloc[0] == 8 * 2_097_152


def test_weights_may_go_through_a_bounded_spool_that_is_empty_afterwards(hub, sweep, tmp_path):
    spool = tmp_path / "spool"
    done = run("run", sweep, "--endpoint", hub.endpoint, "--spool", spool, "--max-gb", "0.001")
    assert done.returncode == 0, done.stderr
    assert open_store(tmp_path / "store").trends(["accuracy"])["step"].nunique() == 4
    assert list(spool.iterdir()) == []
    refused = run("run", sweep, "--max-gb", "1")
    assert refused.returncode == 2
    assert "--spool" in refused.stderr


def test_what_the_budget_may_not_hold_goes_through_the_disk_by_itself(
    hub, sweep, tmp_path, monkeypatch
):
    sweep.write_text(sweep.read_text() + "memory_budget: 600MB\n")
    done = run("plan", sweep, "--endpoint", hub.endpoint, "--json")
    assert json.loads(done.stdout)["spool_bytes"] == 2 * 14067712 * 2
    done = run("plan", sweep, "--endpoint", hub.endpoint)
    assert "weights read layer by layer take up to" in done.stdout
    # What a process holds by then decides; here it is decided for it.
    monkeypatch.setattr(workbench, "needs_layers", lambda *_, **__: True)
    kinds, score = [], workbench.score_plan
    monkeypatch.setattr(
        workbench,
        "score_plan",
        lambda model, *args, **rest: kinds.append(type(model)) or score(model, *args, **rest),
    )
    plan = prepare_plan(sweep, Overrides(endpoint=hub.endpoint))
    monkeypatch.setattr("ckpt_analyzer.unit.worker.budget_here_bytes", lambda _budget: 2**40)
    summary = execute(plan, listener=lambda event: None, endpoint=hub.endpoint)
    assert (summary.n_done, summary.failed) == (4, ())
    assert set(kinds) == {LayeredModel}
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list((tmp_path / "store" / "scratch" / "spool").iterdir())


def test_a_second_run_finds_everything_done_and_reads_no_weights(hub, sweep):
    assert run("run", sweep, "--endpoint", hub.endpoint).returncode == 0
    hub.requests.clear()
    again = run("run", sweep, "--endpoint", hub.endpoint)
    assert again.returncode == 0
    assert events(again.stdout)[0] == {
        "event": "RunStarted", "n_units": 0, "n_done_before": 4, "n_items": 0,
    }  # fmt: skip
    assert hub.count("/resolve/") == 0


def test_scores_from_the_hub_equal_those_from_a_folder(hub, sweep, tmp_path):
    assert run("run", sweep, "--endpoint", hub.endpoint).returncode == 0
    local = tmp_path / "local.yaml"
    local.write_text(
        sweep.read_text()
        .replace("suites: [pythia]", f"suites: [{{path: '{SUITE}'}}]")
        .replace("[14m]", "[36k]")
        .replace(str(tmp_path / "store"), str(tmp_path / "local"))
    )
    assert run("run", local).returncode == 0
    pd.testing.assert_series_equal(scores(tmp_path / "store"), scores(tmp_path / "local"))


def test_a_corrupted_checkpoint_fails_alone_and_is_scored_when_it_is_whole(hub, sweep, tmp_path):
    hub.faults.corrupt["model.safetensors"] = 3  # every reading of the first unit
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert f"ckpt-analyzer run {sweep}" in done.stderr
    assert open_store(tmp_path / "store").trends()["step"].nunique() == 3
    assert run("run", sweep, "--endpoint", hub.endpoint).returncode == 0
    assert open_store(tmp_path / "store").trends()["step"].nunique() == 4


def test_a_revision_that_does_not_exist_is_named_as_missing(hub, sweep):
    sweep.write_text(sweep.read_text().replace("[8, 16, 32, 64]", "[8, 16, 1000]"))
    done = run("plan", sweep, "--endpoint", hub.endpoint)
    assert "1 checkpoint: pythia-14m@step1000" in done.stderr


def test_a_branch_that_moves_after_the_plan_is_scored_at_the_commit_that_was_planned(
    hub, sweep, tmp_path
):
    plan = prepare_plan(sweep, Overrides(endpoint=hub.endpoint))
    planned = plan.units[0].cells[0].commit
    moved = hub.add("EleutherAI/pythia-14m", "step8", hub_files("step128"))
    assert execute(plan, listener=lambda _: None, endpoint=hub.endpoint).n_done == 4
    keys = open_store(tmp_path / "store").done_cells()
    assert planned in {key.commit for key in keys}
    [unit] = prepare_plan(sweep, Overrides(endpoint=hub.endpoint)).units
    assert unit.cells[0].commit == moved


def test_library_talk_is_off_the_screen_unless_asked_for(hub, sweep):
    hub.faults.cut["model.safetensors"] = 1
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 0
    assert "Error while downloading" not in done.stderr
    assert len(done.stderr.splitlines()) == 2
    done = run("plan", sweep, "--endpoint", hub.endpoint, "-v")
    assert "HTTP Request: GET" in done.stderr


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, "your token"), (404, "does not know"), (429, "wait some minutes"), (500, "HTTP 500")],
)
def test_a_hub_that_refuses_is_explained_and_no_token_is_shown(
    hub, sweep, monkeypatch, status, expected
):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecrettoken")
    hub.faults.statuses["/refs"] = status
    done = run("plan", sweep, "--endpoint", hub.endpoint, "-v")
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Bearer hf_verysecrettoken" in hub.authorizations
    assert "verysecret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("place", "status"),
    [("/refs", 401), ("/revision", 500), ("model.safetensors", 403)],
)
def test_a_server_that_repeats_the_token_does_not_get_it_shown(
    hub, sweep, monkeypatch, tmp_path, status, place
):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecrettoken")
    hub.echoes = True
    hub.faults.statuses[place] = status
    done = run("run", sweep, "--endpoint", hub.endpoint, "-v")
    assert done.returncode
    assert "Bearer hf_verysecrettoken" in hub.authorizations
    assert "verysecret" not in done.stdout + done.stderr
    kept = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert not any(b"verysecret" in path.read_bytes() for path in kept)


def test_a_password_in_the_endpoint_is_not_shown(sweep):
    done = run("plan", sweep, "--endpoint", "http://me:verysecret@127.0.0.1:9", "-v")
    assert done.returncode == 2
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr
    assert "verysecret" not in done.stdout + done.stderr


def test_a_hub_that_cannot_be_reached_is_told_from_one_that_answers(sweep):
    done = run("plan", sweep, "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "--endpoint" in done.stderr


def test_a_damaged_unit_is_said_and_scored_again(hub, sweep, tmp_path):
    assert run("run", sweep, "--endpoint", hub.endpoint).returncode == 0
    first, second, *_ = sorted((tmp_path / "store" / "units").glob("*.json"))
    first.unlink()
    second.write_text("{")
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 0
    assert second.name in done.stderr
    assert events(done.stdout)[0]["n_units"] == 2


def start(sweep, hub):
    """Begin a run that hangs on the last checkpoint; return it once the first is in the store."""
    commit = hub.repos["models", "EleutherAI/pythia-14m"].commit_of("step64")
    hub.faults.scripts[commit] = ["stall"]
    process = subprocess.Popen(
        command("run", sweep, "--endpoint", hub.endpoint),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    for line in process.stdout:
        if json.loads(line)["event"] == "UnitStatus":
            break
    return process


def test_a_killed_run_keeps_what_it_scored_and_goes_on_from_there(hub, sweep, tmp_path):
    process = start(sweep, hub)
    process.kill()
    process.communicate()
    hub.faults.scripts.clear()
    kept = open_store(tmp_path / "store").trends(["accuracy"])["step"].nunique()
    assert 1 <= kept < 4
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 0
    assert events(done.stdout)[0]["n_done_before"] == kept
    assert open_store(tmp_path / "store").trends(["accuracy"])["step"].nunique() == 4


def test_an_interrupt_ends_cleanly_and_says_how_to_go_on(hub, sweep):
    process = start(sweep, hub)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"ckpt-analyzer run {sweep}" in talk
    assert "Traceback" not in talk


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "none.yaml"], "there is no sweep file none.yaml"),
        (["status", "nowhere"], "nowhere"),
        (["report", "nowhere", "-o", "x.html"], "nowhere"),
        (["tasks", "memo-trip"], "did you mean 'memo-trap'?"),
        (["suites", "pythai"], "did you mean 'pythia'?"),
    ],
)
def test_a_mistake_is_explained_in_a_few_lines_without_a_traceback(arguments, expected, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4


@pytest.mark.shared_data
def test_an_official_task_is_fetched_from_the_hub_and_scored(hub, sweep, shared_data, tmp_path):
    packed = shared_data / "inverse_scaling" / "memo-trap_classification.jsonl.gz"
    rows = gzip.decompress(packed.read_bytes())
    repo = "inverse-scaling-ttc/inverse_scaling_prize"
    hub.add(repo, "main", {"memo-trap_classification.jsonl": rows}, kind="datasets")
    sweep.write_text(sweep.read_text().replace(str(ITEMS / "toy-grammar.jsonl"), "memo-trap"))
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 0, done.stderr
    trends = open_store(tmp_path / "store").trends(["accuracy"])
    assert set(trends["task"]) == {"memo-trap"}
    assert list(trends["n_items"]) == [40] * 4
