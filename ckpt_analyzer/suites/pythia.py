"""Pythia, standard data: 10 sizes from 14m to 12b, 154 checkpoints each, and their tuned models.

Tuned models of which not every size is known by name are left out, and so are those of a stage that
is no arm (PPO).

References
----------
Biderman et al. 2023, arXiv:2304.01373.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Arm, Fact, KnownBad, Model, Suite
from ckpt_analyzer.suites import _pythia_facts as facts
from ckpt_analyzer.suites._tuned import tuned

#: Branches of pythia-2.8b with the embeddings of the last step: two blobs, 86 branches, of which
#: step143000 is the one that may hold them.
_FINAL_ERA = (
    *(step for step in facts.STEPS if step <= 59_000),
    *range(60_000, 65_001, 1000),
    70_000, 80_000, 90_000, 100_000, 103_000, 110_000, 120_000, 130_000, 140_000,
)  # fmt: skip

_MODELS = facts.models(facts.SIZES)
_DOLLY = {"2.8b": "3b", "6.9b": "7b", "12b": "12b"}
_HELPFUL = ("70m", "160m", "410m", "1b", "1.4b", "2.8b", "6.9b")
_HELPFUL_HARMLESS = ("410m", "2.8b", "6.9b")
_STAGES: tuple[Arm, ...] = ("sft", "dpo")


def _tuned(size: str, repo: str, arm: Arm) -> Model:
    base = next(model for model in _MODELS if model.size == size)
    # Others may have padded the vocabulary in another way: their own files tell the count.
    return tuned(base, repo, arm, same_shape=False)


_TUNED = (
    *(_tuned(size, f"databricks/dolly-v2-{name}", "instruct") for size, name in _DOLLY.items()),
    *(
        _tuned(size, f"lomahony/pythia-{size}-helpful-{stage}", stage)
        for size in _HELPFUL
        for stage in _STAGES
    ),
    *(
        _tuned(size, f"lomahony/eleuther-pythia{size}-hh-{stage}", stage)
        for size in _HELPFUL_HARMLESS
        for stage in _STAGES
    ),
    _tuned("1.4b", "kykim0/pythia-1.4b-tulu-v2-mix", "sft"),
)

SUITE = Suite(
    name="pythia",
    title="Pythia",
    models=(*_MODELS, *_TUNED),
    citation=facts.CITATION,
    licence=facts.LICENCE,
    link=facts.LINK,
    evidence=(
        f"{facts.EVIDENCE} Tuned models: cards of dolly-v2, and code of others that loads them. "
        "Unverified: whether the models of lomahony and kykim0 were tuned from the standard or "
        "the deduplicated models, and that every size in between exists."
    ),
    facts=(
        *facts.FACTS,
        Fact("tuned models", "unverified", "dolly-v2: its cards; the others: code that loads them"),
    ),
    known_bad=(
        KnownBad(
            "pythia-2.8b",
            _FINAL_ERA,
            "the branch serves weights of the end of training",
            f"{facts.ISSUES}/205",
        ),
        KnownBad(
            "pythia-12b",
            (50_000, 58_000),
            "the first of the three weight files is that of the last step",
            f"{facts.ISSUES}/206",
        ),
        *facts.first_steps_equal(_MODELS),
    ),
)
