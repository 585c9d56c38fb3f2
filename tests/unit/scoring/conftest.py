"""Tiny random models of each family and a byte-level tokenizer, built without a network."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
)

CORPUS = [
    "The cat sat on the mat. The dog sat on the log.",
    "Question: is the answer Yes or No? Answer: Yes Answer: No",
    "All that glitters is not gold, write a quote that ends in glad",
]

SMALL = {
    "vocab_size": 320,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    # Wide weights, so that positions, padding and masks matter to the logits.
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}

FAMILIES = {
    "gpt_neox": {},
    "llama": {"num_key_value_heads": 2},
    "olmo": {},
    "olmo2": {},
    "olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
    "mistral": {"num_key_value_heads": 2, "sliding_window": 8},
    "qwen2": {"num_key_value_heads": 2},
    "gpt2": {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 128,
        "resid_pdrop": 0.1,
    },
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "dropout": 0.1, "init_std": 0.3},
    "bloom": {"n_layer": 2, "n_head": 4},
    "gemma2": {
        "num_key_value_heads": 2,
        "head_dim": 8,
        "final_logit_softcapping": 5.0,
        "query_pre_attn_scalar": 8,
    },
    "cohere": {"num_key_value_heads": 2, "logit_scale": 0.0625},
}


def build_model(family: str, seed: int = 0) -> torch.nn.Module:
    settings = SMALL | FAMILIES[family]
    if family in ("gpt2", "bloom"):
        for name in ("intermediate_size", "num_hidden_layers", "num_attention_heads"):
            settings.pop(name)
        settings.pop("max_position_embeddings")
    if family == "gpt2":
        settings.pop("hidden_size")
    torch.manual_seed(seed)
    config = AutoConfig.for_model(family, **settings)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def make_model():
    return build_model


@pytest.fixture(scope="session")
def neox():
    return build_model("gpt_neox")


def build_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|end|>", "<|begin|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


@pytest.fixture(scope="session")
def make_tokenizer():
    return build_tokenizer


@pytest.fixture(scope="session")
def tokenizer():
    """A tokenizer like Pythia's: byte-level, EOS but no BOS of its own, adds nothing."""
    return build_tokenizer(eos_token="<|end|>")


def _devices() -> list[str]:
    """Return the devices of this machine: parity is tested on each."""
    backends = {"cuda": torch.cuda, "mps": torch.backends.mps}
    return ["cpu", *(name for name, backend in backends.items() if backend.is_available())]


@pytest.fixture(scope="session", params=_devices())
def device(request):
    return request.param


def score_plainly(model, request) -> tuple[float, bool]:
    """Score one request as a reader would by hand: one sequence, full logits, fp32."""
    ids = torch.tensor([[*request.context_ids, *request.continuation_ids]], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids[:, :-1]).logits.float()[0]
    targets = ids[0, -len(request.continuation_ids) :]
    logprobs = logits.log_softmax(-1)[-len(targets) :]
    total = logprobs.gather(1, targets[:, None]).double().sum().item()
    return total, bool((logprobs.argmax(-1) == targets).all())


@pytest.fixture(scope="session")
def plain_scores():
    return score_plainly
