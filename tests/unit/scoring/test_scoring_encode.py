from __future__ import annotations

import ast
import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, processors
from transformers import PreTrainedTokenizerFast

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.scoring.encode import encode_items
from ckpt_analyzer.task import Item


def item(context: str, *choices: str, item_id: str = "0", **fields) -> Item:
    return Item(item_id=item_id, context=context, choices=choices, gold=0, **fields)


def encode_one(tokenizer, context: str, *choices: str, max_length_tokens: int = 128, **fields):
    (encoded,) = encode_items(
        tokenizer, [item(context, *choices, **fields)], max_length_tokens=max_length_tokens
    ).items
    return encoded


def ids(tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


@pytest.fixture(scope="module")
def with_bos(make_tokenizer) -> PreTrainedTokenizerFast:
    """Like Llama's: puts a BOS before every text."""
    built = make_tokenizer(eos_token="<|end|>", bos_token="<|begin|>")
    built.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", built.bos_token_id)]
    )
    return built


def test_continuation_is_what_the_whole_has_beyond_the_context(tokenizer):
    encoded = encode_one(tokenizer, "The cat sat", " on the mat", " No")
    context = ids(tokenizer, "The cat sat")
    for request, text in zip(encoded.requests, [" on the mat", " No"], strict=True):
        assert request.context_ids.tolist() == context
        assert (
            request.continuation_ids.tolist()
            == ids(tokenizer, "The cat sat" + text)[len(context) :]
        )


@pytest.mark.parametrize("space", [" ", "  ", "\n", " \r\n", "\t"])
def test_white_space_at_the_end_of_the_context_moves_to_the_continuation(tokenizer, space):
    encoded = encode_one(tokenizer, "Answer:" + space, "Yes")
    assert encoded.requests[0].context_ids.tolist() == ids(tokenizer, "Answer:")
    assert tokenizer.decode(encoded.requests[0].continuation_ids) == space + "Yes"
    assert encoded.n_chars == (3,)


def test_carriage_returns_inside_the_context_stay(tokenizer):
    request = encode_one(tokenizer, "a\r\nb", " Yes").requests[0]
    assert tokenizer.decode(request.context_ids) == "a\r\nb"


def test_a_choice_that_is_a_lone_space_is_scored_as_a_space(tokenizer):
    encoded = encode_one(tokenizer, "The cat", " ", " cat ")
    assert [tokenizer.decode(r.continuation_ids) for r in encoded.requests] == [" ", " cat "]
    assert encoded.n_chars == (1, 5)


def test_counts_are_of_the_choice_as_given(tokenizer):
    encoded = encode_one(tokenizer, "x", " né", " a")
    assert encoded.n_bytes == (4, 2)
    assert encoded.n_chars == (3, 2)
    assert encoded.n_tokens == tuple(len(r.continuation_ids) for r in encoded.requests)


@pytest.mark.parametrize("context", ["", " ", "\n\n"])
def test_an_empty_context_becomes_the_end_token_where_there_is_no_bos(tokenizer, context):
    request = encode_one(tokenizer, context, " Yes").requests[0]
    assert request.context_ids.tolist() == [tokenizer.eos_token_id]
    assert tokenizer.decode(request.continuation_ids) == context + " Yes"
    assert not request.truncated


def test_a_choice_that_begins_with_the_prefix_token_gives_it_up_as_context(tokenizer):
    request = encode_one(tokenizer, "", "<|end|> Yes").requests[0]
    assert request.context_ids.tolist() == [tokenizer.eos_token_id]
    assert tokenizer.decode(request.continuation_ids) == " Yes"


def test_an_empty_context_without_any_prefix_token_is_an_error(make_tokenizer):
    with pytest.raises(ScoringError, match="item 7"):
        encode_one(make_tokenizer(), "", " Yes", item_id="7")


def test_a_context_of_which_the_tokenizer_drops_all_is_an_error_that_names_the_item():
    # Without a token for what is unknown, and without bytes, BPE leaves characters out.
    small = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "<|end|>": 2}, merges=[]))
    dropping = PreTrainedTokenizerFast(tokenizer_object=small, eos_token="<|end|>")
    with pytest.raises(
        ScoringError, match=r"(?s)no token of the context '漢字'.*item 42, choice 0"
    ):
        encode_one(dropping, "漢字", "ab", item_id="42")
    assert encode_one(dropping, "漢字b", "ab").requests[0].context_ids.tolist() == [1]


