"""Counts from a configuration are those of the modules of transformers, and the published ones."""

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from ckpt_analyzer import suites
from ckpt_analyzer.checkpoints.config_size import count_from_config

SMALL = {
    "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 6, "intermediate_size": 80,
    "vocab_size": 97, "max_position_embeddings": 32,
}  # fmt: skip
MORE = {"plain": {}, "tied": {"tie_word_embeddings": True}, "grouped": {"num_key_value_heads": 2}}
FAMILIES = ("gpt_neox", "llama", "mistral", "olmo", "olmo2", "olmo3", "qwen2", "qwen3")
CASES = [
    pytest.param(family, more, id=f"{family}-{name}")
    for family in FAMILIES
    for name, more in MORE.items()
    if (family, name) != ("gpt_neox", "grouped")  # it has no grouped keys
]


@pytest.mark.parametrize(("family", "more"), CASES)
def test_a_count_is_that_of_the_modules_of_transformers(family, more):
    wanted = {**SMALL, "pad_token_id": None, "tie_word_embeddings": False, **more}
    config = CONFIG_MAPPING[family](**wanted)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    expected = sum(parameter.numel() for parameter in model.parameters())
    assert count_from_config(config.to_dict()) == expected


def test_the_published_counts_of_pythia_come_out():
    facts = {"model_type": "gpt_neox", "vocab_size": 50304, "tie_word_embeddings": False}
    shapes = {"70m": (512, 6, 8), "410m": (1024, 24, 16), "2.8b": (2560, 32, 32)}
    for size, (hidden, layers, heads) in shapes.items():
        config = facts | {
            "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "intermediate_size": 4 * hidden,
        }  # fmt: skip
        assert count_from_config(config) == suites.load("pythia").model(size).parameters


def test_the_published_count_of_olmo2_comes_out():
    config = {
        "model_type": "olmo2", "vocab_size": 100352, "tie_word_embeddings": False,
        "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16,
        "intermediate_size": 8192,
    }  # fmt: skip
    assert count_from_config(config) == suites.load("olmo2").model("1b").parameters


@pytest.mark.parametrize("config", [{}, {"model_type": "own"}, {"model_type": "llama"}])
def test_what_is_not_described_has_no_count(config):
    assert count_from_config(config) is None
