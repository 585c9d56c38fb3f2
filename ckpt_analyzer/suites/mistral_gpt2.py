"""Mistral (Stanford): GPT-2 small and medium, five seeds each, 609 checkpoints a run."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.suite import Fact, Model, Suite

STEPS = (
    *range(0, 101, 10),
    *range(150, 2001, 50),
    *range(2100, 20_001, 100),
    *range(21_000, 400_001, 1000),
)
_SEEDS = (21, 49, 81, 343, 777)


@dataclass(frozen=True)
class _Size:
    parameters: int
    non_embedding_parameters: int
    aliases: tuple[str, ...]


_SIZES = {
    "small": _Size(
        124_439_808, 85_056_000, ("alias", "battlestar", "caprica", "darkmatter", "expanse")
    ),
    "medium": _Size(354_823_168, 302_311_424, ("arwen", "beren", "celebrimbor", "durin", "eowyn")),
}

SUITE = Suite(
    name="mistral-gpt2",
    title="Mistral GPT-2 (Stanford)",
    models=tuple(
        Model(
            name=f"{alias}-gpt2-{size}-x{seed}",
            size=size,
            repo=f"stanford-crfm/{alias}-gpt2-{size}-x{seed}",
            parameters=facts.parameters,
            non_embedding_parameters=facts.non_embedding_parameters,
            steps=STEPS,
            tokens_per_step=524_288,
            revision="checkpoint-{step}",
            stored_bytes_per_parameter=4,
            seed=seed,
        )
        for size, facts in _SIZES.items()
        for alias, seed in zip(facts.aliases, _SEEDS, strict=True)
    ),
    citation="Karamcheti et al. 2021, Mistral: A Journey towards Reproducible Language Model "
    "Training",
    licence="Apache-2.0",
    link="https://github.com/stanford-crfm/mistral",
    evidence=(
        "Repositories, branch pattern, the 609 steps and the effective batch of 512: README, "
        "mistral_models.json and configurations of stanford-crfm/mistral; 1024 tokens a sequence, "
        "the context of GPT-2. Parameters: computed from the configurations. Unverified: the seeds "
        "of the medium models, taken in the order of the small ones; 4 bytes per stored parameter; "
        "the licence."
    ),
    facts=(
        Fact("repositories", "seen", "README of stanford-crfm/mistral; medium: seeds unverified"),
        Fact("revisions", "seen", "README of stanford-crfm/mistral"),
        Fact("steps", "seen", "mistral_models.json of stanford-crfm/mistral"),
        Fact("tokens", "computed", "effective batch of 512 sequences of 1024 tokens"),
        Fact("parameters", "computed", "configurations"),
        Fact("seeds", "unverified", "small: names of the repositories; medium: in the same order"),
        Fact("stored bytes", "unverified", "4 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
