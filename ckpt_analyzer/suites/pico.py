"""Pico decoders from 11M to 570M: a step is a commit, which is found by its title."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.checkpoints.locating.commit_title import CommitTitle
from ckpt_analyzer.suite import Fact, Model, Suite


@dataclass(frozen=True)
class _Size:
    parameters: int
    non_embedding_parameters: int


_SIZES = {
    "tiny": _Size(11_282_784, 1_624_416),
    "small": _Size(64_595_328, 25_961_856),
    "medium": _Size(181_095_168, 103_828_224),
    "large": _Size(569_808_384, 415_274_496),
}

SUITE = Suite(
    name="pico",
    title="Pico",
    models=tuple(
        Model(
            name=f"pico-decoder-{size}",
            size=size,
            repo=f"pico-lm/pico-decoder-{size}",
            parameters=facts.parameters,
            non_embedding_parameters=facts.non_embedding_parameters,
            steps=tuple(range(1000, 200_001, 1000)),
            tokens_per_step=2_097_152,
            revision="Saving HF Model -- Step {step}",
            locating=CommitTitle(branch=f"pico-decoder-{size}-1"),
            is_open=True,
            stored_bytes_per_parameter=4,
        )
        for size, facts in _SIZES.items()
    ),
    citation="Diehl Martinez et al. 2025, Pico: A Modular Framework for Hypothesis-Driven Small "
    "Language Model Research",
    licence="Apache-2.0",
    link="https://github.com/pico-lm/pico-train",
    evidence=(
        "Repositories, branches, titles of commits, steps and tokens per step: source of "
        "pico-train and pico-analyze. Steps that the history has beyond these are taken in. "
        "Parameters: computed from the configurations. The models are code of their repositories: "
        "without running it they can be audited and are not scored. Unverified: 4 bytes per "
        "stored parameter, the citation, the licence."
    ),
    facts=(
        Fact("repositories", "seen", "source of pico-train and pico-analyze"),
        Fact("revisions", "seen", "source of pico-train and pico-analyze"),
        Fact("steps", "seen", "source of pico-train: every 1000 to 200,000"),
        Fact("tokens", "seen", "source of pico-train"),
        Fact("parameters", "computed", "configurations"),
        Fact("stored bytes", "unverified", "4 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
