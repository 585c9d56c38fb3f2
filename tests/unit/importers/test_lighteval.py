from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_analyzer.errors import ImportFileError
from ckpt_analyzer.importers.lighteval import read_lighteval

STAMP = "_2025-01-02T03-04-05.678901"
TASK = "leaderboard|arc:challenge|25"
GENERAL = {
    "lighteval_sha": "f00",
    "model_name": "EleutherAI/pythia-70m",
    "model_sha": "abc",
    "model_dtype": "torch.bfloat16",
    "model_config": {"model_name": "EleutherAI/pythia-70m", "revision": "step2000"},
}
RESULTS = {
    TASK: {"acc": 0.5, "acc_stderr": 0.2, "acc_norm": 0.25, "acc_norm_stderr": float("nan")},
    "helm|mmlu:_average|5": {"em": 0.1},
    "all": {"acc": 0.5},
}
VALUES = [(1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)]


def write(folder, *, general=GENERAL, results=RESULTS, rows=None):
    folder.mkdir(parents=True, exist_ok=True)
    content = {"config_general": general, "results": results}
    (folder / f"results{STAMP}.json").write_text(json.dumps(content))
    if rows is not None:
        pq.write_table(pa.Table.from_pylist(rows), folder / f"details_{TASK}{STAMP}.parquet")
    return folder


def details(as_text=False):
    metrics = [{"acc": acc, "acc_norm": norm} for acc, norm in VALUES]
    return [
        {
            "example": f"q{place}",
            "choices": ["a", "b"],
            "gold_index": [0],
            "metrics": str(each) if as_text else each,
        }
        for place, each in enumerate(metrics)
    ]


def newer_details():
    return [
        {
            "doc": {"query": f"q{place}", "choices": ["a", "b"], "gold_index": 0},
            "metric": {"acc": acc, "acc_norm": norm},
            "model_response": {"logprobs": [-1.0, -2.0]},
        }
        for place, (acc, norm) in enumerate(VALUES)
    ]


def test_results_become_trends_without_the_means_over_tasks(tmp_path):
    trends = read_lighteval([write(tmp_path)]).trends.set_index("metric")
    assert set(trends["task"]) == {"arc:challenge"}
    row = trends.loc["accuracy"]
    assert (row["model"], row["step"], row["shots"]) == ("pythia-70m", 2000, 25)
    assert (row["dtype"], row["value"], row["stderr"]) == ("bfloat16", 0.5, 0.2)
    assert trends["stderr"].isna()["accuracy_per_char"]


@pytest.mark.parametrize("rows", [details(), details(as_text=True), newer_details()])
def test_details_become_items(tmp_path, rows):
    (unit,) = read_lighteval([write(tmp_path, rows=rows)]).units
    assert (unit.draft.model, unit.draft.step, unit.draft.commit) == ("pythia-70m", 2000, "abc")
    found = [dict(row["task_values"]) for row in unit.table.to_pylist()]
    assert [(each["accuracy"], each["accuracy_per_char"]) for each in found] == VALUES


def test_details_of_another_run_are_refused(tmp_path):
    rows = details()
    rows[0]["metrics"]["acc"] = 0.0
    imported = read_lighteval([write(tmp_path, rows=rows)])
    (failure,) = imported.failures.values()
    assert "mean acc of 0.25" in failure
    assert imported.units == ()
    assert len(imported.trends) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"general": {}}, "names no model"),
        ({"general": {**GENERAL, "model_config": {"model_name": "who/knows"}}}, "knows"),
        ({"results": {"arc": {"acc": 0.5}}}, "shots"),
        ({"results": {TASK: 0.5}}, "no mapping"),
        ({"results": [1]}, "no `results`"),
    ],
)
def test_a_file_that_cannot_be_understood_is_listed_and_the_rest_goes_on(tmp_path, changes, reason):
    write(tmp_path / "good")
    write(tmp_path / "bad", **changes)
    imported = read_lighteval([tmp_path])
    (failure,) = imported.failures.items()
    assert "bad" in failure[0]
    assert reason in failure[1]
    assert len(imported.trends) == 2


def test_files_of_other_formats_alone_are_an_error(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ImportFileError, match="no `results`") as caught:
        read_lighteval([tmp_path])
    assert "lighteval" in caught.value.hint
