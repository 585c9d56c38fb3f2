"""SmolLM2 at 135M, 360M and 1.7B: intermediate checkpoints, and the instruct models.

References
----------
Allal et al. 2025, arXiv:2502.02737.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.suite import Fact, Model, Suite
from ckpt_analyzer.suites._tuned import tuned


@dataclass(frozen=True)
class _Size:
    parameters: int
    non_embedding_parameters: int
    steps: tuple[int, ...]
    tokens_per_step: int


_SIZES = {
    "135M": _Size(134_515_008, 106_203_456, tuple(range(240_000, 1_920_001, 240_000)), 1_048_576),
    "360M": _Size(361_821_120, 314_635_200, (), 1_572_864),
    "1.7B": _Size(
        1_711_376_384, 1_610_713_088, tuple(range(125_000, 5_125_001, 125_000)), 2_097_152
    ),
}
_BASES = {
    size: Model(
        name=f"smollm2-{size.lower()}",
        size=size,
        repo=f"HuggingFaceTB/SmolLM2-{size}-intermediate-checkpoints",
        parameters=facts.parameters,
        non_embedding_parameters=facts.non_embedding_parameters,
        steps=facts.steps,
        tokens_per_step=facts.tokens_per_step,
        revision="step-{step}",
        is_open=not facts.steps,
    )
    for size, facts in _SIZES.items()
}

SUITE = Suite(
    name="smollm2",
    title="SmolLM2",
    models=(
        *_BASES.values(),
        *(
            tuned(base, f"HuggingFaceTB/SmolLM2-{size}-Instruct", "instruct")
            for size, base in _BASES.items()
        ),
    ),
    citation="Allal et al. 2025, SmolLM2: When Smol Goes Big, arXiv:2502.02737",
    licence="Apache-2.0",
    link="https://github.com/huggingface/smollm",
    evidence=(
        "Repositories, branch pattern and steps of 135M and 1.7B: code of others and a table of "
        "the Hub; of 360M: what the Hub lists. Tokens per step: the training configurations of "
        "huggingface/smollm. Parameters: computed from the configurations. Unverified: 2 bytes per "
        "stored parameter, the licence, that the instruct models have the shape of their base."
    ),
    facts=(
        Fact("repositories", "seen", "code of others and a table of the Hub"),
        Fact("revisions", "seen", "code of others and a table of the Hub"),
        Fact("steps", "seen", "135M and 1.7B; 360M as the Hub lists them"),
        Fact("tokens", "computed", "training configurations of huggingface/smollm"),
        Fact("parameters", "computed", "configurations"),
        Fact("tuned models", "seen", "code of others"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
