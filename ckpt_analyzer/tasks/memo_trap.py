"""Memo Trap, a winning task of the Inverse Scaling Prize (cause: strong prior)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="memo-trap",
    title="Memo Trap",
    kind="classification",
    description=(
        "The model is asked to end a well-known saying with a given, unusual word. The right "
        "answer ends in that word; the wrong one completes the saying as memorised."
    ),
    data=official_file(
        "memo-trap_classification.jsonl",
        "f09aac90bf841f2eb899d23beed8c8ccad2e1d3ab4f0fd3f1ff403fd5c7e11f2",
    ),
    n_items=936,
    scored_bytes=180_240,
    sample_tokens=sample_tokens((1, 23), (30, 416), (300, 4178), (936, 12372)),
    cause="strong prior",
    citation=CITATION,
    licence=LICENCE,
)
