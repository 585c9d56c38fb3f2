"""Pattern Match Suppression, a winning task of the Inverse Scaling Prize (distractor task)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="pattern-matching-suppression",
    title="Pattern Match Suppression",
    kind="classification",
    description=(
        "A sequence alternates between two symbols, and the model is told to end it "
        "unexpectedly. The right answer breaks the pattern and always has the same label; the"
        " wrong one continues it."
    ),
    data=official_file(
        "pattern-matching-suppression_classification.jsonl",
        "29ff41ccc2592ecd19c8bdf8e632a394314cb7d84d21e668d9060070d95fdad0",
    ),
    n_items=1_428,
    scored_bytes=461_278,
    sample_tokens=sample_tokens((1, 46), (30, 1204), (300, 10310), (1428, 43220)),
    cause="distractor task",
    citation=CITATION,
    licence=LICENCE,
)
