"""Sig Figs, a winning task of the Inverse Scaling Prize (cause: distractor task)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="sig-figs",
    title="Sig Figs",
    kind="classification",
    description=(
        "A number is to be rounded to a count of significant figures, by rules given in the "
        "prompt. The wrong answers round to decimal places instead."
    ),
    data=official_file(
        "sig-figs_classification.jsonl",
        "19ca4afdd2b5d0fb2608097cf747b5a4105038ea2183750796c8bf57f23e7448",
    ),
    n_items=20_897,
    scored_bytes=39_141_323,
    sample_tokens=sample_tokens(
        (1, 144), (30, 3017), (300, 22568), (3000, 210377), (20897, 1418727)
    ),
    cause="distractor task",
    citation=CITATION,
    licence=LICENCE,
)