def test_bos_appears_once_where_the_tokenizer_adds_it(with_bos):
    begin = with_bos.bos_token_id
    for context in ("The cat", "<|begin|>The cat"):
        request = encode_one(with_bos, context, " sat").requests[0]
        assert request.context_ids.tolist() == [begin, *ids(with_bos, "The cat")]
        assert with_bos.decode(request.continuation_ids) == " sat"
    assert encode_one(with_bos, "", " sat").requests[0].context_ids.tolist() == [begin]


def test_a_tokenizer_that_appends_tokens_is_refused(make_tokenizer):
    built = make_tokenizer(eos_token="<|end|>")
    built.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|end|>", special_tokens=[("<|end|>", built.eos_token_id)]
    )
    with pytest.raises(ScoringError, match="appends"):
        encode_one(built, "The cat", " sat")


def test_an_empty_choice_is_an_error_that_names_the_item(tokenizer):
    with pytest.raises(ScoringError, match=r"(?s)no tokens.*item 42, choice 1"):
        encode_one(tokenizer, "The cat", " sat", "", item_id="42")


def test_a_choice_that_merges_into_the_context_whole_is_an_error_that_names_the_item(tokenizer):
    assert len(ids(tokenizer, "en")) == len(ids(tokenizer, "e")) == 1
    with pytest.raises(ScoringError, match=r"(?s)no tokens.*item 42, choice 0.*merges"):
        encode_one(tokenizer, "e", "n", item_id="42")


def test_long_input_loses_its_left_end_and_is_flagged(tokenizer):
    context = "The cat sat on the mat. " * 4 + "Answer:"
    all_ids = ids(tokenizer, context)
    encoded = encode_one(tokenizer, context, " Yes No", " Y", max_length_tokens=10)
    for request in encoded.requests:
        # max_length_tokens are read; the last token is only predicted.
        assert len(request.context_ids) + len(request.continuation_ids) == 11
        assert request.context_ids.tolist() == all_ids[-len(request.context_ids) :]
        assert request.truncated
    assert encoded.truncated


def test_input_that_just_fits_is_not_cut(tokenizer):
    context = "The cat sat"
    n_tokens = len(ids(tokenizer, context + " on"))
    fits = encode_one(tokenizer, context, " on", max_length_tokens=n_tokens - 1)
    cut = encode_one(tokenizer, context, " on", max_length_tokens=n_tokens - 2)
    assert (fits.truncated, cut.truncated) == (False, True)


def test_a_choice_longer_than_the_model_reads_is_an_error(tokenizer):
    with pytest.raises(ScoringError, match=r"item 0, choice 0"):
        encode_one(tokenizer, "a", " The cat sat on the mat", max_length_tokens=2)


def test_log_odds_items_score_the_same_choices_after_both_contexts(tokenizer):
    encoded = encode_one(tokenizer, "The cat", " sat", " No", other_context="The dog ")
    assert encoded.other_requests is not None
    assert [tokenizer.decode(r.context_ids) for r in encoded.other_requests] == ["The dog"] * 2
    assert tokenizer.decode(encoded.other_requests[1].continuation_ids) == "  No"
    assert encoded.all_requests == encoded.requests + encoded.other_requests


def test_truncation_of_either_context_flags_the_item(tokenizer):
    long = "The cat sat on the mat. " * 4
    assert encode_one(tokenizer, "a", " b", other_context=long, max_length_tokens=8).truncated


def test_a_token_that_spans_the_border_is_cut_as_in_the_harness(tokenizer):
    # "end" is context "e" + choice "nd"; the whole begins with the token "en", which the
    # harness takes for the context's one token: the context keeps "e", and "n" is lost.
    assert [tokenizer.decode(i) for i in ids(tokenizer, "end")] == ["en", "d"]
    request = encode_one(tokenizer, "e", "nd").requests[0]
    assert tokenizer.decode(request.context_ids) == "e"
    assert tokenizer.decode(request.continuation_ids) == "d"


