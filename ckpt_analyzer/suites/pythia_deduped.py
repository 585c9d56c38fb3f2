"""Pythia, deduplicated data: 8 sizes from 70m to 12b, 154 checkpoints each.

The sizes 14m and 31m were trained on the standard data only.

References
----------
Biderman et al. 2023, arXiv:2304.01373.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Fact, Suite
from ckpt_analyzer.suites import _pythia_facts as facts
from ckpt_analyzer.suites._tuned import tuned

_MODELS = facts.models(facts.SIZES[2:], variant="-deduped")
_OPEN_ASSISTANT = "OpenAssistant/oasst-sft-4-pythia-12b-epoch-3.5"

SUITE = Suite(
    name="pythia-deduped",
    title="Pythia (deduplicated)",
    models=(*_MODELS, tuned(_MODELS[-1], _OPEN_ASSISTANT, "sft", same_shape=False)),
    citation=facts.CITATION,
    licence=facts.LICENCE,
    link=facts.LINK,
    evidence=f"{facts.EVIDENCE} The base of the OpenAssistant model is from memory, unverified.",
    facts=(
        *facts.FACTS,
        Fact("tuned models", "unverified", "the base of the OpenAssistant model is from memory"),
    ),
    known_bad=facts.first_steps_equal(_MODELS),
)
