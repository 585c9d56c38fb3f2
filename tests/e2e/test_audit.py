"""From the audit of a planted suite to a report, as a user runs it."""

import json

import pandas as pd
import pytest

from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, REPOSITORY, events, run
from hub_server import HubServer
from planted_hub import REPO, plant_suite, plant_weights_of, serve_series, serve_toy_weights

#: Pythia's step → the toy step whose weights it serves. Steps 4 and 16 serve those of the end.
TOY_STEPS = {1: 8, 2: 64, 4: 4096, 8: 256, 16: 4096, 32: 1024, 64: 1536, 128: 2048, 143000: 4096}
SWEEP = """\
name: planted
suites: [pythia]
sizes: [14m]
steps: [1, 2, 4, 8, 16, 32, 64, 128, 143000]
tasks: ['{task}']
limit: 40
device: cpu
store: '{store}'
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def hub():
    with HubServer() as server:
        serve_toy_weights(server, TOY_STEPS)
        yield server


@pytest.fixture(scope="module")
def sweep(folder):
    path = folder / "sweep.yaml"
    path.write_text(SWEEP.format(task=ITEMS / "toy-grammar.jsonl", store=folder / "store"))
    return path


@pytest.fixture(scope="module")
def finished(hub, sweep):
    hub.requests.clear()
    return run("run", sweep, "--endpoint", hub.endpoint)


def test_a_run_marks_the_suspects_and_scores_equal_weights_once(finished, hub, folder):
    assert finished.returncode == 0, finished.stderr
    lines = events(finished.stdout)
    audited = [line for line in lines if line["event"] == "ModelAudited"]
    assert audited == [
        {"event": "ModelAudited", "model": "pythia-14m", "n_checkpoints": 9, "n_suspect": 2,
         "problem": ""}
    ]  # fmt: skip
    assert len([line for line in lines if line["event"] == "CheckpointFetched"]) == 7
    runs = open_store(folder / "store").runs().set_index("step").sort_index()
    assert list(runs.index[runs["suspect"].notna()]) == [4, 16]
    assert runs["copied_from"].dropna().to_dict() == {
        16: "pythia-14m@step4", 143000: "pythia-14m@step4",
    }  # fmt: skip
    weights = [r for r in hub.requests if r.startswith("GET") and r.endswith("model.safetensors")]
    assert len(weights) == 7


def test_metadata_cost_one_request_per_revision_in_all(finished, hub):
    assert hub.count("/refs") == 1
    assert hub.count("/api/models/EleutherAI/pythia-14m/revision/") == len(TOY_STEPS)


def test_copied_rows_are_the_rows_of_the_same_weights_under_their_own_step(finished, folder):
    items = open_store(folder / "store").items(metric="gold_probability")
    of = {step: rows.set_index("item")["score"] for step, rows in items.groupby("step")}
    pd.testing.assert_series_equal(of[16], of[143000])
    pd.testing.assert_series_equal(of[4], of[143000])
    assert not of[8].equals(of[143000])
    assert set(items.loc[items["step"] == 16, "tokens"]) == {16 * 2_097_152}


def test_a_second_run_has_nothing_to_do(finished, hub, sweep):
    again = run("run", sweep, "--endpoint", hub.endpoint)
    assert events(again.stdout)[0]["n_units"] == 0
    assert "nothing to do" in again.stderr


def test_a_lost_copy_is_copied_again_and_nothing_is_downloaded(finished, hub, sweep, folder):
    (lost,) = (folder / "store" / "units").glob("pythia-14m-step16-*.json")
    lost.unlink()
    plan = json.loads(run("plan", sweep, "--endpoint", hub.endpoint, "--json").stdout)
    assert (plan["n_units"], plan["n_suspect"], plan["n_equal"]) == (1, 1, 1)
    hub.requests.clear()
    again = run("run", sweep, "--endpoint", hub.endpoint)
    assert again.returncode == 0, again.stderr
    assert hub.count("/resolve/") == 0
    assert lost.exists()


def test_suspects_are_left_out_of_the_flips_unless_asked_for(finished, folder):
    store = folder / "store"
    flips = {
        flag: json.loads(run("fit", store, "--json", *flag).stdout)
        for flag in ((), ("--with-suspects",))
    }
    for flag, rows in flips.items():
        (row,) = [r for r in rows if (r["metric"], r["axis"]) == ("accuracy", "tokens")]
        assert row["n_checkpoints"] == (9 if flag else 7)
        assert ("suspect-left-out" in row["flags"]) == (not flag)


def test_status_counts_suspects_and_equal_weights(finished, folder):
    (row,) = json.loads(run("status", folder / "store", "--json").stdout)
    assert (row["checkpoints"], row["suspect"], row["equal weights"]) == (9, 2, 2)


def test_the_report_warns_of_suspects_and_lists_them_with_their_reason(finished, folder):
    page = folder / "report.html"
    assert run("report", folder / "store", "-o", page).returncode == 0
    text = page.read_text()
    assert "left out of every fit: pythia-14m step 4, 16" in text
    assert "holds the same weights as step143000, the end of training" in text
    assert run("report", folder / "store", "-o", page, "--with-suspects").returncode == 0
    text = page.read_text()
    assert "taken into every fit, as was asked: pythia-14m step 4, 16" in text
    assert "left out of every fit" not in text


@pytest.fixture
def series():
    with HubServer() as server:
        serve_series(server, (0, 1, 2, 4, 8, 143000))
        yield server


def test_an_audit_prints_a_table_and_ends_with_1_where_there_are_suspects(series, tmp_path):
    arguments = ("audit", "pythia", "--sizes", "14m", "--endpoint", series.endpoint)
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "reported" in done.stdout
    assert "6 checkpoints of 1 model audited, 0 suspect" in done.stderr
    plant_weights_of(series, 4, 143000)
    done = run(*arguments, "--store", tmp_path / "store")
    assert done.returncode == 1, done.stderr
    assert "holds the same weights as step143000" in done.stdout
    audit = open_store(tmp_path / "store").audit()
    assert list(audit.loc[audit["standing"] == "suspect", "step"]) == [4]


def test_the_example_of_the_documentation_is_what_the_command_prints():
    with HubServer() as planted:
        plant_suite(planted)
        done = run("audit", "pythia", "--sizes", "14m", "--endpoint", planted.endpoint)
    page = (REPOSITORY / "docs" / "auditing-a-suite.md").read_text()
    example = page.partition("-->\n```\n")[2].partition("\n```")[0]
    assert [line.rstrip() for line in done.stdout.splitlines()] == example.splitlines()


def test_an_audit_as_json_has_a_line_per_checkpoint_and_finding(series):
    plant_weights_of(series, 4, 143000)
    done = run("audit", "pythia", "--sizes", "14m", "--endpoint", series.endpoint, "--json")
    lines = [line for line in events(done.stdout) if line["finding"] != "missing-step"]
    assert [(line["step"], line["standing"]) for line in lines] == [
        (0, "expected"), (1, "expected"), (2, "sound"), (4, "suspect"), (8, "sound"),
        (143000, "sound"),
    ]  # fmt: skip


def test_an_audit_after_the_run_marks_what_was_scored(tmp_path):
    with HubServer() as hub:
        serve_toy_weights(hub, {step: TOY_STEPS[step] for step in (1, 2, 4)})
        sweep = tmp_path / "sweep.yaml"
        text = SWEEP.format(task=ITEMS / "toy-grammar.jsonl", store=tmp_path / "store")
        sweep.write_text(text.replace("[1, 2, 4, 8, 16, 32, 64, 128, 143000]", "[1, 2, 4]"))
        assert run("run", sweep, "--endpoint", hub.endpoint).returncode == 0
        store = open_store(tmp_path / "store")
        assert store.runs()["suspect"].isna().all()
        before = store.content_id()
        serve_toy_weights(hub, {143000: 4096})
        audit = ("audit", "pythia", "--sizes", "14m", "--store", store.path)
        assert run(*audit, "--endpoint", hub.endpoint).returncode == 1
        trends = store.trends(["accuracy"])
        assert list(trends.loc[trends["suspect"].notna(), "step"]) == [4]
        assert store.content_id() != before


@pytest.mark.parametrize("verb", ["audit", "run"])
@pytest.mark.parametrize(
    ("status", "said", "then"),
    [
        (401, "does not accept your token", "hf auth login"),
        (429, "refuses more requests", "hf auth login"),
    ],
)
def test_a_wrong_token_and_a_spent_allowance_are_one_clear_sentence(
    series, sweep, tmp_path, monkeypatch, verb, status, said, then
):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecrettoken")
    series.faults.statuses["/api/"] = status
    subject = {"audit": ["pythia", "--sizes", "14m"], "run": [sweep, "--store", tmp_path / "s"]}
    done = run(verb, *subject[verb], "--endpoint", series.endpoint, "-v")
    assert done.returncode == 2
    assert said in done.stderr
    assert then in done.stderr
    assert "Traceback (most" not in run(
        verb, *subject[verb], "--endpoint", series.endpoint
    ).stderr  # fmt: skip
    assert "verysecret" not in done.stdout + done.stderr


def test_a_gated_repository_without_token_is_one_clear_sentence(series):
    series.faults.gated.add(REPO)
    done = run("audit", "pythia", "--sizes", "14m", "--endpoint", series.endpoint)
    assert done.returncode == 2
    assert "is gated: its authors ask for your consent first" in done.stderr
    assert "hf auth login" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_network_is_one_clear_sentence():
    done = run("audit", "pythia", "--sizes", "14m", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "check the connection" in done.stderr
    assert len([line for line in done.stderr.splitlines() if line]) <= 4
