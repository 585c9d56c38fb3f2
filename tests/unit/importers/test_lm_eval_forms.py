"""Forms of lm-evaluation-harness's results beside the plain mapping by task."""

from __future__ import annotations

import copy
import json

import pytest

from ckpt_analyzer.importers.lm_eval import read_lm_eval

CONFIG = {
    "model": "hf-causal",
    "model_args": "pretrained=EleutherAI/pythia-70m,revision=step1000",
    "num_fewshot": 2,
}
PROMPTS = [
    {"task_name": "copa", "prompt_name": "best", "acc": 0.55, "acc_stderr": 0.05, "subset": None},
    {"task_name": "copa", "prompt_name": "best", "acc_norm": 0.5, "acc_norm_stderr": 0.05},
    {"task_name": "copa", "prompt_name": "worst", "acc": 0.25, "acc_stderr": 0.04},
]
STAMP = "_2025-01-02T03-04-05.678901"
CHOICES = [["cat", "a dog"], ["cat", "a dog"], ["x", "yyy"]]
SCORES = [[-1.25, -2.5], [-3.0, -2.0], [-0.5, -0.75]]
GOLDS = [0, 0, 1]


def sample(place, **changes):
    ll = SCORES[place]
    best = ll.index(max(ll))
    per_char = [score / len(text) for score, text in zip(ll, CHOICES[place], strict=True)]
    row = {
        "doc_id": place,
        "doc": {"question": f"q{place}"},
        "target": str(GOLDS[place]),
        "arguments": {
            f"gen_args_{i}": {"arg_0": f"q{place}", "arg_1": f" {text}"}
            for i, text in enumerate(CHOICES[place])
        },
        "resps": [[[str(score), "False"]] for score in ll],
        "filtered_resps": [[str(score), "False"] for score in ll],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "acc": float(best == GOLDS[place]),
        "acc_norm": float(per_char.index(max(per_char)) == GOLDS[place]),
    }
    return row | changes


def results(rows, **config):
    def mean(name):
        return sum(row[name] for row in rows) / len(rows)

    return {
        "results": {
            "toy": {
                "alias": "toy",
                "acc,none": mean("acc"),
                "acc_stderr,none": 0.25,
                "acc_norm,none": mean("acc_norm"),
                "acc_norm_stderr,none": "N/A",
            }
        },
        "n-shot": {"toy": 3},
        "n-samples": {"toy": {"original": 9, "effective": len(rows)}},
        "config": {
            "model": "hf",
            "model_args": {"pretrained": "EleutherAI/pythia-70m", "revision": "step1000"},
            "model_dtype": "torch.float32",
            "model_sha": "abc",
            **config,
        },
    }


ROWS = [sample(place) for place in range(3)]


def write_run(folder, rows=ROWS, content=None):
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"samples_toy{STAMP}.jsonl").write_text(lines)
    (folder / f"results{STAMP}.json").write_text(json.dumps(content or results(ROWS)))
    return folder


@pytest.mark.parametrize(
    "document",
    [
        {"results": PROMPTS, "config": CONFIG},
        {"results": PROMPTS, "table_results": {"other": {}}, "config": CONFIG},
        {"table_results": {str(i): each for i, each in enumerate(PROMPTS)}, "config": CONFIG},
    ],
)
def test_results_by_prompt_are_one_task_per_prompt(tmp_path, document):
    (tmp_path / "a.json").write_text(json.dumps(document))
    trends = read_lm_eval([tmp_path]).trends.set_index(["task", "metric"])
    assert trends["value"].to_dict() == {
        ("copa+best", "accuracy"): 0.55,
        ("copa+best", "accuracy_per_char"): 0.5,
        ("copa+worst", "accuracy"): 0.25,
    }
    assert set(trends["shots"]) == {2}
    assert trends.loc[("copa+best", "accuracy"), "stderr"] == 0.05


