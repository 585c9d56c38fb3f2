"""Memory and arithmetic: what is foreseen, and what a process of its own then takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_layered import VOCABULARY, plan_of
from test_scoring_families import CASES, build
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.scoring.estimate import flops_of, product_bytes, resident_bytes
from ckpt_analyzer.scoring.layered_model import LayeredModel, open_layered
from ckpt_analyzer.scoring.memory_in_use import give_back, held_bytes, peak_held_bytes
from ckpt_analyzer.scoring.memory_plan import layered_plan
from ckpt_analyzer.scoring.model_shape import shape_of
from ckpt_analyzer.scoring.open_model import Terms, needs_layers, open_model
from ckpt_analyzer.scoring.score import score_plan

MIB = 2**20
CPU = torch.device("cpu")


@pytest.mark.parametrize("key", CASES)
def test_counted_operations_are_as_foreseen(key):
    common, changes = CASES[key]
    model, plan = build(key, common | changes[0]), plan_of(8)
    # The counter knows attention by the name of its kernels, and not that of the CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        score_plan(model, plan)
    foreseen = flops_of(plan, shape_of(model.config))
    assert foreseen == pytest.approx(counter.get_total_flops(), rel=0.15)


@pytest.fixture(scope="module")
def middling(tmp_path_factory) -> Path:
    """A model of 93 million parameters in half precision, of which a layer is 12.6 million."""
    folder = tmp_path_factory.mktemp("middling")
    config = AutoConfig.for_model(
        "gpt_neox", vocab_size=9000, hidden_size=1024, intermediate_size=4096,
        num_hidden_layers=6, num_attention_heads=16, max_position_embeddings=512,
    )  # fmt: skip
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float16)
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        parameter.data.fill_(0.001)
    model.save_pretrained(folder)
    return folder


def measure(folder: Path, budget_bytes: int, dtype: str = "fp32") -> dict:
    """Score in a process of its own; return what was foreseen, and its peak."""
    command = [sys.executable, __file__, str(folder), str(budget_bytes), dtype]
    paths = ":".join(sys.path)
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PYTHONPATH": paths}
    )
    return json.loads(done.stdout.splitlines()[-1])


def child(folder: Path, budget_bytes: int, dtype: str) -> None:
    torch.set_num_threads(1)
    plan = plan_of(100, batch_tokens=1024)
    before = held_bytes(CPU)
    opened = open_model(folder, [plan], Terms(dtype, "cpu", budget_bytes))
    if isinstance(opened, LayeredModel):
        made = layered_plan(opened.frame(plan), opened.free_bytes())
        foreseen = held_bytes(CPU) + made.needed_bytes
    else:
        shape = shape_of(opened.config)
        widening = product_bytes(shape, opened.dtype, CPU)
        foreseen = before + resident_bytes(plan, shape, opened.dtype.itemsize, widening)
    first = score_plan(opened, plan)
    peak = peak_held_bytes(CPU)
    # What the first run has freed is not counted against the next ones.
    for _ in range(2):
        assert score_plan(opened, plan) == first
    assert peak_held_bytes(CPU) <= 1.1 * budget_bytes
    found = {"path": type(opened).__name__, "foreseen": foreseen, "peak": peak, "before": before}
    sys.stdout.write(json.dumps(found) + "\n")


@pytest.fixture(scope="module")
def process_bytes(middling) -> int:
    """Return what a process holds before the model."""
    return int(measure(middling, 10**12)["before"])


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("dtype", "room_mib", "path"),
    [
        ("fp32", 200, "LayeredModel"),
        ("fp32", 320, "LayeredModel"),
        ("fp32", 700, "GPTNeoXForCausalLM"),
        ("bf16", 200, "LayeredModel"),
        ("bf16", 500, "GPTNeoXForCausalLM"),
    ],
)
def test_a_budget_is_kept_and_the_peak_is_foreseen(middling, process_bytes, dtype, room_mib, path):
    budget = process_bytes + room_mib * MIB
    found = measure(middling, budget, dtype)
    assert found["path"] == path
    assert found["peak"] <= 1.1 * budget
    assert found["foreseen"] == pytest.approx(found["peak"], rel=0.15)


def in_use_bytes() -> int:
    """Return what this process holds, without what tests before this one have freed."""
    give_back(CPU)
    return held_bytes(CPU)


def test_a_budget_below_one_layer_is_refused_with_what_to_do(middling):
    opened = open_layered(
        middling, dtype="fp32", device="cpu", budget_bytes=in_use_bytes() + 20 * MIB
    )
    with pytest.raises(ScoringError, match="largest layer") as caught:
        score_plan(opened, plan_of(3))
    assert "memory_budget" in caught.value.hint


@pytest.mark.parametrize("free_mib", [170, 200, 300, 1000])
def test_sizes_stay_within_what_is_free(middling, free_mib):
    opened = open_layered(middling, dtype="fp32", device="cpu")
    plan = plan_of(200, batch_tokens=4096)
    made = layered_plan(opened.frame(plan), free_mib * MIB)
    assert made.needed_bytes <= free_mib * MIB
    assert made.sizes.section_tokens > plan.longest_tokens
    assert made.sizes.read_ahead_bytes <= 2 * opened.shape.layer_numbers


def test_more_memory_means_larger_sections_and_more_read_ahead(middling):
    opened = open_layered(middling, dtype="fp32", device="cpu")
    frame = opened.frame(plan_of(2000, batch_tokens=1024))
    small, large = (layered_plan(frame, free * MIB).sizes for free in (180, 1000))
    assert small.section_tokens <= large.section_tokens
    assert small.read_ahead_bytes <= large.read_ahead_bytes
    assert small.pack_tokens <= large.pack_tokens == 1024


def test_only_a_budget_that_is_too_small_makes_layers(middling):
    plans = [plan_of(3)]
    assert not needs_layers(middling, plans, Terms("fp32", "cpu", None))
    assert not needs_layers(middling, plans, Terms("fp32", "cpu", 10**12))
    tight = Terms("fp32", "cpu", in_use_bytes() + 200 * MIB)
    assert needs_layers(middling, plans, tight)
    assert not needs_layers(middling, plans, tight, released_bytes=10**9)


def test_a_model_that_can_only_be_resident_is_refused_where_it_does_not_fit(tmp_path, make_model):
    make_model("cohere").save_pretrained(tmp_path)
    with pytest.raises(ScoringError, match="cannot be read layer by layer"):
        needs_layers(tmp_path, [plan_of(1)], Terms("fp32", "cpu", 1))
    assert not needs_layers(tmp_path, [plan_of(1)], Terms("fp32", "cpu", 10**12))


def test_tokens_of_the_plan_are_within_the_vocabulary():
    assert plan_of(400).largest_token < VOCABULARY < 9000


if __name__ == "__main__":
    child(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
