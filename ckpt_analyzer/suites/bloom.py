"""BLOOM from 560m to 7b1: a few checkpoints each, as tags; the tokenizer lies with the final model.

The 176b model is left out: its parameters and the tokens of its steps are not known for certain.

References
----------
BigScience Workshop 2022, arXiv:2211.05100.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.suite import Fact, Model, Suite

_SMALL_STEPS = (1000, 10_000, *range(100_000, 600_001, 100_000))
_1B7_STEPS = (1000, *range(50_000, 300_001, 50_000))


@dataclass(frozen=True)
class _Size:
    parameters: int
    non_embedding_parameters: int
    steps: tuple[int, ...]
    tokens_per_step: int


_SIZES = {
    "560m": _Size(559_214_592, 302_313_472, _SMALL_STEPS, 524_288),
    "1b1": _Size(1_065_314_304, 679_962_624, _SMALL_STEPS, 524_288),
    "1b7": _Size(1_722_408_960, 1_208_606_720, _1B7_STEPS, 1_048_576),
    "3b": _Size(3_002_557_440, 2_360_304_640, (), 1_048_576),
    "7b1": _Size(7_069_016_064, 6_041_411_584, (), 1_048_576),
}

SUITE = Suite(
    name="bloom",
    title="BLOOM",
    models=tuple(
        Model(
            name=f"bloom-{size}",
            size=size,
            repo=f"bigscience/bloom-{size}-intermediate",
            parameters=facts.parameters,
            non_embedding_parameters=facts.non_embedding_parameters,
            steps=facts.steps,
            tokens_per_step=facts.tokens_per_step,
            revision="global_step{step}",
            is_open=not facts.steps,
            tokenizer_repo=f"bigscience/bloom-{size}",
        )
        for size, facts in _SIZES.items()
    ),
    citation="BigScience Workshop 2022, BLOOM: A 176B-Parameter Open-Access Multilingual Language "
    "Model, arXiv:2211.05100",
    licence="BigScience RAIL 1.0",
    link="https://huggingface.co/bigscience",
    evidence=(
        "Repositories, tags and steps up to 1b7: a mirrored card of bloom-1b1-intermediate and "
        "code of others; 3b and 7b1: what the Hub lists. Parameters: computed from the "
        "configurations. Unverified: tokens per step (from memory; they agree with 341 billion in "
        "all), 2 bytes per stored parameter, the licence. 176b is left out."
    ),
    facts=(
        Fact("repositories", "seen", "mirrored card of bloom-1b1-intermediate, code of others"),
        Fact("revisions", "seen", "mirrored card of bloom-1b1-intermediate, code of others"),
        Fact("steps", "seen", "560m, 1b1, 1b7; 3b and 7b1 as the Hub lists them"),
        Fact("tokens", "unverified", "from memory; they agree with 341 billion tokens in all"),
        Fact("parameters", "computed", "configurations"),
        Fact("tokenizer", "seen", "card: load it from the final model"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
