"""Names in files and names in models, for each family and for what old releases wrote."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring.parameter_names import ParameterNames

FAMILIES = (
    "gpt_neox", "llama", "olmo", "olmo2", "mistral", "qwen2", "gpt2", "opt", "bloom", "gemma2",
    "cohere",
)  # fmt: skip


def stored_names(model, folder) -> list[str]:
    """The names that transformers itself writes into a file."""
    model.save_pretrained(folder)
    return list(load_file(folder / "model.safetensors"))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_transformers_writes_fills_every_parameter_once(make_model, tmp_path, family):
    model = make_model(family)
    names = ParameterNames(model)
    filled = [names.filled_by(name) for name in stored_names(model, tmp_path)]
    assert sorted(filled) == sorted(names.shapes)
    names.check_complete(filled)


@pytest.mark.parametrize("family", ["gpt_neox", "gpt2", "bloom"])
def test_a_model_without_memory_has_the_same_names(make_model, family):
    model = make_model(family)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(model.config)
    assert ParameterNames(empty).shapes == ParameterNames(model).shapes
    assert ParameterNames(empty).tied == ParameterNames(model).tied


def test_the_head_of_pythia_is_found_under_its_old_and_its_new_name(neox):
    names = ParameterNames(neox)
    assert names.filled_by("embed_out.weight") == names.filled_by("lm_head.weight")
    assert names.filled_by("embed_out.weight") in names.shapes


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("gpt_neox", "gpt_neox.layers.0.attention.bias"),
        ("gpt_neox", "gpt_neox.layers.1.attention.masked_bias"),
        ("gpt_neox", "gpt_neox.layers.1.attention.rotary_emb.inv_freq"),
        ("llama", "model.layers.0.self_attn.rotary_emb.inv_freq"),
        ("gpt2", "h.0.attn.bias"),
        ("gpt2", "transformer.h.0.attn.masked_bias"),
    ],
)
def test_tensors_that_a_model_computes_for_itself_fill_nothing(make_model, family, name):
    assert ParameterNames(make_model(family)).filled_by(name) is None


@pytest.mark.parametrize("family", ["gpt2", "bloom", "opt"])
def test_the_prefix_of_the_headless_model_may_be_missing(make_model, family):
    model = make_model(family)
    names = ParameterNames(model)
    prefix = f"{model.base_model_prefix}."
    inner = [name for name in names.shapes if name.startswith(prefix)]
    assert inner
    assert [names.filled_by(name.removeprefix(prefix)) for name in inner] == inner


def test_a_bias_beside_a_mask_of_the_same_ending_is_a_parameter(make_model):
    names = ParameterNames(make_model("gpt2"))
    assert names.filled_by("h.0.attn.c_attn.bias") == "transformer.h.0.attn.c_attn.bias"


def test_a_tied_head_fills_the_embedding(make_model):
    names = ParameterNames(make_model("gpt2"))
    assert names.filled_by("lm_head.weight") == "transformer.wte.weight"
    assert names.filled_by("wte.weight") == "transformer.wte.weight"
    assert "lm_head.weight" not in names.shapes
    names.check_complete(names.shapes)


def test_an_unexpected_name_is_an_error_that_names_it(neox):
    with pytest.raises(CheckpointError, match=r"adapter\.weight unexpected"):
        ParameterNames(neox).filled_by("gpt_neox.adapter.weight")


def test_missing_names_are_an_error_that_names_them(neox):
    names = ParameterNames(neox)
    some = [name for name in names.shapes if ".layers.1." not in name]
    with pytest.raises(CheckpointError, match=r"layers\.1\..* and \d+ more missing"):
        names.check_complete(some)


def test_experts_that_are_joined_while_loading_are_not_one_to_one(make_model):
    assert not ParameterNames(make_model("olmoe")).are_one_to_one
    assert ParameterNames(make_model("gpt_neox")).are_one_to_one
