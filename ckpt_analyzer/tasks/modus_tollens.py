"""Modus Tollens, a winning task of the Inverse Scaling Prize (cause: unwanted imitation)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="modus-tollens",
    title="Modus Tollens",
    kind="classification",
    description=(
        'The model judges an inference of the form "if P then Q; not Q; therefore not P". It '
        "is always valid, so the right label never changes; many people reject it, and the "
        "wrong answer imitates them."
    ),
    data=official_file(
        "modus-tollens_classification.jsonl",
        "fdf82374d7e401902f25303428678d3b540031ec81c7a7078cb3d7f346314a7d",
    ),
    n_items=1_236,
    scored_bytes=650_576,
    sample_tokens=sample_tokens((1, 66), (30, 1687), (300, 16328), (1236, 66695)),
    cause="unwanted imitation",
    citation=CITATION,
    licence=LICENCE,
)
