"""One sweep over suites that lay out their checkpoints in four ways, as a user runs it."""

import json

import pytest

from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, run
from hub_server import HubServer

SWEEP = """\
name: layouts
suites:
  - {{suite: pico, sizes: [tiny], steps: [1000, 2000]}}
  - {{suite: map-neo, sizes: [250M]}}
  - {{suite: tinyllama, sizes: [tinyllama-1.1b], steps: [955000, 1195000, 1431000]}}
  - {{suite: bloom, sizes: [560m], steps: [1000, 10000]}}
tasks: ['{task}']
limit: 40
device: cpu
store: '{store}'
"""
TOY = (256, 4096)
STEP_NAMED = "TinyLlama/TinyLlama-1.1B-intermediate-step-"


def toy_files(step):
    return {
        path.name: path.read_bytes() for path in (SUITE / "toy-neox-36k" / f"step{step}").iterdir()
    }


@pytest.fixture(scope="module")
def hub():
    """Toy weights of two steps, served four times."""
    early, late = map(toy_files, TOY)
    with HubServer(signed=True) as server:
        server.commits_per_page = 2
        server.add("pico-lm/pico-decoder-tiny", "main", {"README.md": b"see the branch"})
        for step, files in ((0, early), (1000, early), (2000, late)):
            title = f"Saving HF Model -- Step {step}"
            server.add("pico-lm/pico-decoder-tiny", "pico-decoder-tiny-1", files, title=title)
        folders = {"hf_ckpt/16.78B": early, "hf_ckpt/33.55B": late}
        content = {f"{folder}/{n}": data for folder, f in folders.items() for n, data in f.items()}
        server.add("m-a-p/neo_scalinglaw_250M", "main", content)
        server.add("m-a-p/neo_7b", "main", late)
        server.add(f"{STEP_NAMED}955k-token-2T", "main", early)
        server.add(f"{STEP_NAMED}1431k-3T", "main", late)
        without = {n: data for n, data in early.items() if not n.startswith("tokenizer")}
        server.add("bigscience/bloom-560m-intermediate", "global_step1000", without, tag=True)
        without = {n: data for n, data in late.items() if not n.startswith("tokenizer")}
        server.add("bigscience/bloom-560m-intermediate", "global_step10000", without, tag=True)
        server.add("bigscience/bloom-560m", "main", late)
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("layouts")


@pytest.fixture(scope="module")
def sweep(folder):
    path = folder / "sweep.yaml"
    path.write_text(SWEEP.format(task=ITEMS / "toy-grammar.jsonl", store=folder / "store"))
    return path


def test_the_plan_finds_what_is_there_and_says_what_is_missing(hub, sweep):
    done = run("plan", sweep, "--endpoint", hub.endpoint, "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["n_units"] == 2 + 2 + 2 + 2
    assert plan["n_missing"] == 1  # TinyLlama at 1195k has no repository here
    assert hub.count("safetensors") == 0


def test_a_run_scores_the_same_weights_to_the_same_numbers_wherever_they_lie(hub, sweep, folder):
    done = run("run", sweep, "--endpoint", hub.endpoint)
    assert done.returncode == 0, done.stderr
    trends = open_store(folder / "store").trends(["gold_probability"])
    assert len(trends) == 8
    by_suite = trends.pivot_table(index="suite", columns=trends.groupby("suite").cumcount(),
                                  values="value")  # fmt: skip
    assert (by_suite == by_suite.iloc[0]).all(axis=None)
    assert (by_suite[0] != by_suite[1]).all()
    tokens = {suite: list(rows["tokens"]) for suite, rows in trends.groupby("suite")}
    assert tokens["map-neo"] == [16_780_000_000, 33_550_000_000]
    assert tokens["pico"] == [1000 * 2_097_152, 2000 * 2_097_152]
    assert trends["suspect"].isna().all()


def test_a_second_run_has_nothing_to_do(hub, sweep):
    again = run("plan", sweep, "--endpoint", hub.endpoint, "--json")
    assert json.loads(again.stdout)["n_units"] == 0


def test_the_audit_reads_folders_and_titled_commits(hub):
    for suite, size in (("map-neo", "250M"), ("pico", "tiny")):
        done = run("audit", suite, "--sizes", size, "--endpoint", hub.endpoint, "--json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        suspect = [line["revision"] for line in lines if line["standing"] == "suspect"]
        # Steps 0 and 1000 of Pico share weights here, the folders of MAP-Neo none.
        assert bool(suspect) == (suite == "pico"), done.stdout
        missing = [line["step"] for line in lines if line["finding"] == "missing-step"]
        assert len(missing) == (198 if suite == "pico" else 0)
