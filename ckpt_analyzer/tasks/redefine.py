"""Redefine, a winning task of the Inverse Scaling Prize (cause: strong prior)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="redefine",
    title="Redefine",
    kind="classification",
    description=(
        "A familiar symbol or word is given a new meaning, and a question is asked under it. "
        "The right answer follows the new meaning; the wrong one keeps the usual meaning."
    ),
    data=official_file(
        "redefine_classification.jsonl",
        "4ca8573039b0f943ea773d258cea3f937a8429cf0f6f0f060c281fd8eb6d5c7c",
    ),
    n_items=1_244,
    scored_bytes=213_898,
    sample_tokens=sample_tokens((1, 24), (30, 483), (300, 3360), (1244, 11865)),
    cause="strong prior",
    citation=CITATION,
    licence=LICENCE,
)
