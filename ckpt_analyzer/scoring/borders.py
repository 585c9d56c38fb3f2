"""Where a text may be tokenized in two halves, with the ids of the whole.

In: a tokenizer, or a context and what follows it. Out: whether they part safely. Known to be safe
is one place only: before a space that follows no white space, under byte-level BPE with the pattern
of GPT-2, in which no piece goes on from anything but white space into a space. Everything else is
tokenized as a whole.
"""

from __future__ import annotations

import json
from typing import Any

from transformers import PreTrainedTokenizerBase


def parts_before_spaces(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether ``encode(a + b) == encode(a) + encode(b)`` wherever ``is_border(a, b)``.

    Special tokens at the beginning are left aside: `b` is encoded without them.
    """
    if not tokenizer.is_fast:
        return False
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    normalizer = described["normalizer"]
    return (
        described["model"]["type"] == "BPE"
        # NFC composes nothing with a space before it.
        and (normalizer is None or normalizer == {"type": "NFC"})
        and _is_byte_level(described["pre_tokenizer"])
        and not any(_may_reach_over(token) for token in described["added_tokens"])
    )


def is_border(context: str, continuation: str) -> bool:
    """Whether a space begins `continuation`, and none of the white space before it."""
    return continuation.startswith(" ") and bool(context) and not context[-1].isspace()


def _is_byte_level(pre_tokenizer: dict[str, Any] | None) -> bool:
    return (
        pre_tokenizer is not None
        and pre_tokenizer["type"] == "ByteLevel"
        and pre_tokenizer["use_regex"]
        and not pre_tokenizer["add_prefix_space"]
    )


def _may_reach_over(token: dict[str, Any]) -> bool:
    """Whether an added token may cover both sides of a border, or swallow the space behind it."""
    text: str = token["content"]
    has_inner_space = any(sign.isspace() for sign in text) and not text.isspace()
    return has_inner_space or token["rstrip"] or token["single_word"]
