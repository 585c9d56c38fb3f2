"""Hindsight Neglect, a winning task of the Inverse Scaling Prize (cause: spurious few-shot)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="hindsight-neglect",
    title="Hindsight Neglect",
    kind="classification",
    description=(
        "The model judges whether a bet was right by its expected value. In the ten examples "
        "of the prompt the outcome agrees with the expected value; in the question it does "
        "not, and the wrong answer goes by outcome."
    ),
    data=official_file(
        "hindsight-neglect_classification.jsonl",
        "1539e144e20c760cd70980ca012d3d75744b59385bdf78cffc4d02560c4b3686",
    ),
    n_items=315,
    scored_bytes=1_847_462,
    sample_tokens=sample_tokens((1, 648), (30, 19094), (300, 189475), (315, 198910)),
    cause="spurious few-shot",
    citation=CITATION,
    licence=LICENCE,
)
