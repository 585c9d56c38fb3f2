"""Texts in two halves have the ids of the whole, where they are said to have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from ckpt_analyzer.scoring import encode
from ckpt_analyzer.scoring.borders import is_border, parts_before_spaces
from ckpt_analyzer.scoring.encode import encode_items
from ckpt_analyzer.task import Item

CORPUS = [
    "The cat's on the mat. It isn't 12 or 345!",
    "a  b   c\r\n\td é ä 日本",
    "x.y ,z ... ok",
] * 3
#: Letters, digits, signs, contractions, white space of all kinds, composing and astral characters.
SIGNS = "ab1 .,'st  \n\r\t\u00a0\u3000é\u0301\u0308日🙂<|>_\u200d\x00"
TEXTS = st.text(SIGNS, max_size=12) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def byte_level(*added, **settings_of) -> PreTrainedTokenizerFast:
    settings_of = {"add_prefix_space": False, "use_regex": True} | settings_of
    built = Tokenizer(models.BPE())
    built.normalizer = normalizers.NFC()
    built.pre_tokenizer = pre_tokenizers.ByteLevel(**settings_of)
    built.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>"],
        show_progress=False,
    )
    built.train_from_iterator(CORPUS, trainer)
    built.add_tokens([AddedToken("  "), AddedToken("    "), *added])
    return PreTrainedTokenizerFast(tokenizer_object=built, eos_token="<|end|>")


def metaspace() -> PreTrainedTokenizerFast:
    """Like SentencePiece's: a space belongs to the word behind it, also at the beginning."""
    built = Tokenizer(models.BPE(unk_token="<unk>"))
    built.pre_tokenizer = pre_tokenizers.Metaspace()
    built.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "<s>"], show_progress=False
    )
    built.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=built, bos_token="<s>", unk_token="<unk>")


BYTE_LEVEL, METASPACE = byte_level(), metaspace()


def ids(tokenizer, text: str) -> list[int]:
    return list(tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)


@settings(max_examples=500)
@given(TEXTS, TEXTS)
def test_halves_have_the_ids_of_the_whole(context, rest):
    continuation = " " + rest
    if is_border(context, continuation):
        whole = ids(BYTE_LEVEL, context + continuation)
        assert whole == ids(BYTE_LEVEL, context) + ids(BYTE_LEVEL, continuation)


@pytest.mark.shared_data
def test_halves_have_the_ids_of_the_whole_under_pythias_tokenizer(shared_data):
    file = shared_data / "tokenizers" / "pythia" / "tokenizer.json"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(file), eos_token="<|endoftext|>")
    assert parts_before_spaces(tokenizer)

    @settings(max_examples=1000, deadline=None)
    @given(TEXTS, TEXTS)
    def check(context, rest):
        continuation = " " + rest
        if is_border(context, continuation):
            whole = ids(tokenizer, context + continuation)
            assert whole == ids(tokenizer, context) + ids(tokenizer, continuation)

    check()


@settings(deadline=None)
@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, METASPACE], ids=["byte level", "metaspace"])
@given(
    st.lists(st.tuples(TEXTS.filter(str.strip), TEXTS.filter(str.strip)), min_size=1, max_size=4)
)
def test_items_have_the_ids_of_whole_texts(tokenizer, pairs):
    items = [Item(str(k), one, (f" x{two}", f"x{two}"), 0) for k, (one, two) in enumerate(pairs)]
    found = encode_items(tokenizer, items, max_length_tokens=512)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "parts_before_spaces", lambda _tokenizer: False)
        expected = encode_items(tokenizer, items, max_length_tokens=512)
    for one, other in zip(found.items, expected.items, strict=True):
        for made, wanted in zip(one.requests, other.requests, strict=True):
            np.testing.assert_array_equal(made.context_ids, wanted.context_ids)
            np.testing.assert_array_equal(made.continuation_ids, wanted.continuation_ids)


@pytest.mark.parametrize(
    ("tokenizer", "parts"),
    [
        (BYTE_LEVEL, True),
        (METASPACE, False),
        (byte_level(add_prefix_space=True), False),
        (byte_level(use_regex=False), False),
        (byte_level(AddedToken("of the")), False),
        (byte_level(AddedToken("<mask>", rstrip=True)), False),
        (byte_level(AddedToken("word", single_word=True)), False),
    ],
)
def test_only_what_is_known_to_part_does(tokenizer, parts):
    assert parts_before_spaces(tokenizer) is parts


def test_texts_part_before_the_first_space_only():
    assert is_border("a", " b")
    assert is_border("a.", "  b")
    for context, continuation in (("a", "b"), ("a ", " b"), ("a\n", " b"), ("", " b"), ("a", "")):
        assert not is_border(context, continuation)
