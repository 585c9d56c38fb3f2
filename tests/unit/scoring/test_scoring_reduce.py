from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from ckpt_analyzer.scoring import reduce
from ckpt_analyzer.scoring.reduce import reduce_logits


def test_agrees_with_log_softmax_in_double_precision(monkeypatch):
    monkeypatch.setattr(reduce, "SLICE_BYTES", 4 * 11 * 3)  # three rows a slice
    logits = torch.randn(10, 11, generator=torch.Generator().manual_seed(0)) * 10
    rows, targets = torch.arange(10).repeat_interleave(11), torch.arange(11).repeat(10)
    scores = reduce_logits(logits, rows, targets)
    expected = log_softmax(logits.double().numpy(), axis=1)
    np.testing.assert_allclose(scores.logprob_nats_K.reshape(10, 11), expected, atol=1e-5)
    assert scores.logprob_nats_K.dtype == torch.float64
    likeliest = scores.is_likeliest_K.reshape(10, 11)
    assert (likeliest.int().argmax(1) == logits.argmax(1)).all()
    assert (likeliest.sum(1) == 1).all()


def test_half_precision_logits_are_reduced_in_single_precision():
    logits = torch.linspace(-8, 8, 5000).half()[None]
    scores = reduce_logits(logits, torch.tensor([0]), torch.tensor([4000]))
    expected = log_softmax(logits.double().numpy(), axis=1)[0, 4000]
    assert scores.logprob_nats_K.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_row_with_any_non_finite_logit_is_not_scored(bad):
    logits = torch.tensor([[0.0, 5.0, bad], [0.0, 5.0, 1.0]])
    scores = reduce_logits(logits, torch.tensor([0, 0, 1]), torch.tensor([1, 2, 1]))
    assert scores.logprob_nats_K.isnan().tolist() == [True, True, False]
    assert scores.is_likeliest_K.tolist() == [False, False, True]
