"""SmolLM3 3B: three stages of pre-training, and the instruct model.

Steps are numbered through all stages. Branches of the extension of the context and of the tuning on
the way to the instruct model are left out.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Fact, Model, Stage, Suite
from ckpt_analyzer.suites._tuned import tuned

_EVERY = 40_000
_STAGE_1_END = 86 * _EVERY
_STAGE_2_END = _STAGE_1_END + 19 * _EVERY
_STAGE_3_END = _STAGE_2_END + 13 * _EVERY

_BASE = Model(
    name="smollm3-3b-checkpoints",
    size="3b",
    repo="HuggingFaceTB/SmolLM3-3B-checkpoints",
    parameters=3_075_098_624,
    non_embedding_parameters=2_812_430_336,
    steps=tuple(range(_EVERY, _STAGE_3_END + 1, _EVERY)),
    tokens_per_step=2_359_296,
    stages=(
        Stage("stage1-step-{step}"),
        Stage("stage2-step-{step}", after_step=_STAGE_1_END),
        Stage("stage3-step-{step}", after_step=_STAGE_2_END),
    ),
)

SUITE = Suite(
    name="smollm3",
    title="SmolLM3",
    models=(_BASE, tuned(_BASE, "HuggingFaceTB/SmolLM3-3B", "instruct")),
    citation="Bakouch et al. 2025, SmolLM3: smol, multilingual, long-context reasoner",
    licence="Apache-2.0",
    link="https://github.com/huggingface/smollm",
    evidence=(
        "Repository, branch pattern, number of branches in each stage and steps: a mirrored card "
        "and huggingface/smollm. Parameters: computed from the configuration. Tokens of the "
        "instruct model leave out the extension of the context. Unverified: 2 bytes per stored "
        "parameter, the citation, the licence."
    ),
    facts=(
        Fact("repositories", "seen", "mirrored card of the repository"),
        Fact("revisions", "seen", "mirrored card of the repository"),
        Fact("steps", "seen", "86, 19 and 13 branches, every 40,000 steps to 4,720,000"),
        Fact("tokens", "seen", "huggingface/smollm"),
        Fact("parameters", "computed", "configuration"),
        Fact("tuned models", "seen", "mirrored card of the repository"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
