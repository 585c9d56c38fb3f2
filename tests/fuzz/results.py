"""Fuzz the reader of lm-eval results: python tests/fuzz/results.py --inputs 10000 --seed 0"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ckpt_analyzer import suites
from ckpt_analyzer.importers.lm_eval import read_lm_eval
from mutation import Target, main, scratch

_PLACE = scratch() / "results.json"
_SUITES = [suites.load("pythia")]

_OLD = {
    "results": {"isp_memo_trap": {"acc": 0.25, "acc_stderr": 0.014159}, "lambada": {"ppl": 12.5}},
    "versions": {"isp_memo_trap": 0},
    "config": {
        "model": "hf-causal",
        "model_args": "pretrained=EleutherAI/pythia-70m,revision=step1000,dtype=float16",
        "num_fewshot": 0,
    },
}
_NEW = {
    "results": {
        "isp_neqa": {"alias": "x", "acc,none": 0.5, "acc_stderr,none": 0.03, "acc_norm,none": 1.0}
    },
    "n-shot": {"isp_neqa": 2},
    "n-samples": {"isp_neqa": {"original": 300, "effective": 300}},
    "config": {
        "model_args": {"pretrained": "EleutherAI/pythia-160m", "revision": "step2000"},
        "model_dtype": "torch.float32",
    },
}
_MANY = {
    "results": {
        "lambada_openai": {"acc,none": 0.4, "acc_stderr,none": "N/A", "perplexity,none": 12.5},
        "mmlu": {"acc,none": 0.25, "acc_stderr,none": 0.004, "alias": " - mmlu"},
        "gsm8k": {"exact_match,strict-match": 0.0, "exact_match,flexible-extract": 0.01},
    },
    "groups": {"mmlu": {"acc,none": 0.25}},
    "n-shot": {"lambada_openai": 0, "mmlu": 5, "gsm8k": 5},
    "n-samples": {"mmlu": {"original": 14042, "effective": 100}},
    "config": {
        "model": "hf",
        "model_args": "pretrained=EleutherAI/pythia-1b,revision=step143000,dtype=auto",
        "num_fewshot": None, "limit": 100.0,
    },
}  # fmt: skip

TARGET = Target(
    name="lm-eval results",
    seeds=(
        json.dumps(_OLD).encode(),
        json.dumps(_NEW, indent=1).encode(),
        json.dumps(_MANY).encode(),
        json.dumps(_NEW | {"n-shot": None, "n-samples": []}).encode(),
    ),
    broken=(
        json.dumps(_NEW | {"results": {"a": None, "b": [], "c": {"acc": 10**400}}}).encode(),
        json.dumps(_NEW | {"n-samples": {"isp_neqa": {"effective": 10**30}}}).encode(),
        json.dumps(_NEW | {"results": {"x": {"acc,non\ud800": 0.5}}}).encode(),
        b"[" * 10_000,
        b'{"results": ' + b"1" * 5000 + b"}",
    ),
    words=(
        '"results"', '"config"', '"model_args"', '"pretrained"', '"revision"', '"step1000"',
        '"step' + "9" * 5000 + '"', '"n-shot"', '"n-samples"', '"acc"', '"acc,none"', "_stderr",
        "1e-320", "1e308", '"peft=x"', '"num_fewshot"', '"main"', '"effective"',
    ),
    read=lambda content: _read(content),
    as_json=True,
)  # fmt: skip


def _read(content: bytes) -> None:
    _PLACE.write_bytes(content)
    trends = read_lm_eval([_PLACE], suites=_SUITES).trends
    assert np.isfinite(trends["value"]).all()
    assert (trends["shots"] >= 0).all()
    assert (trends["n_items"].dropna() > 0).all()
    assert (trends["stderr"].dropna() >= 0).all()
    assert not trends["has_items"].any()


if __name__ == "__main__":
    main(TARGET)
