"""TinyLlama 1.1B: checkpoints in branches of two repositories and in repositories of their own.

References
----------
Zhang et al. 2024, arXiv:2401.02385.
"""

from __future__ import annotations

from ckpt_analyzer.checkpoints.locating.separate_repos import SeparateRepos
from ckpt_analyzer.suite import Fact, Model, Saved, Suite
from ckpt_analyzer.suites._tuned import tuned

_PARAMETERS = 1_100_048_384
_NON_EMBEDDING = 968_976_384
_TOKENS_PER_STEP = 2_097_152
_STEP_NAMED = "TinyLlama/TinyLlama-1.1B-intermediate-step-"
_SEPARATE = (
    Saved(50_000, "PY007/TinyLlama-1.1B-step-50K-105b"),
    Saved(955_000, f"{_STEP_NAMED}955k-token-2T"),
    Saved(1_195_000, f"{_STEP_NAMED}1195k-token-2.5T"),
    Saved(1_431_000, f"{_STEP_NAMED}1431k-3T"),
)

_MILESTONES = Model(
    name="tinyllama-1.1b",
    size="1.1b",
    repo=_SEPARATE[-1].name,
    parameters=_PARAMETERS,
    non_embedding_parameters=_NON_EMBEDDING,
    steps=tuple(each.step for each in _SEPARATE),
    tokens_per_step=_TOKENS_PER_STEP,
    saved=_SEPARATE,
    locating=SeparateRepos(),
)


def _branches(name: str, repo: str) -> Model:
    return Model(
        name=name,
        size="1.1b",
        repo=repo,
        parameters=_PARAMETERS,
        non_embedding_parameters=_NON_EMBEDDING,
        steps=(),
        tokens_per_step=_TOKENS_PER_STEP,
        revision="step-{kilosteps}k-token-{tokens_b}B",
        is_open=True,
    )


SUITE = Suite(
    name="tinyllama",
    title="TinyLlama",
    models=(
        _MILESTONES,
        _branches("tinyllama-1.1b-intermediate", "TinyLlama/tinyLlama-intermediate-checkpoints"),
        _branches(
            "tinyllama-1.1b-intermediate-after-1t",
            "TinyLlama/tinyLlama-intermediate-checkpoints-after-1T-token",
        ),
        tuned(_MILESTONES, "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "instruct"),
    ),
    citation="Zhang et al. 2024, TinyLlama: An Open-Source Small Language Model, arXiv:2401.02385",
    licence="Apache-2.0",
    link="https://github.com/jzhang38/TinyLlama",
    evidence=(
        "Repositories, branch pattern and tokens per step: README of TinyLlama and code of others, "
        "which report 145 branches. Branches: what the Hub lists. Repositories of other early "
        "steps exist under PY007; the registry names one. Parameters: computed from the "
        "configuration. The id of the BOS token changes between 2 and 2.5 trillion tokens, after a "
        "mistake that the README tells of. Unverified: 2 bytes per stored parameter, the licence."
    ),
    facts=(
        Fact("repositories", "seen", "README of TinyLlama and code of others"),
        Fact("revisions", "seen", "code of others"),
        Fact("steps", "seen", "repositories of their own; branches as the Hub lists them"),
        Fact("tokens", "seen", "README of TinyLlama"),
        Fact("parameters", "computed", "configuration"),
        Fact("tuned models", "seen", "README of TinyLlama"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
