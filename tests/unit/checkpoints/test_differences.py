"""A suite against the Hub: what is there and not expected, what is expected and not there."""

import json

import pytest

from ckpt_analyzer.checkpoints.differences import check_model
from ckpt_analyzer.checkpoints.download import Line
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.locating.commit_title import CommitTitle
from ckpt_analyzer.checkpoints.locating.separate_repos import SeparateRepos
from ckpt_analyzer.checkpoints.locating.subfolder import Subfolder
from ckpt_analyzer.errors import SourceError
from ckpt_analyzer.suite import Model, Saved, Suite
from command_line import run
from hub_server import HubServer
from toy_checkpoint import files

REPO = "org/toy"
CONFIG = {
    "model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "vocab_size": 10, "tie_word_embeddings": False,
}  # fmt: skip
#: Embeddings and head 2 × 10 × 8, attention 4 × 8 × 8, feed-forward 3 × 8 × 16, three norms of 8.
PARAMETERS = 160 + 256 + 384 + 24


def content(fill=0):
    return files(fill) | {"config.json": json.dumps(CONFIG).encode()}


def toy(**changes):
    facts = {
        "name": "toy", "size": "1k", "repo": REPO, "parameters": PARAMETERS,
        "non_embedding_parameters": None, "steps": (1, 2, 3), "tokens_per_step": 10_000_000,
    }  # fmt: skip
    return Model(**(facts | changes))


@pytest.fixture
def hub():
    with HubServer() as server:
        for step in (1, 2, 3):
            server.add(REPO, f"step{step}", content(step))
        server.add(REPO, "main", content(3))
        yield server


def differences(hub, tmp_path, *models):
    source = HubSource(
        reading=HubReading(
            line=Line(pause=lambda seconds: None), metadata_dir=tmp_path / "metadata"
        ),
        cache_dir=tmp_path / "cache",
        max_cache_bytes=0,
        endpoint=hub.endpoint,
    )
    suite = Suite("toy", "Toy", models, "", "", "", "")
    checked = check_model(suite, models[0], source)
    return [(each.kind, each.name, each.is_note) for each in checked.differences]


def test_a_suite_that_the_hub_bears_out_differs_in_nothing(hub, tmp_path):
    assert differences(hub, tmp_path, toy()) == []
    assert hub.count("safetensors") == 0


def test_a_step_that_is_not_there_and_one_that_is_not_expected_are_told(hub, tmp_path):
    hub.delete(REPO, "step2")
    hub.add(REPO, "step9", content())
    assert differences(hub, tmp_path, toy()) == [
        ("missing-step", "step2", False), ("unknown-step", "step9", False),
    ]  # fmt: skip


def test_a_name_that_is_no_step_is_a_note(hub, tmp_path):
    hub.add(REPO, "longctx-step4", content())
    assert differences(hub, tmp_path, toy()) == [("unknown-name", "longctx-step4", True)]


def test_more_steps_of_an_open_model_are_no_difference_and_fewer_are(hub, tmp_path):
    assert differences(hub, tmp_path, toy(steps=(1,), is_open=True)) == []
    assert differences(hub, tmp_path, toy(steps=(1, 7), is_open=True)) == [
        ("missing-step", "step7", False)
    ]


def test_another_number_of_checkpoints_than_others_counted_is_told(hub, tmp_path):
    assert differences(hub, tmp_path, toy(is_open=True, n_published=3)) == []
    assert differences(hub, tmp_path, toy(is_open=True, n_published=4)) == [("count", REPO, False)]


def test_a_count_of_parameters_that_the_configuration_contradicts_is_told(hub, tmp_path):
    assert differences(hub, tmp_path, toy(parameters=PARAMETERS + 8)) == [
        ("parameters", "step3", False)
    ]


def test_where_the_configuration_is_not_understood_the_stored_count_is_a_note(hub, tmp_path):
    hub.add(REPO, "step3", files())
    assert differences(hub, tmp_path, toy()) == [("stored-parameters", "step3", True)]


def test_a_repository_that_is_gone_is_one_difference(hub, tmp_path):
    assert differences(hub, tmp_path, toy(repo="org/gone")) == [
        ("no-repository", "org/gone", False)
    ]


def test_a_tokenizer_repository_that_is_gone_is_told(hub, tmp_path):
    assert differences(hub, tmp_path, toy(tokenizer_repo="org/gone")) == [
        ("no-tokenizer", "org/gone", False)
    ]


def test_a_hub_that_is_not_reached_is_an_error_and_no_difference(hub, tmp_path):
    hub.faults.statuses["/refs"] = 403
    with pytest.raises(SourceError):
        differences(hub, tmp_path, toy())


def test_runs_of_other_seeds_in_one_repository_are_no_difference(hub, tmp_path):
    for seed in ("a", "b"):
        hub.add("org/seeds", f"step1-seed-{seed}", content())
    models = [
        toy(name=seed, repo="org/seeds", steps=(1,), revision=f"step{{step}}-seed-{seed}")
        for seed in ("a", "b")
    ]
    assert differences(hub, tmp_path, *models) == []
    assert differences(hub, tmp_path, models[0]) == [("unknown-name", "step1-seed-b", True)]


def test_commits_folders_and_repositories_are_compared_as_well(hub, tmp_path):
    for step in (1, 3, 4):
        hub.add("org/commits", "run", content(step), title=f"Step {step}")
    by_title = toy(repo="org/commits", revision="Step {step}", locating=CommitTitle("run"))
    assert differences(hub, tmp_path, by_title) == [
        ("missing-step", "Step 2", False), ("unknown-step", "Step 4", False),
    ]  # fmt: skip
    names = ("ckpt/0.01B", "ckpt/0.03B", "ckpt/0.04B")
    folders = {f"{name}/{n}": data for name in names for n, data in content().items()}
    hub.add("org/folders", "main", folders)
    by_folder = toy(repo="org/folders", revision="ckpt/{tokens_decimal}B",
                    locating=Subfolder("ckpt"))  # fmt: skip
    assert differences(hub, tmp_path, by_folder) == [
        ("missing-step", "ckpt/0.02B", False), ("unknown-step", "ckpt/0.04B", False),
    ]  # fmt: skip
    for step in (1, 3):
        hub.add(f"org/toy-{step}", "main", content(step))
    saved = tuple(Saved(step, f"org/toy-{step}") for step in (1, 2, 3))
    apart = toy(repo="org/toy-3", saved=saved, locating=SeparateRepos())
    assert differences(hub, tmp_path, apart) == [("missing-step", "org/toy-2", False)]


def test_the_command_prints_the_differences_and_its_exit_code_tells(hub):
    chat = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    for step in range(1, 360):
        hub.add("LLM360/Amber", f"ckpt_{step - 1:03d}", chat)
    hub.add("LLM360/Amber", "main", chat)
    hub.add("LLM360/AmberChat", "main", chat)
    sound = run("suites", "amber", "--check", "--endpoint", hub.endpoint, "--json")
    assert sound.returncode == 0, sound.stderr
    told = json.loads(sound.stdout)
    assert told["checkpoints"] == {"amber": 360, "amberchat": 1}
    assert told["differences"] == []
    hub.delete("LLM360/Amber", "ckpt_007")
    wrong = run("suites", "amber", "--check", "--endpoint", hub.endpoint)
    assert wrong.returncode == 1
    assert "missing-step" in wrong.stdout
    assert "ckpt_007" in wrong.stdout
    assert run("suites", "--check").returncode == 2
