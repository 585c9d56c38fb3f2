"""Every family over its configurations, against plain transformers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ckpt_analyzer import plugins
from ckpt_analyzer.scoring import pack as pack_module
from ckpt_analyzer.scoring.encode import EncodedItem, EncodedItems, Request
from ckpt_analyzer.scoring.family import Family, family_of
from ckpt_analyzer.scoring.score import path_of, score_items

TOLERANCE_NATS = 1e-4
PACKAGE = "ckpt_analyzer.scoring.families"
VOCABULARY = 97

COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,  # wide weights, so that positions and masks matter
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}
GPT2 = {
    "vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64,
    "initializer_range": 0.3, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
BLOOM = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 3, "n_head": 4,
    "initializer_range": 0.3, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None,
}  # fmt: skip
OPT = COMMON | {"ffn_dim": 48, "word_embed_proj_dim": 32, "init_std": 0.3}
GEMMA = COMMON | {"head_dim": 16, "num_key_value_heads": 2, "query_pre_attn_scalar": 8}

ROPE_2 = {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0}

CASES: dict[str, tuple[dict, list[dict]]] = {
    "gpt_neox": (COMMON, [
        {},
        {"use_parallel_residual": False},
        {"tie_word_embeddings": True},
        {"attention_bias": False},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 100.0,
                             "partial_rotary_factor": 1.0}},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4,
                             "partial_rotary_factor": 0.5}},
        {"hidden_act": "gelu_new"},
    ]),
    "llama": (COMMON, [
        {},
        {"num_key_value_heads": 1},
        {"num_key_value_heads": 2, "tie_word_embeddings": True},
        {"attention_bias": True, "mlp_bias": True},
        {"head_dim": 16},
        {"rope_parameters": ROPE_2},
    ]),
    "mistral": (COMMON, [
        {"sliding_window": 5, "num_key_value_heads": 2},
        {"sliding_window": None, "num_key_value_heads": 4},
    ]),
    "qwen2": (COMMON, [
        {"num_key_value_heads": 2},
        {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1,
         "num_key_value_heads": 4, "tie_word_embeddings": True},
    ]),
    "qwen3": (COMMON, [
        {"num_key_value_heads": 2, "head_dim": 16},
        {"num_key_value_heads": 2, "head_dim": 8, "use_sliding_window": True, "sliding_window": 4,
         "max_window_layers": 1, "attention_bias": True},
    ]),
    "olmo": (COMMON, [{}, {"clip_qkv": 0.5}, {"num_key_value_heads": 2}]),
    "olmo2": (COMMON, [{}, {"num_key_value_heads": 2, "attention_bias": True}]),
    "olmo3": (COMMON, [
        {"sliding_window": 4, "num_key_value_heads": 2,
         "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
        {"sliding_window": 4096},
    ]),
    "apertus": (COMMON, [{"num_key_value_heads": 2}]),
    "gemma2": (GEMMA, [
        {"sliding_window": 4, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0},
        {"attn_logit_softcapping": None, "final_logit_softcapping": None},
    ]),
    "gemma3_text": (GEMMA, [
        {"sliding_window": 4,
         "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
        {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0},
    ]),
    "gpt2": (GPT2, [
        {},
        {"scale_attn_weights": False},
        {"scale_attn_by_inverse_layer_idx": True, "tie_word_embeddings": False},
        {"n_inner": 40, "activation_function": "relu"},
    ]),
    "opt": (OPT, [
        {},
        {"do_layer_norm_before": False},
        {"word_embed_proj_dim": 16},
        {"enable_bias": False, "layer_norm_elementwise_affine": False},
        {"_remove_final_layer_norm": True},
    ]),
    "bloom": (BLOOM, [
        {},
        {"n_head": 8},
        {"hidden_size": 36, "n_head": 6},
        {"apply_residual_connection_post_layernorm": True},
    ]),
}  # fmt: skip
PARAMETERS = [
    pytest.param(key, common | change, id=f"{key}-{'-'.join(change) or 'default'}")
    for key, (common, changes) in CASES.items()
    for change in changes
]


def build(key: str, settings: dict) -> torch.nn.Module:
    torch.manual_seed(0)
    config = AutoConfig.for_model(key, **settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for name, parameter in model.named_parameters():  # norms and biases begin as 1 and 0
        if parameter.dim() == 1:
            parameter.data += 0.3 * torch.randn_like(parameter)
        assert parameter.isfinite().all(), name
    return model


@pytest.fixture(scope="module")
def encoded() -> EncodedItems:
    """Items that share beginnings of all lengths, with choices of one to four tokens."""
    rng = np.random.default_rng(0)
    stem = rng.integers(0, VOCABULARY, 30)
    items = []
    for index in range(12):
        own = rng.integers(0, VOCABULARY, rng.integers(1, 12))
        context = np.append(stem[: rng.integers(0, 31)], own).astype(np.int32)
        choices = [rng.integers(0, VOCABULARY, n).astype(np.int32) for n in (1, 1, 3, 4)]
        requests = tuple(Request(context, choice, truncated=False) for choice in choices)
        items.append(EncodedItem(str(index), 0, 0, requests, None, (1,) * 4, (1,) * 4))
    return EncodedItems(tuple(items), 64)


def test_every_family_has_cases():
    keys = {key.replace("-", "_") for key in plugins.names(PACKAGE)}
    assert keys == set(CASES)
    for key in keys:
        assert isinstance(plugins.load(PACKAGE, key.replace("_", "-"), "FAMILY"), Family)


@pytest.mark.parametrize(("key", "settings"), PARAMETERS)
def test_a_family_scores_as_plain_transformers(
    monkeypatch, plain_scores, encoded, device, key, settings
):
    monkeypatch.setattr(pack_module, "BLOCK_TOKENS", 16)
    model = build(key, settings).to(device)
    assert path_of(model) == "packed"
    for batch_tokens in (40, 4096):
        rows = score_items(model, encoded, batch_tokens=batch_tokens).to_pylist()
        for item, row in zip(encoded.items, rows, strict=True):
            expected = [plain_scores(model, request) for request in item.requests]
            assert row["loglikelihood_nats"] == pytest.approx(
                [nats for nats, _ in expected], abs=TOLERANCE_NATS
            )
            assert row["is_greedy"] == [greedy for _, greedy in expected]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
@pytest.mark.parametrize("key", CASES)
def test_half_precision_is_as_near_to_fp64_as_plain_transformers(
    plain_scores, encoded, device, key, dtype
):
    common, changes = CASES[key]
    settings = common | changes[0] | {"initializer_range": 0.1, "init_std": 0.1}
    model = build(key, settings)
    requests = [request for item in encoded.items for request in item.requests]
    exact = np.array([plain_scores(model.double(), request)[0] for request in requests])
    half = model.to(device, dtype)
    plain = np.array([plain_scores(half, request)[0] for request in requests])
    found = np.concatenate(score_items(half, encoded)["loglikelihood_nats"].to_pylist())
    error, plain_error = (np.sqrt(np.mean((one - exact) ** 2)) for one in (found, plain))
    assert error < 1.25 * plain_error + 0.01


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}),
        ("gpt2", {"add_cross_attention": True}),
        ("bloom", {"pretraining_tp": 2, "slow_but_exact": True}),
    ],
)
def test_what_a_family_cannot_do_takes_the_generic_path(key, change):
    assert path_of(build(key, CASES[key][0] | change)) == "padded"


def test_a_family_is_frozen():
    family = family_of(build("gpt2", GPT2))
    assert family is not None
    with pytest.raises(dataclasses.FrozenInstanceError):
        family.embed = None  # type: ignore[misc]