def test_two_entries_that_contradict_each_other_are_refused(tmp_path):
    entries = [*PROMPTS, {**PROMPTS[0], "acc": 0.6}]
    (tmp_path / "a.json").write_text(json.dumps({"results": entries, "config": CONFIG}))
    (tmp_path / "b.json").write_text(json.dumps({"results": PROMPTS, "config": CONFIG}))
    imported = read_lm_eval([tmp_path])
    (failure,) = imported.failures.values()
    assert "another acc of copa+best" in failure
    assert len(imported.trends) == 3


def test_samples_become_items_of_the_checkpoint_that_the_results_name(tmp_path):
    imported = read_lm_eval([write_run(tmp_path / "some-model")])
    (unit,) = imported.units
    (cell,) = unit.draft.cells
    assert (unit.draft.model, unit.draft.step, unit.draft.commit) == ("pythia-70m", 1000, "abc")
    assert (cell.key.shots, cell.key.dtype, cell.kind) == (3, "float32", "classification")
    rows = unit.table.to_pylist()
    assert [row["loglikelihood_nats"] for row in rows] == SCORES
    assert [row["gold"] for row in rows] == GOLDS
    assert [dict(row["task_values"]) for row in rows] == [
        {"accuracy": row["acc"], "accuracy_per_char": row["acc_norm"]} for row in ROWS
    ]
    assert [item.choices for item in unit.items] == [
        tuple(f" {text}" for text in each) for each in CHOICES
    ]


def test_rules_that_are_not_ours_stay_those_of_the_file(tmp_path):
    # Right answers by another rule than the likeliest: several of them may be right.
    rows = [sample(0), sample(1, acc=1.0), sample(2)]
    (unit,) = read_lm_eval([write_run(tmp_path, rows, results(rows))]).units
    assert unit.draft.cells[0].kind == "harness"
    assert dict(unit.table.to_pylist()[1]["task_values"])["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("rows", "content", "reason"),
    [
        (ROWS[:2], None, "2 samples, and the results file beside them counts 3"),
        ([*ROWS[:2], sample(2, acc=1.0)], None, "mean acc"),
        ([*ROWS[:2], ROWS[1]], None, "twice"),
        ([*ROWS[:2], sample(2, filtered_resps=["written text", "x"])], None, "written by"),
        ([*ROWS[:2], sample(2, filtered_resps=[["?", "False"]] * 2)], None, "no number"),
        ([*ROWS[:2], sample(2, filtered_resps=[["0.5", "False"]] * 2)], None, "of 0.5"),
        ([*ROWS[:2], sample(2, arguments={})], None, "0 requests"),
        ([*ROWS[:2], {"a": 1}], None, "filtered_resps"),
        ([*ROWS[:2], 7], None, "no JSON object"),
        ([], None, "no samples"),
        (ROWS, {**results(ROWS), "results": {"other": {"acc,none": 0.5}}}, "beside"),
    ],
)
def test_samples_that_are_not_of_the_run_are_refused_and_its_results_are_kept(
    tmp_path, rows, content, reason
):
    if content is not None:
        content["n-shot"]["other"] = 0
    imported = read_lm_eval([write_run(tmp_path, rows, content)])
    (failure,) = imported.failures.items()
    assert failure[0].endswith(f"samples_toy{STAMP}.jsonl")
    assert reason in failure[1]
    assert imported.units == ()
    assert len(imported.trends) > 0


def test_samples_of_another_folder_are_not_taken_for_those_of_a_run(tmp_path):
    write_run(tmp_path / "a")
    other = write_run(tmp_path / "b")
    (other / f"results{STAMP}.json").unlink()
    imported = read_lm_eval([tmp_path])
    assert len(imported.units) == 1
    (failure,) = imported.failures
    assert "b" in failure.split("/")


def test_a_choice_that_was_not_scored_leaves_its_item_out(tmp_path):
    rows = copy.deepcopy(ROWS)
    rows[2]["filtered_resps"][0][0] = "-inf"
    content = results(rows[:2])
    (unit,) = read_lm_eval([write_run(tmp_path, rows, content)]).units
    assert unit.draft.cells[0].n_unscored == 1
    assert unit.table.to_pylist()[2]["task_values"] is None
