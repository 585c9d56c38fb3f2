"""Into the Unknown, a winning task of the Inverse Scaling Prize (cause: distractor task)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="into-the-unknown",
    title="Into the Unknown",
    kind="classification",
    description=(
        "Given a short story and a question about it, the model picks the piece of "
        "information that would help to answer. The wrong choice repeats what the story "
        "already says."
    ),
    data=official_file(
        "into-the-unknown_classification.jsonl",
        "74b5e1aca9e4aeedd2b6ce1686d0e5ee9cd380509d65bca37cad1ebebaecf51d",
    ),
    n_items=1_824,
    scored_bytes=1_740_888,
    sample_tokens=sample_tokens((1, 107), (30, 3133), (300, 24234), (1824, 74921)),
    cause="distractor task",
    citation=CITATION,
    licence=LICENCE,
)
