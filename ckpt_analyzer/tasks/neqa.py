"""NeQA, a winning task of the Inverse Scaling Prize (cause: distractor task)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="neqa",
    title="NeQA",
    kind="classification",
    description=(
        "Multiple-choice questions of common sense with a negation put in. The right answer "
        "minds the negation; the wrong one answers the question without it."
    ),
    data=official_file(
        "neqa_classification.jsonl",
        "50ca9dca517dcd7fcdbb6d7f750fbbdade2142c0ac2da2bd196dc27464b464e6",
    ),
    n_items=300,
    scored_bytes=121_292,
    sample_tokens=sample_tokens((1, 46), (30, 868), (300, 8489)),
    cause="distractor task",
    citation=CITATION,
    licence=LICENCE,
)
