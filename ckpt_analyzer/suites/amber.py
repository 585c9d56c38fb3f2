"""Amber: one 7B model of LLM360 with 360 checkpoints, evenly spaced, and AmberChat.

A step is one of the 360 chunks of the data: ``ckpt_000`` is the state after the first.

References
----------
Liu et al. 2023, arXiv:2312.06550.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Fact, Model, Stage, Suite
from ckpt_analyzer.suites._tuned import tuned

#: 1259.13 billion tokens in 360 chunks; the third of a token is lost.
TOKENS_PER_CHUNK = 3_497_583_333
_LAST_BRANCH = 359

_BASE = Model(
    name="amber",
    size="7b",
    repo="LLM360/Amber",
    parameters=6_738_415_616,
    non_embedding_parameters=6_476_271_616,
    steps=tuple(range(1, 361)),
    tokens_per_step=TOKENS_PER_CHUNK,
    stages=(Stage("ckpt_{step:03d}", offset=1), Stage("main", after_step=_LAST_BRANCH)),
)

SUITE = Suite(
    name="amber",
    title="LLM360 Amber",
    models=(_BASE, tuned(_BASE, "LLM360/AmberChat", "instruct")),
    citation="Liu et al. 2023, LLM360: Towards Fully Transparent Open-Source LLMs, "
    "arXiv:2312.06550",
    licence="Apache-2.0",
    link="https://github.com/LLM360/amber-train",
    evidence=(
        "Repository, branches ckpt_000 to ckpt_358 and main, 1259.13 billion tokens in all: README "
        "of LLM360/amber-train and a table of the Hub. Parameters: computed from the "
        "configuration. Unverified: that ckpt_000 is the state after the first chunk, which makes "
        "main the 360th; 2 bytes per stored parameter; that AmberChat has the shape of Amber; "
        "the licence."
    ),
    facts=(
        Fact("repositories", "seen", "README of LLM360/amber-train"),
        Fact("revisions", "seen", "README of LLM360/amber-train and a table of the Hub"),
        Fact("steps", "unverified", "that ckpt_000 comes after the first chunk of the data"),
        Fact("tokens", "computed", "1259.13 billion tokens over 360 checkpoints"),
        Fact("parameters", "computed", "configuration"),
        Fact("tuned models", "seen", "README of LLM360/amber-train"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
