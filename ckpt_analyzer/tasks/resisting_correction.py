"""Resisting Correction, a winning task of the Inverse Scaling Prize (cause: strong prior)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="resisting-correction",
    title="Resisting Correction",
    kind="classification",
    description=(
        "The model is asked to repeat a sentence that holds a small mistake, after examples "
        "of faithful repetition. The right answer keeps the mistake; the wrong one corrects "
        "it."
    ),
    data=official_file(
        "resisting-correction_classification.jsonl",
        "0c2720f095a4272e6b1462fe774704c57db0f124c4b68f35747d76e79e5352f6",
    ),
    n_items=7_344,
    scored_bytes=5_847_888,
    sample_tokens=sample_tokens((1, 107), (30, 2801), (300, 27070), (3000, 261063), (7344, 607213)),
    cause="strong prior",
    citation=CITATION,
    licence=LICENCE,
)
