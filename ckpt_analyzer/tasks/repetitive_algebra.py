"""Repetitive Algebra, a winning task of the Inverse Scaling Prize (cause: spurious few-shot)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="repetitive-algebra",
    title="Repetitive Algebra",
    kind="classification",
    description=(
        "Simple equations, most with the same solution, stand before one that has another. "
        "The right answer solves the last equation; the wrong one repeats the solution seen "
        "most often."
    ),
    data=official_file(
        "repetitive-algebra_classification.jsonl",
        "c2496c285bfef9e8da82dd28026aeb35f834da1c20ea410540c82698526428f3",
    ),
    n_items=1_000,
    scored_bytes=1_310_259,
    sample_tokens=sample_tokens((1, 235), (30, 6700), (300, 66608), (1000, 221445)),
    cause="spurious few-shot",
    citation=CITATION,
    licence=LICENCE,
)
