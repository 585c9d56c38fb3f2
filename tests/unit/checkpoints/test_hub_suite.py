"""A repository with one branch per step is a suite, found from its refs and headers."""

import json

import pytest

from ckpt_analyzer.checkpoints.growth import Growth, NothingYetError, Seen
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.hub_suite import HubFacts, HubRun, find_hub_suite
from ckpt_analyzer.errors import CheckpointError, SourceError
from hub_server import HubServer
from toy_checkpoint import NON_EMBEDDING_PARAMETERS, PARAMETERS, files, sharded_files

REPO = "me/my-run"


def branch(step, tokens=None):
    state = {} if tokens is None else {"num_input_tokens_seen": tokens}
    content = {"trainer_state.json": json.dumps({"global_step": step} | state).encode()}
    return files(fill=step % 250) | content


@pytest.fixture
def hub():
    with HubServer() as server:
        server.add(REPO, "main", {"README.md": b"x"})
        for step in (10, 20):
            server.add(REPO, f"step{step}", branch(step, 64 * step))
        server.add(REPO, "step007", branch(7))
        yield server


def source(hub, tmp_path):
    return HubSource(
        cache_dir=tmp_path / "scratch", max_cache_bytes=10**8, endpoint=hub.endpoint,
        reading=HubReading(metadata_dir=tmp_path / "metadata"),
    )  # fmt: skip


def test_steps_come_from_the_refs_and_facts_from_headers_and_the_trainer(hub, tmp_path):
    (model,) = find_hub_suite(source(hub, tmp_path), HubRun(REPO)).models
    assert (model.name, model.repo, model.steps) == ("my-run", REPO, (10, 20))
    assert model.tokens_per_step == 64
    assert model.parameters == PARAMETERS
    assert model.non_embedding_parameters == NON_EMBEDDING_PARAMETERS


def test_parameters_are_counted_over_shards(hub, tmp_path):
    hub.add("me/sharded", "v1", sharded_files())
    run = HubRun("me/sharded", "v{step}", tokens_per_step=8)
    assert find_hub_suite(source(hub, tmp_path), run).models[0].parameters == PARAMETERS


def test_tokens_that_nobody_counted_must_be_given(hub, tmp_path):
    hub.add("me/uncounted", "step5", branch(5))
    with pytest.raises(CheckpointError, match="tokens per step of uncounted") as caught:
        find_hub_suite(source(hub, tmp_path), HubRun("me/uncounted"))
    assert "tokens_per_step" in caught.value.hint
    hub.add("me/bare", "step5", files())
    with pytest.raises(CheckpointError, match="tokens per step of bare"):
        find_hub_suite(source(hub, tmp_path), HubRun("me/bare"))


def test_branches_of_other_names_and_unknown_repositories_are_errors(hub, tmp_path):
    with pytest.raises(CheckpointError, match="no branch or tag of me/my-run is named"):
        find_hub_suite(source(hub, tmp_path), HubRun(REPO, "x{step}"))
    with pytest.raises(SourceError):
        find_hub_suite(source(hub, tmp_path), HubRun("me/none"))


def look(hub, tmp_path, growth, facts):
    return find_hub_suite(source(hub, tmp_path), HubRun(REPO), growth=growth, facts=facts)


def test_a_branch_that_lacks_files_is_waited_for_and_taken_when_it_has_them(hub, tmp_path):
    half = branch(30, 64 * 30)
    weights = half.pop("model.safetensors")
    hub.add(REPO, "step30", half)
    growth, facts = Growth(60), HubFacts()
    (model,) = find_hub_suite(
        source(hub, tmp_path), HubRun(REPO), growth=growth, facts=facts
    ).models
    assert model.steps == (10, 20)
    assert set(growth.waiting) == {Seen("my-run", 30)}
    hub.add(REPO, "step30", half | {"model.safetensors": weights})
    growth.look()
    hub.requests.clear()
    (model,) = find_hub_suite(
        source(hub, tmp_path), HubRun(REPO), growth=growth, facts=facts
    ).models
    assert model.steps == (10, 20, 30)
    assert growth.waiting == {}
    # One look costs the refs, and what is new.
    assert hub.count("/refs") == 1
    assert hub.count("revision/") == 1
    assert hub.count("safetensors") == 0


def test_a_repository_without_whole_checkpoints_is_nothing_yet(hub, tmp_path):
    hub.add("me/new", "main", {"README.md": b"x"})
    with pytest.raises(NothingYetError):
        find_hub_suite(source(hub, tmp_path), HubRun("me/new"), growth=Growth(60))
