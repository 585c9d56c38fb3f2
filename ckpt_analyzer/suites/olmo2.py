"""OLMo 2 from 1B to 32B: stage-1 checkpoints of the base models, and their tuned arms.

Stage 2 (several short anneals, then an average of weights) is not on one line of training with
stage 1 and is left out. Tuned models are published in one state, see `Model.tokens_per_step`.

References
----------
OLMo Team 2024, 2 OLMo 2 Furious, arXiv:2501.00656.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.suite import Arm, Fact, KnownBad, Model, Suite

_STAGE_1 = "stage1-step{step}-tokens{tokens_b}B"


@dataclass(frozen=True)
class _Base:
    size: str
    repo_name: str
    parameters: int
    non_embedding_parameters: int
    tokens_per_step: int
    steps: tuple[int, ...]
    is_open: bool = False


_BASES = (
    _Base(
        "1b", "OLMo-2-0425-1B", 1_484_916_736, 1_073_874_944, 2_097_152,
        (*range(10_000, 1_900_001, 10_000), 1_907_359),
    ),
    _Base(
        "7b", "OLMo-2-1124-7B", 7_298_617_344, 6_476_533_760, 4_194_304,
        (*range(1000, 928_001, 1000), 928_646),
    ),
    _Base(
        "13b", "OLMo-2-1124-13B", 13_716_198_400, 12_688_593_920, 8_388_608,
        (*range(103_000, 596_001, 1000), 596_057),
    ),
    _Base(
        "32b", "OLMo-2-0325-32B", 32_234_279_936, 31_206_675_456, 8_388_608, (721_901,), True,
    ),
)  # fmt: skip
_TUNED: dict[str, Arm] = {"SFT": "sft", "DPO": "dpo", "Instruct": "instruct"}


def _base(facts: _Base) -> Model:
    return Model(
        name=facts.repo_name.lower(),
        size=facts.size,
        repo=f"allenai/{facts.repo_name}",
        parameters=facts.parameters,
        non_embedding_parameters=facts.non_embedding_parameters,
        steps=facts.steps,
        tokens_per_step=facts.tokens_per_step,
        revision=_STAGE_1,
        stored_bytes_per_parameter=4,
        is_open=facts.is_open,
    )


def _early(facts: _Base) -> Model:
    return Model(
        name=f"{facts.repo_name.lower()}-early-training",
        size=facts.size,
        repo=f"allenai/{facts.repo_name}-early-training",
        parameters=facts.parameters,
        non_embedding_parameters=facts.non_embedding_parameters,
        steps=tuple(range(0, 36_001, 1000)),
        tokens_per_step=facts.tokens_per_step,
        revision=_STAGE_1,
        stored_bytes_per_parameter=4,
        recipe="early training",
    )


def _tuned(facts: _Base, stage: str) -> Model:
    return Model(
        name=f"{facts.repo_name}-{stage}".lower(),
        size=facts.size,
        repo=f"allenai/{facts.repo_name}-{stage}",
        parameters=facts.parameters,
        non_embedding_parameters=facts.non_embedding_parameters,
        steps=(1,),
        tokens_per_step=0,
        arm=_TUNED[stage],
        base_model=facts.repo_name.lower(),
        tokens_before=facts.steps[-1] * facts.tokens_per_step,
        revision="main",
    )


SUITE = Suite(
    name="olmo2",
    title="OLMo 2",
    models=(
        *(_base(facts) for facts in _BASES),
        _early(_BASES[0]),
        *(_tuned(facts, stage) for facts in _BASES for stage in _TUNED),
    ),
    citation="OLMo Team 2024, 2 OLMo 2 Furious, arXiv:2501.00656",
    licence="Apache-2.0",
    link="https://github.com/allenai/OLMo",
    evidence=(
        "Repositories, revision pattern, last steps and the early-training steps: README of "
        "allenai/OLMo. Other steps: the round ones of the checkpoint lists in its "
        "configs/official-0425 and configs/official-1124, which name the files of the authors' "
        "own store; that each is also a revision on the Hub is unverified, so the Hub's list "
        "decides at run time. 32B: the last step; the others are those that the Hub lists. 13B: "
        "the Hub begins at step 102500 (issue 842). Parameter counts: computed from the "
        "configurations, with a formula that reproduces the published counts. "
        "Unverified: 4 bytes per stored parameter of the base models (7B: inferred from its six "
        "files) and 2 of the tuned ones. Tokens of tuned models count stage 1 only: those of "
        "stage 2 and of the tuning are left out. The licence is from memory."
    ),
    facts=(
        Fact("repositories", "seen", "README of allenai/OLMo"),
        Fact("revisions", "seen", "README of allenai/OLMo; configs/official-*"),
        Fact("steps", "unverified", "lists of the authors' own store; 32B as the Hub lists them"),
        Fact("tokens", "seen", "configs/official-* of allenai/OLMo"),
        Fact("parameters", "computed", "configurations"),
        Fact("tuned models", "seen", "README of allenai/OLMo"),
        Fact("stored bytes", "unverified", "4 bytes, 7B inferred from its six files; tuned: 2"),
        Fact("known bad", "seen", "the linked issue; not checked by us"),
        Fact("licence", "unverified", "from memory"),
    ),
    known_bad=(
        KnownBad(
            "olmo-2-1124-7b",
            (101_000, 175_000, 300_000),
            "the three revisions serve identical weights; which step they are is not settled",
            "https://github.com/allenai/OLMo/issues/915",
        ),
    ),
)
