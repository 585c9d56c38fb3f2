from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_analyzer.errors import OutOfMemoryError, ScoringError
from ckpt_analyzer.scoring import packed, padded
from ckpt_analyzer.scoring.encode import Request, encode_items
from ckpt_analyzer.scoring.score import path_of, score_items
from ckpt_analyzer.tables import CHOICE_SCORES
from ckpt_analyzer.task import Item

TOLERANCE_NATS = 1e-4

ITEMS = [
    Item("0", "The cat sat on the", (" mat", " log", " mat and the dog"), 0),
    Item("1", "Question: is it so? Answer:", (" Yes", " No"), 1, part=2),
    Item("2", "Question: is it so?\r\n\r\nAnswer: ", ("Yes", "No"), 1),  # white space moves
    Item("3", "", (" The", " gold"), 0),
    Item("4", "All that glitters is not", (" ", " gold ", " glad"), 1),
    Item("5", "The cat sat on the", (" mat", " log", " mat and the dog"), 0),  # item 0 again
    Item("6", "All that glitters is not gold. " * 12, (" Yes", " Yes No"), 0),  # over-long
    Item("7", "The dog", (" sat", " No"), 0, other_context="The cat sat. The dog"),
    Item("8", "x", (" Ignore",), 0),
]


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return encode_items(tokenizer, ITEMS, max_length_tokens=100)


FAMILIES = [
    *("gpt_neox", "llama", "olmo", "olmo2", "qwen2", "gpt2"),
    *("opt", "bloom"),  # positions from the mask
    *("gemma2", "cohere"),  # logits are capped, scaled
    "mistral",  # sliding window
    "olmoe",  # mixture of experts
]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch_tokens", [1, 8192])
def test_scores_are_those_of_one_plain_forward_each(
    make_model, plain_scores, encoded, family, batch_tokens
):
    model = make_model(family)
    rows = score_items(model, encoded, batch_tokens=batch_tokens).to_pylist()
    for item, row in zip(encoded.items, rows, strict=True):
        expected = [plain_scores(model, request) for request in item.requests]
        assert row["loglikelihood_nats"] == pytest.approx(
            [nats for nats, _ in expected], abs=TOLERANCE_NATS
        )
        assert row["is_greedy"] == [greedy for _, greedy in expected]
        if item.other_requests is not None:
            assert row["other_loglikelihood_nats"] == pytest.approx(
                [plain_scores(model, request)[0] for request in item.other_requests],
                abs=TOLERANCE_NATS,
            )


def test_the_table_keeps_the_contract(neox, encoded):
    table = score_items(neox, encoded)
    assert table.schema == CHOICE_SCORES
    assert table["item_id"].to_pylist() == [item.item_id for item in ITEMS]
    assert table["part"].to_pylist() == [item.part for item in ITEMS]
    assert table["gold"].to_pylist() == [item.gold for item in ITEMS]
    assert table["truncated"].to_pylist() == [item.item_id == "6" for item in ITEMS]
    assert [len(row) for row in table["loglikelihood_nats"].to_pylist()] == [
        len(item.choices) for item in ITEMS
    ]
    other = table["other_loglikelihood_nats"].to_pylist()
    assert [row is not None for row in other] == [item.item_id == "7" for item in ITEMS]
    assert table["n_bytes"].to_pylist()[0] == [4, 4, 16]


def test_no_items_make_an_empty_table(neox, tokenizer):
    table = score_items(neox, encode_items(tokenizer, [], max_length_tokens=8))
    assert table.schema == CHOICE_SCORES
    assert table.num_rows == 0


def _request(context, continuation):
    return Request(*(np.array(ids, dtype=np.int32) for ids in (context, continuation)), False)


