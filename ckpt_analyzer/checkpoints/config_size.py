"""How many parameters a model of a given configuration has, without building it.

In: the content of ``config.json``. Out: a count, or None for an architecture that is not described
here. Buffers are not counted, tied weights once.

Legend of the formulas: v vocabulary, h hidden size, k hidden size of keys and values, m hidden size
of the feed-forward part, n layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]
#: No size of any model comes near it.
_MOST = 2**40


@dataclass(frozen=True)
class _Sizes:
    v: int
    h: int
    q: int
    k: int
    m: int
    n: int
    head: int
    embeddings: int


def count_from_config(config: Config) -> int | None:
    """Return the parameters of a model with this configuration; None if it cannot be told.

    References
    ----------
    The modules of transformers 5; ``tests/unit/checkpoints/test_config_size.py`` holds each
    formula against them, and against the published counts of Pythia and OLMo 2.
    """
    formula = _FORMULAS.get(str(config.get("model_type")))
    if formula is None:
        return None
    try:
        sizes = _sizes(config)
    except (KeyError, TypeError):
        return None
    return sizes.embeddings + formula(sizes, config)


def _size(config: Config, name: str, default: int | None = None) -> int:
    """Return a size of `config`; `default` stands for one that is not given."""
    value = config[name] if default is None else config.get(name) or default
    if type(value) is not int or not 0 < value < _MOST:
        raise TypeError
    return value


def _sizes(config: Config) -> _Sizes:
    h, heads = _size(config, "hidden_size"), _size(config, "num_attention_heads")
    head = _size(config, "head_dim", max(1, h // heads))
    v = _size(config, "vocab_size")
    is_tied = config.get("tie_word_embeddings", False)
    return _Sizes(
        v=v,
        h=h,
        q=head * heads,
        k=head * _size(config, "num_key_value_heads", heads),
        m=_size(config, "intermediate_size"),
        n=_size(config, "num_hidden_layers"),
        head=head,
        embeddings=v * h * (1 if is_tied else 2),
    )


def _gpt_neox(s: _Sizes, config: Config) -> int:
    bias = 4 * s.h if config.get("attention_bias", True) else 0
    attention = 4 * s.h * s.h + bias
    feed_forward = 2 * s.h * s.m + s.m + s.h
    return s.n * (attention + feed_forward + 4 * s.h) + 2 * s.h


def _llama(s: _Sizes, config: Config) -> int:
    attention = 2 * s.h * s.q + 2 * s.h * s.k
    if config.get("attention_bias", False):
        attention += s.q + 2 * s.k + s.h
    feed_forward = 3 * s.h * s.m
    if config.get("mlp_bias", False):
        feed_forward += 2 * s.m + s.h
    return s.n * (attention + feed_forward + 2 * s.h) + s.h


def _olmo(s: _Sizes, config: Config) -> int:
    return _llama(s, config) - (2 * s.n + 1) * s.h  # its norms have no weights


def _olmo2(s: _Sizes, config: Config) -> int:
    return _llama(s, config) + s.n * (s.q + s.k)  # norms of queries and keys


def _qwen2(s: _Sizes, config: Config) -> int:
    return _llama(s, config) + s.n * (s.q + 2 * s.k)  # biases of queries, keys and values


def _qwen3(s: _Sizes, config: Config) -> int:
    return _llama(s, config) + s.n * 2 * s.head  # norms of queries and keys, per head


_FORMULAS: Mapping[str, Callable[[_Sizes, Config], int]] = {
    "gpt_neox": _gpt_neox,
    "llama": _llama,
    "mistral": _llama,
    "olmo": _olmo,
    "olmo2": _olmo2,
    "olmo3": _olmo2,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
}
