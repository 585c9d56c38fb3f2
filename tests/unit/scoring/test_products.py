"""Half-precision products by way of fp32: the same layers, nearer to the truth, bounded memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from test_layered import plan_of
from test_scoring_families import CASES, build

from ckpt_analyzer.scoring import products, score
from ckpt_analyzer.scoring.estimate import product_bytes
from ckpt_analyzer.scoring.model_shape import shape_of
from ckpt_analyzer.scoring.products import WideProducts, is_widened, products_in
from ckpt_analyzer.scoring.score import score_plan

CPU = torch.device("cpu")
HALVES = [torch.bfloat16, torch.float16]


@pytest.fixture
def widens(monkeypatch):
    """Return a function that lets this machine widen half precisions, or leave them alone."""

    def set_to(widened: bool) -> None:
        monkeypatch.setattr(
            products, "is_widened", lambda dtype, _device: widened and dtype in HALVES
        )

    return set_to


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("n_outputs", [1, 7, 64, 300])
@pytest.mark.parametrize("has_bias", [True, False])
def test_a_product_is_rounded_once(monkeypatch, dtype, n_outputs, has_bias):
    monkeypatch.setattr(products, "PART_BYTES", 4 * 33 * 50)  # the weights come in parts
    rows, weight = numbers(5, 33).to(dtype), numbers(n_outputs, 33, seed=1).to(dtype)
    bias = numbers(n_outputs, seed=2).to(dtype) if has_bias else None
    exact = F.linear(rows.double(), weight.double(), None if bias is None else bias.double())
    made = WideProducts().linear(rows, weight, bias)
    assert made.dtype is dtype
    apart = (made.double() - exact).abs()
    assert (apart <= torch.finfo(dtype).eps / 2 * exact.abs() + 1e-5).all()


@pytest.mark.parametrize("dtype", HALVES)
def test_products_of_modules_and_of_gpt2_are_widened_in_their_dtype_alone(widens, dtype):
    widens(True)
    layer = torch.nn.Linear(16, 4).to(dtype).requires_grad_(False)
    rows = numbers(3, 16).to(dtype)
    with products_in(dtype, CPU):
        by_module = layer(rows)
        by_addmm = torch.addmm(layer.bias, rows, layer.weight.T)
        in_fp32 = F.linear(rows.float(), layer.weight.float())
    expected = WideProducts().linear(rows, layer.weight, layer.bias)
    assert torch.equal(by_module, expected)
    assert torch.equal(by_addmm, expected)
    assert torch.equal(in_fp32, F.linear(rows.float(), layer.weight.float()))


@pytest.mark.parametrize("key", ["gpt_neox", "gpt2", "llama"])
@pytest.mark.parametrize("dtype", HALVES)
def test_widened_products_stay_within_the_rounding_of_the_dtype(monkeypatch, widens, key, dtype):
    made: list[torch.Tensor] = []
    linear = WideProducts.linear
    monkeypatch.setattr(WideProducts, "linear", lambda *of: made.append(linear(*of)) or made[-1])
    model, plan = build(key, CASES[key][0] | {"initializer_range": 0.1}).to(dtype), plan_of(6)
    found = {}
    for widened in (False, True):
        assert not made
        widens(widened)
        (scores,) = score_plan(model, plan)
        found[widened] = np.concatenate(scores["loglikelihood_nats"].to_pylist())
    assert made
    np.testing.assert_allclose(found[True], found[False], atol=0.2, rtol=0.02)


def test_scoring_asks_what_the_machine_can_do(monkeypatch):
    asked = []
    monkeypatch.setattr(
        score, "products_in", lambda *of: asked.append(of) or products.products_in(*of)
    )
    score_plan(build("gpt_neox", CASES["gpt_neox"][0]), plan_of(2))
    assert asked == [(torch.float32, CPU)]


def test_single_precision_and_accelerators_are_left_alone():
    assert not is_widened(torch.float32, CPU)
    for dtype in HALVES:
        assert not is_widened(dtype, torch.device("cuda"))


@pytest.mark.parametrize(("has_amx", "expected"), [(True, False), (False, True)])
def test_bf16_is_widened_where_no_matrix_unit_is(monkeypatch, has_amx, expected):
    monkeypatch.setattr(products.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    assert is_widened(torch.bfloat16, CPU) is expected


@pytest.mark.parametrize(("has_units", "expected"), [(True, False), (False, True)])
def test_fp16_is_widened_where_torch_has_no_products_of_it(monkeypatch, has_units, expected):
    monkeypatch.setattr(products.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(products, "_has_fp16_products", lambda: has_units)
    assert is_widened(torch.float16, CPU) is expected


def test_other_machines_than_x86_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(products.platform, "machine", lambda: "arm64")
    assert not any(is_widened(dtype, CPU) for dtype in HALVES)


def test_what_widening_takes_is_foreseen(monkeypatch):
    shape = shape_of(build("gpt_neox", CASES["gpt_neox"][0]).config)
    assert product_bytes(shape, torch.float32, CPU) == 0
    monkeypatch.setattr("ckpt_analyzer.scoring.estimate.is_widened", lambda *_of: True)
    rows = 4 * 1024 * shape.inner_width
    assert product_bytes(shape, torch.bfloat16, CPU) > rows + products.PART_BYTES


def test_products_of_any_size_share_the_memory_and_nothing_else():
    shared = WideProducts()
    for n_rows, n_inputs, n_outputs in [(3, 5, 7), (9, 20, 30), (2, 5, 3), (9, 20, 30)]:
        rows = numbers(n_rows, n_inputs).bfloat16()
        weight = numbers(n_outputs, n_inputs, seed=1).bfloat16()
        made = shared.linear(rows, weight)
        again = made.clone()
        assert torch.equal(made, WideProducts().linear(rows, weight))
        shared.linear(rows + 1, weight)
        assert torch.equal(made, again)