@given(st.text(max_size=30), st.text(max_size=10).map(lambda text: " " + text))
def test_choices_that_begin_with_a_space_reassemble_to_the_text(tokenizer, context, choice):
    request = encode_one(tokenizer, context, choice, max_length_tokens=512).requests[0]
    start = () if context.strip() else request.context_ids
    parts = request.context_ids[len(start) :], request.continuation_ids
    assert "".join(tokenizer.decode(part) for part in parts) == context + choice


@pytest.mark.parametrize(
    "fields",
    [
        {"context": "a\ud800", "choices": (" b",)},
        {"context": "a", "choices": (" b", " \udfff")},
        {"context": "a", "choices": (" b",), "other_context": "\udc80"},
        {"context": "a", "choices": (" b",), "choice_contexts": ("a\ud800",)},
        {"context": "a", "choices": (" b",), "bare_choices": ("b\ud800",)},
    ],
)
def test_half_of_a_surrogate_pair_is_an_error_that_names_the_item(tokenizer, fields):
    items = [item("sound", " b", item_id="6"), Item(item_id="7", gold=0, **fields)]
    with pytest.raises(ScoringError, match="half of a surrogate pair") as raised:
        encode_items(tokenizer, items, max_length_tokens=128)
    assert raised.value.where.startswith("item 7,")


@pytest.mark.parametrize(
    ("context", "choices"),
    [
        ("Größe, 日本語 and 👩‍👩‍👧:", (" ä", " 語", " 👩‍👩‍👧")),
        ("line\r\nline", ("\r", "\n")),
        ("a\x00b", ("\x00", " \ufeff")),
    ],
)
def test_any_text_is_scored_byte_for_byte(tokenizer, context, choices):
    encoded = encode_one(tokenizer, context, *choices, max_length_tokens=512)
    for request, choice in zip(encoded.requests, choices, strict=True):
        whole = [*request.context_ids.tolist(), *request.continuation_ids.tolist()]
        assert tokenizer.decode(whole) == context + choice
    assert encoded.n_bytes == tuple(len(choice.encode()) for choice in choices)


def test_identical_choices_are_scored_alike(tokenizer):
    one, other, _ = encode_one(tokenizer, "Answer:", " Yes", " Yes", " No").requests
    np.testing.assert_array_equal(one.context_ids, other.context_ids)
    np.testing.assert_array_equal(one.continuation_ids, other.continuation_ids)


@pytest.mark.parametrize("text", ["word " * 100_000, "a" * 300_000, "日" * 100_000])
def test_a_prompt_of_a_hundred_thousand_tokens_loses_its_left_end(tokenizer, text):
    encoded = encode_one(tokenizer, text, " Yes", " No", max_length_tokens=128)
    assert encoded.truncated
    assert all(
        len(request.context_ids) + len(request.continuation_ids) == 129
        for request in encoded.requests
    )


@pytest.mark.shared_data
def test_official_items_reassemble_byte_exactly_under_pythias_tokenizer(shared_data):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(shared_data / "tokenizers/pythia/tokenizer.json"),
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
    )
    for task in ("sig-figs", "memo-trap", "resisting-correction", "modus-tollens"):
        with gzip.open(
            shared_data / f"inverse_scaling/{task}_classification.jsonl.gz", "rt", newline=""
        ) as lines:
            rows = [json.loads(line) for line in lines]
        rows = rows[:: len(rows) // 60]
        if task == "sig-figs":
            assert any("\r" in row["prompt"] for row in rows)
        items = [
            item(row["prompt"], *ast.literal_eval(row["classes"]), item_id=str(i))
            for i, row in enumerate(rows)
        ]
        encoded = encode_items(tokenizer, items, max_length_tokens=2048)
        assert encoded.n_truncated == 0
        for source, result in zip(items, encoded.items, strict=True):
            for choice, request in zip(source.choices, result.requests, strict=True):
                whole = [*request.context_ids, *request.continuation_ids]
                assert tokenizer.decode(whole) == source.context + choice
                assert whole == ids(tokenizer, source.context + choice)
                assert request.context_ids.tolist() == ids(tokenizer, source.context.rstrip())