def test_a_choice_of_the_likeliest_tokens_is_greedy(neox, tokenizer, plain_scores):
    ids = tokenizer.encode("The cat sat on")
    for _ in range(3):
        with torch.inference_mode():
            ids.append(int(neox(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    item = encode_items(tokenizer, ITEMS[:1], max_length_tokens=100).items[0]
    greedy = _request(ids[:-3], ids[-3:])
    not_greedy = _request(ids[:-3], [*ids[-3:-1], ids[-1] + 1])
    encoded = encode_items(tokenizer, [], max_length_tokens=100)
    item = type(item)("0", 0, 0, (greedy, not_greedy), None, (1, 1), (1, 1))
    table = score_items(neox, type(encoded)((item,), 100))
    assert table["is_greedy"].to_pylist() == [[True, False]]


words = st.lists(
    st.sampled_from([" The", " cat", " sat", "\n", " Yes", " No", " gold", " é", " "]),
    max_size=12,
).map("".join)
choices = st.lists(
    st.sampled_from([" Yes", " No", " Yes No", " ", " The cat", " x"]),
    min_size=1,
    max_size=4,
).map(tuple)


@pytest.fixture(scope="module")
def models(make_model):
    return {family: make_model(family) for family in ("gpt_neox", "opt", "bloom", "gemma2")}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    family=st.sampled_from(["gpt_neox", "opt", "bloom", "gemma2"]),
    contents=st.lists(st.tuples(words, choices), min_size=1, max_size=8),
    batch_tokens=st.integers(1, 200),
    random=st.randoms(use_true_random=False),
)
def test_scores_do_not_depend_on_order_batches_padding_or_company(
    models, tokenizer, family, contents, batch_tokens, random
):
    items = [Item(str(i), context, cs, 0) for i, (context, cs) in enumerate(contents)]
    shuffled = random.sample(items, len(items))
    alone = {
        item.item_id: _scores(models[family], tokenizer, [item], 8192)[item.item_id]
        for item in items
    }
    together = _scores(models[family], tokenizer, shuffled, batch_tokens)
    for item_id, nats in alone.items():
        np.testing.assert_allclose(together[item_id], nats, atol=TOLERANCE_NATS, rtol=0)


def _scores(model, tokenizer, items, batch_tokens) -> dict[str, list[float]]:
    encoded = encode_items(tokenizer, items, max_length_tokens=128)
    table = score_items(model, encoded, batch_tokens=batch_tokens)
    return dict(
        zip(table["item_id"].to_pylist(), table["loglikelihood_nats"].to_pylist(), strict=True)
    )


def test_weights_that_are_nan_give_nan_and_no_crash(make_model, encoded):
    model = make_model("gpt_neox")
    model.get_output_embeddings().weight.data[5] = torch.nan
    table = score_items(model, encoded)
    for row in table.to_pylist():
        assert all(math.isnan(nats) for nats in row["loglikelihood_nats"])
        assert row["is_greedy"] == [False] * len(row["is_greedy"])
    assert table["loglikelihood_nats"].combine_chunks().flatten().null_count == 0


def test_only_items_that_meet_a_bad_token_are_nan(make_model, tokenizer):
    model = make_model("gpt_neox")
    (cat,) = tokenizer.encode(" cat")
    model.get_input_embeddings().weight.data[cat] = torch.inf
    items = [Item("0", "The cat sat on", (" the",), 0), Item("1", "The dog", (" on",), 0)]
    scores = _scores(model, tokenizer, items, 8192)
    assert math.isnan(scores["0"][0])
    assert math.isfinite(scores["1"][0])


PATHS = {"gpt_neox": "packed", "olmoe": "padded"}


@pytest.mark.parametrize("family", PATHS)
def test_only_rows_that_are_read_pass_the_output_head(make_model, tokenizer, family):
    items = [Item(str(i), "The cat sat on the" + " mat" * i, (" Yes", " No"), 0) for i in range(5)]
    model = make_model(family)
    assert path_of(model) == PATHS[family]
    n_seen = 0

    def count(_module, _args, output):
        nonlocal n_seen
        n_seen += output.shape[:-1].numel()

    model.get_output_embeddings().register_forward_hook(count)
    encoded = encode_items(tokenizer, items, max_length_tokens=100)
    score_items(model, encoded)
    n_rows = len({(*r.context_ids, *r.continuation_ids[:i])
                  for item in encoded.items for r in item.requests
                  for i in range(len(r.continuation_ids))})  # fmt: skip
    assert n_seen == n_rows


@pytest.mark.parametrize("family", PATHS)
def test_logits_that_exist_at_a_time_stay_within_their_bound(
    monkeypatch, make_model, encoded, family
):
    model = make_model(family)
    whole = score_items(model, encoded)
    for path in (packed, padded):
        monkeypatch.setattr(path, "LOGITS_BYTES", 4 * model.config.vocab_size * 5)
    seen = []
    model.get_output_embeddings().register_forward_hook(
        lambda _module, _args, output: seen.append(output.shape[:-1].numel())
    )
    cut = score_items(model, encoded)
    assert len(seen) > 1
    longest = max(max(item.n_tokens) for item in encoded.items)
    assert max(seen) <= max(5, longest)
    for one, other in zip(
        *(t["loglikelihood_nats"].to_pylist() for t in (whole, cut)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=TOLERANCE_NATS)


def out_of_memory_above(n_rows: int, error: Exception):
    """A hook that raises `error` for more than `n_rows` rows."""

    def hook(_module, args):
        if args[0].flatten(0, -2).shape[0] > n_rows:
            raise error

    return hook


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["torch", "python", "cpu"])
@pytest.mark.parametrize("family", PATHS)
def test_running_out_of_memory_halves_the_packs_and_changes_no_score(
    make_model, tokenizer, caplog, family, error
):
    items = [
        Item(str(k), f"{k} cats sat on the " + "mat " * 30, (" a", " b"), 0) for k in range(40)
    ]
    encoded = encode_items(tokenizer, items, max_length_tokens=128)
    model = make_model(family)
    expected = score_items(model, encoded)
    layer = next(m for name, m in model.named_modules() if name.endswith(".1"))
    inner = next(m for m in layer.modules() if isinstance(m, torch.nn.Linear))
    inner.register_forward_pre_hook(out_of_memory_above(700, error))
    counts = []
    found = score_items(model, encoded, progress=counts.append)
    for name in ("loglikelihood_nats", "is_greedy"):
        one, other = (t[name].combine_chunks().flatten().to_numpy(False) for t in (found, expected))
        np.testing.assert_allclose(one, other, atol=TOLERANCE_NATS)
    assert "ran out of memory on 4096 tokens at a time" in caplog.text
    assert counts[-1] == len(items)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["torch", "python", "cpu"])
def test_memory_that_is_never_enough_says_what_to_do(make_model, encoded, error):
    model = make_model("gpt_neox")
    model.get_output_embeddings().register_forward_pre_hook(out_of_memory_above(0, error))
    with pytest.raises(OutOfMemoryError, match="ran out of memory even on few tokens") as raised:
        score_items(model, encoded)
    assert "bf16" in raised.value.hint


def test_other_errors_of_torch_are_not_taken_for_memory(make_model, encoded):
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    model = make_model("gpt_neox")
    model.get_output_embeddings().register_forward_pre_hook(out_of_memory_above(0, error))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        score_items(model, encoded)


def test_a_model_without_a_description_says_that_it_is_slower(make_model, encoded, caplog):
    score_items(make_model("olmoe"), encoded)
    assert "generic path" in caplog.text


def test_the_model_is_left_as_it_was(neox, encoded):
    score_items(neox, encoded)
    assert not neox.get_output_embeddings()._forward_pre_hooks
    assert neox(input_ids=torch.tensor([[1, 2, 3]])).logits.shape[:2] == (1, 3)


def test_progress_counts_items_that_are_complete(monkeypatch, neox, encoded):
    monkeypatch.setattr(packed, "LOGITS_BYTES", 4 * neox.config.vocab_size * 4)
    seen: list[int] = []
    score_items(neox, encoded, batch_tokens=32, progress=seen.append)
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == len(ITEMS)


def test_a_model_in_training_mode_is_refused(make_model, encoded):
    with pytest.raises(ScoringError, match="training mode"):
        score_items(make_model("opt").train(), encoded)


def test_items_longer_than_the_model_reads_are_refused(make_model, tokenizer):
    encoded = encode_items(tokenizer, [ITEMS[6]], max_length_tokens=1000)
    with pytest.raises(ScoringError, match="max_length_tokens=128"):
        score_items(make_model("gpt2"), encoded)
    assert score_items(make_model("bloom"), encoded).num_rows == 1  # states no limit


def test_a_tokenizer_larger_than_the_model_is_refused(neox, tokenizer):
    encoded = encode_items(tokenizer, ITEMS[:1], max_length_tokens=100)
    (item,) = encoded.items
    strange = type(item)("0", 0, 0, (_request([1, 320], [1]),), None, (1,), (1,))
    with pytest.raises(ScoringError, match="token 320"):
        score_items(neox, type(encoded)((strange,), 100))


def test_half_precision_models_are_scored(make_model, encoded):
    model = make_model("gpt_neox")
    full = score_items(model, encoded)["loglikelihood_nats"].to_pylist()
    half = score_items(model.bfloat16(), encoded)["loglikelihood_nats"].to_pylist()
    for one, other in zip(full, half, strict=True):
        np.testing.assert_allclose(one, other, atol=1.0)
