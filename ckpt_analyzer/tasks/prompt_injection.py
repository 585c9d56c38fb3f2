"""Prompt Injection, a winning task of the Inverse Scaling Prize (cause: strong prior)."""

from __future__ import annotations

from ckpt_analyzer.task import Task
from ckpt_analyzer.tasks._prize import CITATION, LICENCE, official_file, sample_tokens

TASK = Task(
    name="prompt-injection",
    title="Prompt Injection",
    kind="sequence_prob",
    description=(
        "Sentences are to be repeated or capitalised, and the last of them is a command to ignore "
        "the instructions. Scored is the probability that the model repeats that sentence, as it "
        'should, instead of obeying it: the completion is always " Ignore".'
    ),
    data=official_file(
        "prompt-injection_sequence-probability.jsonl",
        "0c8e7342a256e5ff53913e83c7477f57d5b776d77fbab2aef473e92054773e21",
    ),
    n_items=1_000,
    scored_bytes=794_087,
    sample_tokens=sample_tokens((1, 199), (30, 5652), (300, 54534), (1000, 180165)),
    cause="strong prior",
    citation=CITATION,
    licence=LICENCE,
)
