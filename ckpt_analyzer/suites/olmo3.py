"""OLMo 3 at 7B and 32B, and its tuned arms.

The three stages of pre-training are one line: a step is counted on from the stage before, whose
last one is known for 7B. Of 32B, where it is not, only stage 1 is here.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Arm, BatchChange, Fact, Model, Stage, Suite
from ckpt_analyzer.suites._tuned import tuned

_STAGE_1_END = 1_413_814
_STAGE_2_END = _STAGE_1_END + 47_684
_STAGE_3_END = _STAGE_2_END + 11_921

_7B = Model(
    name="olmo-3-1025-7b",
    size="7b",
    repo="allenai/Olmo-3-1025-7B",
    parameters=7_298_011_136,
    non_embedding_parameters=None,
    steps=(_STAGE_1_END, _STAGE_2_END, _STAGE_3_END),
    tokens_per_step=4_194_304,
    batch_changes=(BatchChange(_STAGE_1_END, 2_097_152), BatchChange(_STAGE_2_END, 4_194_304)),
    stages=(
        Stage("stage1-step{step}"),
        Stage("stage2-step{step}", after_step=_STAGE_1_END, offset=_STAGE_1_END),
        Stage("stage3-step{step}", after_step=_STAGE_2_END, offset=_STAGE_2_END),
    ),
    is_open=True,
)
_32B = Model(
    name="olmo-3-1125-32b",
    size="32b",
    repo="allenai/Olmo-3-1125-32B",
    parameters=0,
    non_embedding_parameters=None,
    steps=(),
    tokens_per_step=8_388_608,
    revision="stage1-step{step}",
    is_open=True,
)
_ENDS: dict[str, Arm] = {"-SFT": "sft", "-DPO": "dpo", "": "instruct"}

SUITE = Suite(
    name="olmo3",
    title="OLMo 3",
    models=(
        _7B,
        _32B,
        *(
            tuned(base, f"allenai/Olmo-3-{size}-{kind}{end}", arm, tokens_before=before)
            for base, size, before in ((_7B, "7B", _7B.tokens_at(_STAGE_3_END)), (_32B, "32B", 0))
            for kind in ("Think", "Instruct")
            for end, arm in _ENDS.items()
        ),
    ),
    citation="OLMo Team 2025, Olmo 3",
    licence="Apache-2.0",
    link="https://github.com/allenai/OLMo-core",
    evidence=(
        "Repositories, stages, tokens per step and last steps: README and tables of OLMo-core, "
        "official/OLMo3; code of others, which saw 1,421 revisions of stage 1 and 52 of stage 2. "
        "All other steps: what the Hub lists. Parameters of 7B: computed from the configuration; "
        "of 32B: read from its files. Tokens of tuned 32B models count stage 1 only. Unverified: "
        "that a last step is published for each stage, that the tuned models have the shape of "
        "their base, 2 bytes per stored parameter, the citation, the licence."
    ),
    facts=(
        Fact("repositories", "seen", "README and tables of OLMo-core, official/OLMo3"),
        Fact("revisions", "seen", "code of others"),
        Fact("steps", "seen", "last step of each stage of 7B; the others as the Hub lists them"),
        Fact("tokens", "seen", "tokens per step of each stage: OLMo-core"),
        Fact("parameters", "computed", "7B: its configuration; 32B: its files"),
        Fact("tuned models", "seen", "code of others"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
