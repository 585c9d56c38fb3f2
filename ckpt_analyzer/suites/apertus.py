"""Apertus 8B and 70B: pre-training checkpoints of both, and the instruct models.

The batch was doubled during training. At 8B this happened after step 1,678,000: with that, the
tokens come to 15.0 trillion at the last step, as published. The tokens in the names of revisions
are rounded (4.2 million a step) and are not used. Where the batch of 70B changed is not known: its
tokens are those of the names. Branches of the extension of the context are left out.

References
----------
Swiss AI Initiative 2025, arXiv:2509.14233.
"""

from __future__ import annotations

from ckpt_analyzer.suite import BatchChange, Fact, Model, Saved, Suite
from ckpt_analyzer.suites._tuned import tuned

_PATTERN = "step{step}-tokens{tokens_b}B"
_DOUBLED_AFTER = 1_678_000
_LAST = 2_627_139
#: Billions of tokens as the names of the revisions state them.
_NAMED_BILLIONS = {
    **{step: round(step * 0.0042) for step in range(50_000, 1_000_001, 50_000)},
    1_194_000: 5014, 1_432_000: 6014, 1_670_000: 7014, _DOUBLED_AFTER: 7047,
    **{1_700_000 + 50_000 * k: 7232 + 420 * k for k in range(19)},
}  # fmt: skip

_8B = Model(
    name="apertus-8b-2509",
    size="8b",
    repo="swiss-ai/Apertus-8B-2509",
    parameters=0,
    non_embedding_parameters=None,
    steps=(*_NAMED_BILLIONS, _LAST),
    tokens_per_step=4_194_304,
    batch_changes=(BatchChange(_DOUBLED_AFTER, 8_388_608),),
    revision=_PATTERN,
    saved=(
        *(Saved(step, f"step{step}-tokens{b}B") for step, b in _NAMED_BILLIONS.items()),
        Saved(_LAST, f"step{_LAST}-tokens15T"),
    ),
)
_70B = Model(
    name="apertus-70b-2509",
    size="70b",
    repo="swiss-ai/Apertus-70B-2509",
    parameters=0,
    non_embedding_parameters=None,
    steps=(),
    tokens_per_step=0,
    revision=_PATTERN,
    is_open=True,
)

SUITE = Suite(
    name="apertus",
    title="Apertus",
    models=(
        _8B,
        _70B,
        tuned(_8B, "swiss-ai/Apertus-8B-Instruct-2509", "instruct"),
        tuned(_70B, "swiss-ai/Apertus-70B-Instruct-2509", "instruct"),
    ),
    citation="Swiss AI Initiative 2025, Apertus: Democratizing Open and Compliant LLMs for Global "
    "Language Environments, arXiv:2509.14233",
    licence="Apache-2.0",
    link="https://huggingface.co/swiss-ai",
    evidence=(
        "Repositories and the 44 revisions of 8B: code of others and a table of the Hub; 70B: what "
        "the Hub lists. Tokens per step before and after the batch was doubled: the same; the step "
        "of the change at 8B: computed from the tokens in the names, and checked by the published "
        "total. Parameters are read from the files. Unverified: 2 bytes per stored parameter, the "
        "licence."
    ),
    facts=(
        Fact("repositories", "seen", "code of others and a table of the Hub"),
        Fact("revisions", "seen", "code of others and a table of the Hub"),
        Fact("steps", "seen", "8B: 44 revisions; 70B as the Hub lists them"),
        Fact("tokens", "computed", "8B: 4,194,304 a step, twice that after step 1,678,000"),
        Fact("parameters", "unverified", "not known to the suite: the files tell"),
        Fact("tuned models", "seen", "table of the Hub"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
