"""Tasks for lm-evaluation-harness that read local files: one of every kind of scoring."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

#: A function of the task's own, as truthfulqa_mc2 has one.
_MC2 = """
import numpy as np


def process_results_mc2(doc, results):
    lls, _ = zip(*results)
    split_idx = list(doc["mc2_targets"]["labels"]).index(0)
    p_true, p_false = np.exp(np.array(lls[:split_idx])), np.exp(np.array(lls[split_idx:]))
    return {"mc2": sum(p_true / (sum(p_true) + sum(p_false)))}
"""

QUESTIONS = [
    {"question": f"Q: which animal sat on the {place}?", "choices": choices, "answer": answer}
    for place, choices, answer in [
        ("mat", ["cat", "dog", "a very large bird"], 0),
        ("log", ["cat", "dog", "the other one"], 1),
        ("roof", ["a bird that sang", "fish", "dog"], 0),
        ("sea bed", ["fish", "cat on a mat", "bird"], 0),
        ("branch", ["dog", "bird", "a cat"], 1),
        ("sofa", ["the old dog", "cat", "no animal at all"], 1),
    ]
]
TRUTHS = [
    {
        "question": f"What is {thing}?",
        "mc1_targets": {"choices": choices, "labels": [1] + [0] * (len(choices) - 1)},
        "mc2_targets": {"choices": choices, "labels": [1] * n_true + [0] * (len(choices) - n_true)},
    }
    for thing, choices, n_true in [
        ("gold", ["a metal", "an element", "a cat"], 2),
        ("a log", ["wood", "a dog", "a mat", "a sea"], 1),
        ("a question", ["a sentence", "words", "an answer", "a bird"], 2),
        ("glad", ["happy", "sad", "a fish"], 1),
    ]
]
BLANKS = [
    {"sentence": f"{start} _ {end}", "option1": one, "option2": two, "answer": answer}
    for start, end, one, two, answer in [
        ("The cat sat near the dog because the", "was asleep.", "cat", "dog", "1"),
        ("The fish left the sea as the", "was cold.", "fish", "sea", "2"),
        ("The bird saw the log and the", "was wet.", "old bird", "log", "2"),
        ("All the gold was sold, the", "was glad.", "man", "woman", "1"),
    ]
]
WORDS = [
    {"text": text}
    for text in [
        "The cat sat on the mat",
        "The dog sat on the log",
        "All that glitters is not gold",
        "Question: is the answer Yes or No? Answer: No",
        "write a quote that ends in glad",
    ]
]

_JSON = {
    "dataset_path": "json",
    "test_split": "test",
    # Without it the harness may show an item its own answer.
    "fewshot_split": "test",
    "metadata": {"version": 1.0},
}
_PLAIN = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}\nA:",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "{{answer}}",
}
_ACC = {"metric": "acc", "aggregation": "mean", "higher_is_better": True}
_ACC_NORM = {**_ACC, "metric": "acc_norm"}

#: Name → its rows and its configuration.
TASKS = {
    "toy_plain": (QUESTIONS, {**_PLAIN, "metric_list": [_ACC]}),
    "toy_norm": (QUESTIONS, {**_PLAIN, "metric_list": [_ACC, _ACC_NORM]}),
    # Answers of many tokens, without a delimiter and with a description in front.
    "toy_long": (
        QUESTIONS,
        {
            **_PLAIN,
            "description": "Answer the question.\n\n",
            "doc_to_choice": "{{choices | map('replace', 'a ', 'some quite particular ') | list}}",
            "target_delimiter": "\n",
            "metric_list": [_ACC, _ACC_NORM, {**_ACC, "metric": "acc_bytes"}],
        },
    ),
    # Each answer is asked for without the question as well.
    "toy_mutual": (
        QUESTIONS,
        {**_PLAIN, "metric_list": [_ACC, _ACC_NORM, {**_ACC, "metric": "acc_mutual_info"}]},
    ),
    "toy_mc2": (
        TRUTHS,
        {
            "output_type": "multiple_choice",
            "doc_to_text": "Q: {{question}}\nA:",
            "doc_to_choice": "{{mc2_targets.choices}}",
            "doc_to_target": 0,
            "process_results": "!function rules.process_results_mc2",
            "metric_list": [{**_ACC, "metric": "mc2"}],
        },
    ),
    "toy_blank": (
        BLANKS,
        {
            "output_type": "multiple_choice",
            "doc_to_text": "{{ {'1': 0, '2': 1}[answer] }}",
            "doc_to_target": "{{ sentence[(sentence.index('_') + 1):].strip() }}",
            "doc_to_choice": "{% set index = sentence.index('_') %}"
            "{{ [sentence[:index] + option1, sentence[:index] + option2] }}",
            "metric_list": [_ACC],
        },
    ),
    "toy_last_word": (
        WORDS,
        {
            "output_type": "loglikelihood",
            "doc_to_text": "{{text.split(' ')[:-1]|join(' ')}}",
            "doc_to_target": "{{' '+text.split(' ')[-1]}}",
            "metric_list": [
                {"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False},
                _ACC,
            ],
        },
    ),
    "toy_several": (
        [{**row, "answers": [row["answer"], 2]} for row in QUESTIONS],
        {**_PLAIN, "doc_to_target": "answers", "metric_list": [_ACC]},
    ),
}
WRITING = (QUESTIONS, {"output_type": "generate_until", "doc_to_text": "q", "doc_to_target": "a"})


def write_tasks(folder: Path, tasks=TASKS) -> Path:
    """Write YAML files and rows of `tasks` into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.py").write_text(_MC2)
    if {"toy_plain", "toy_norm"} <= tasks.keys():
        (folder / "both.yaml").write_text("group: toy_both\ntask: [toy_plain, toy_norm]\n")
    for name, (rows, config) in tasks.items():
        data = folder / f"{name}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        kwargs = {"data_files": {"test": str(data)}}
        text = yaml.safe_dump({"task": name, **_JSON, "dataset_kwargs": kwargs, **config})
        text = text.replace("'!function rules.", "!function rules.").replace("mc2'", "mc2")
        (folder / f"{name}.yaml").write_text(text)
    return folder
