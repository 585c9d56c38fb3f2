"""A model that transformers saved is the same checkpoint in a folder and on a Hub."""

from dataclasses import replace

import pytest
import transformers

from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.checkpoints.local_suite import find_local_suite
from ckpt_analyzer.scoring.in_place import InPlaceModel
from hub_server import HubServer


@pytest.fixture(scope="module")
def model():
    config = transformers.GPTNeoXConfig(
        vocab_size=50,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
    )
    return transformers.GPTNeoXForCausalLM(config)


@pytest.fixture
def suite(model, tmp_path):
    model.save_pretrained(tmp_path / "suite" / "toy" / "step0")
    model.save_pretrained(tmp_path / "suite" / "toy" / "step1", max_shard_size="3KB")
    return find_local_suite(tmp_path / "suite", tokens_per_step=8)


def test_parameters_are_those_that_torch_counts(model, suite):
    embeddings = (model.get_input_embeddings(), model.get_output_embeddings())
    n_embedding = sum(module.weight.numel() for module in embeddings)
    assert suite.models[0].parameters == model.num_parameters()
    assert suite.models[0].non_embedding_parameters == model.num_parameters() - n_embedding


@pytest.mark.parametrize("step", [0, 1])
def test_a_folder_and_a_hub_give_equal_digests_and_a_model_that_loads(model, suite, step, tmp_path):
    in_folder = suite.models[0]
    on_hub = replace(in_folder, repo="org/toy")
    with HubServer() as hub:
        hub.add_suite(tmp_path / "suite", "org")
        source = HubSource(
            cache_dir=tmp_path / "cache", max_cache_bytes=10**7, endpoint=hub.endpoint
        )
        resolved = source.resolve(suite.checkpoint(on_hub, step))
        local = LocalSource(suite).resolve(suite.checkpoint(in_folder, step))
        assert resolved.weights_sha256 == local.weights_sha256
        assert (len(resolved.weight_files) > 1) == (step == 1)
        with source.fetch(resolved) as opened:
            loaded = InPlaceModel("fp32", "cpu").load(opened.folder, opened.slices())
    heads = (each.get_output_embeddings().weight for each in (loaded, model))
    assert (next(heads) == next(heads)).all()
