"""Layer by layer from disk, against the resident path."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from test_scoring_families import CASES, VOCABULARY, build

from ckpt_analyzer.errors import CheckpointError, ScoringError
from ckpt_analyzer.scoring import layered, layered_model, packed
from ckpt_analyzer.scoring import pack as pack_module
from ckpt_analyzer.scoring.encode import EncodedItem, EncodedItems, Request
from ckpt_analyzer.scoring.family import family_of
from ckpt_analyzer.scoring.layered_model import load_whole, open_layered
from ckpt_analyzer.scoring.load import load_model
from ckpt_analyzer.scoring.memory_plan import LayeredSizes
from ckpt_analyzer.scoring.plan import ScoringPlan, prepare
from ckpt_analyzer.scoring.score import score_plan

TOLERANCE_NATS = 1e-4
CHOSEN = [
    *((key, changes[0]) for key, (_, changes) in CASES.items()),
    ("gpt_neox", {"use_parallel_residual": False}),
    ("gpt_neox", {"tie_word_embeddings": True}),
    ("llama", {"num_key_value_heads": 2, "tie_word_embeddings": True}),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True, "tie_word_embeddings": False}),
    ("opt", {"word_embed_proj_dim": 16}),
]
PARAMETERS = [
    pytest.param(key, CASES[key][0] | change, id=f"{key}-{'-'.join(change) or 'default'}")
    for key, change in CHOSEN
]
WHOLE = LayeredSizes(10**9, 40, 10**9, VOCABULARY)
SMALL = LayeredSizes(
    section_tokens=70, pack_tokens=30, read_ahead_bytes=5000, head_tokens=20, chunk_rows=7
)


def plan_of(n_items: int, batch_tokens: int = 40, seed: int = 0) -> ScoringPlan:
    """Plan items that share beginnings of all lengths, with choices of one to four tokens."""
    rng = np.random.default_rng(seed)
    stem = rng.integers(0, VOCABULARY, 30)
    items = []
    for index in range(n_items):
        own = rng.integers(0, VOCABULARY, rng.integers(1, 12))
        context = np.append(stem[: rng.integers(0, 31)], own).astype(np.int32)
        choices = [rng.integers(0, VOCABULARY, n).astype(np.int32) for n in (1, 1, 3, 4)]
        requests = tuple(Request(context, choice, truncated=False) for choice in choices)
        items.append(EncodedItem(str(index), 0, 0, requests, None, (1,) * 4, (1,) * 4))
    return prepare([EncodedItems(tuple(items), 64)], batch_tokens=batch_tokens)


def collect(parts, plan: ScoringPlan):
    """Return ln p of all targets and whether each is the likeliest token."""
    nats, likeliest = np.full(len(plan.targets_K), np.inf), np.zeros(len(plan.targets_K), bool)
    for part in parts:
        nats[part.indices_K] = part.scores.logprob_nats_K.numpy()
        likeliest[part.indices_K] = part.scores.is_likeliest_K.numpy()
    assert not np.isinf(nats).any(), "a target was left out"
    return nats, likeliest


def resident(model, plan: ScoringPlan):
    return collect(packed.run(model, family_of(model), plan), plan)


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    monkeypatch.setattr(pack_module, "BLOCK_TOKENS", 16)


@pytest.mark.parametrize(("key", "config"), PARAMETERS)
def test_scores_are_bit_equal_where_the_arithmetic_is(tmp_path, key, config):
    model, plan = build(key, config), plan_of(5)
    model.save_pretrained(tmp_path)
    opened = open_layered(tmp_path, dtype="fp32", device="cpu")
    nats, likeliest = collect(layered.run(opened, plan, WHOLE), plan)
    expected_nats, expected_likeliest = resident(model, plan)
    np.testing.assert_array_equal(nats, expected_nats)
    np.testing.assert_array_equal(likeliest, expected_likeliest)
    np.testing.assert_array_equal(resident(load_whole(opened), plan)[0], expected_nats)


@pytest.mark.parametrize(("key", "config"), PARAMETERS)
def test_small_sections_packs_and_parts_of_the_head_change_nothing(tmp_path, key, config):
    model, plan = build(key, config), plan_of(5)
    model.save_pretrained(tmp_path)
    opened = open_layered(tmp_path, dtype="fp32", device="cpu")
    nats, likeliest = collect(layered.run(opened, plan, SMALL), plan)
    expected_nats, expected_likeliest = resident(model, plan)
    np.testing.assert_allclose(nats, expected_nats, atol=TOLERANCE_NATS, rtol=0)
    np.testing.assert_array_equal(likeliest, expected_likeliest)


@pytest.fixture(scope="module")
def neox():
    return build("gpt_neox", CASES["gpt_neox"][0])


@pytest.fixture(scope="module")
def saved(tmp_path_factory, neox) -> Path:
    """A GPT-NeoX in shards."""
    folder = tmp_path_factory.mktemp("saved")
    neox.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    return folder


@pytest.fixture(scope="module")
def opened(saved):
    return open_layered(saved, dtype="fp32", device="cpu")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    n_items=st.integers(1, 5),
    seed=st.integers(0, 3),
    room=st.integers(20, 300),
    pack_tokens=st.integers(9, 100),
    read_ahead_bytes=st.integers(0, 100_000),
    head_tokens=st.integers(9, 120),
    chunk_rows=st.integers(5, 50),
)
def test_scores_do_not_depend_on_what_is_in_memory(opened, neox, n_items, seed, room, **sizes):
    plan = plan_of(n_items, seed=seed)
    chosen = LayeredSizes(section_tokens=plan.longest_tokens + room, **sizes)
    nats, likeliest = collect(layered.run(opened, plan, chosen), plan)
    expected_nats, expected_likeliest = resident(neox, plan)
    np.testing.assert_allclose(nats, expected_nats, atol=TOLERANCE_NATS, rtol=0)
    np.testing.assert_array_equal(likeliest, expected_likeliest)


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_stored_precisions_are_converted_layer_by_layer(tmp_path, stored, dtype):
    model, plan = build("llama", CASES["llama"][0]), plan_of(4)
    model.to(stored).save_pretrained(tmp_path)
    opened = open_layered(tmp_path, dtype=dtype, device="cpu")
    nats, _ = collect(layered.run(opened, plan, WHOLE), plan)
    expected, _ = resident(load_model(tmp_path, dtype=dtype, device="cpu"), plan)
    np.testing.assert_array_equal(nats, expected)
    assert opened.staged_itemsize == 2


def test_half_precision_files_compute_in_single_precision(tmp_path):
    model, plan = build("gpt_neox", CASES["gpt_neox"][0]), plan_of(4)
    model.half().save_pretrained(tmp_path)
    opened = open_layered(tmp_path, dtype="fp32", device="cpu")
    nats, _ = collect(layered.run(opened, plan, WHOLE), plan)
    expected, _ = resident(load_model(tmp_path, dtype="fp32", device="cpu"), plan)
    np.testing.assert_array_equal(nats, expected)


@pytest.mark.parametrize("sizes", [WHOLE, SMALL])
def test_only_targets_that_meet_a_bad_token_are_nan(tmp_path, sizes):
    model, plan = build("gpt_neox", CASES["gpt_neox"][0]), plan_of(6)
    bad = int(plan.tree.tokens_T[-1])
    model.get_input_embeddings().weight.data[bad] = torch.inf
    model.save_pretrained(tmp_path)
    opened = open_layered(tmp_path, dtype="fp32", device="cpu")
    nats, likeliest = collect(layered.run(opened, plan, sizes), plan)
    expected, expected_likeliest = resident(model, plan)
    assert 0 < np.isnan(expected).sum() < len(expected)
    np.testing.assert_allclose(nats, expected, atol=TOLERANCE_NATS, rtol=0)
    np.testing.assert_array_equal(likeliest, expected_likeliest)


def test_a_head_that_is_nan_in_one_row_spoils_all(tmp_path):
    model, plan = build("gpt_neox", CASES["gpt_neox"][0]), plan_of(3)
    model.get_output_embeddings().weight.data[VOCABULARY - 1] = torch.nan
    model.save_pretrained(tmp_path)
    opened = open_layered(tmp_path, dtype="fp32", device="cpu")
    nats, likeliest = collect(layered.run(opened, plan, SMALL), plan)
    assert np.isnan(nats).all()
    assert not likeliest.any()


def test_layers_are_taken_away_again(opened):
    before = [name for name, tensor in opened.model.state_dict().items() if not tensor.is_meta]
    collect(layered.run(opened, plan := plan_of(3), SMALL), plan)
    run = layered.run(opened, plan, SMALL)
    next(run)
    run.close()
    after = [name for name, tensor in opened.model.state_dict().items() if not tensor.is_meta]
    assert before == after == ["gpt_neox.final_layer_norm.weight", "gpt_neox.final_layer_norm.bias"]


@pytest.mark.parametrize(("is_widened", "n_tight"), [(False, 1), (True, 0)])
def test_freed_memory_is_given_back_but_where_products_are_widened(
    opened, monkeypatch, is_widened, n_tight
):
    entered = []

    def heap():
        entered.append("tight")
        return nullcontext()

    monkeypatch.setattr(layered, "tight_heap", heap)
    monkeypatch.setattr(layered_model, "is_widened", lambda *_of: is_widened)
    plan = plan_of(4)
    collect(layered.run(opened, plan, SMALL), plan)
    assert len(entered) == n_tight


@pytest.mark.parametrize(
    ("inner_width", "chunk_rows"),
    [(64, 1024), (2048, 793), (4096, 512), (16384, 1024)],
    ids=["small", "fits", "barely", "never"],
)
def test_chunks_stay_in_the_heap_but_for_layers_whose_never_do(opened, inner_width, chunk_rows):
    wide = replace(opened, shape=replace(opened.shape, inner_width=inner_width))
    assert wide.frame(plan_of(1)).chunk_rows == chunk_rows


def test_tables_are_those_of_the_resident_model(opened, neox):
    plan = plan_of(5)
    (found,) = score_plan(opened, plan)
    (expected,) = score_plan(neox, plan)
    assert found.equals(expected)


def test_files_without_the_prefix_of_the_head_model_are_read(tmp_path):
    model, plan = build("bloom", CASES["bloom"][0]), plan_of(3)
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    bare = {name.removeprefix("transformer."): t for name, t in load_file(path).items()}
    save_file(bare, path, metadata={"format": "pt"})
    opened = open_layered(tmp_path, dtype="fp32", device="cpu")
    nats, _ = collect(layered.run(opened, plan, WHOLE), plan)
    np.testing.assert_array_equal(nats, resident(model, plan)[0])


def test_weights_in_bin_files_are_refused_with_what_to_do(tmp_path):
    model = build("gpt_neox", CASES["gpt_neox"][0])
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="no safetensors") as caught:
        open_layered(tmp_path, dtype="fp32", device="cpu")
    assert "convert" in caught.value.hint


def test_a_missing_tensor_is_named(tmp_path):
    build("gpt_neox", CASES["gpt_neox"][0]).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["gpt_neox.layers.1.mlp.dense_h_to_4h.weight"]
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=r"layers\.1\.mlp\.dense_h_to_4h\.weight") as caught:
        open_layered(tmp_path, dtype="fp32", device="cpu")
    assert str(tmp_path) in str(caught.value)


def test_a_tensor_of_another_shape_is_named(tmp_path):
    build("gpt_neox", CASES["gpt_neox"][0]).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"intermediate_size": 52}))
    with pytest.raises(CheckpointError, match="of another shape"):
        open_layered(tmp_path, dtype="fp32", device="cpu")


def test_a_model_without_a_description_is_refused(tmp_path, make_model):
    make_model("cohere").save_pretrained(tmp_path)
    with pytest.raises(ScoringError, match="no description"):
        open_layered(tmp_path, dtype="fp32", device="cpu")
