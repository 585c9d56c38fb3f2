from __future__ import annotations

import copy
import io
import json
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from ckpt_analyzer import tables
from ckpt_analyzer.errors import ImportFileError, UnknownNameError
from ckpt_analyzer.importers.lm_eval import read_lm_eval, size_of, task_key
from ckpt_analyzer.suite import Model, Suite

COUNTS = {
    "70m": (70426624, 18915328),
    "160m": (162322944, 85056000),
    "410m": (405334016, 302311424),
    "1b": (1011781632, 805736448),
    "1.4b": (1414647808, 1208602624),
    "2.8b": (2775208960, 2517652480),
    "6.9b": (6857302016, 6444163072),
    "12b": (11846072320, 11327027200),
}
STEPS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, *range(1000, 144000, 1000))


def pythia(deduped: bool = False) -> tuple[Model, ...]:
    tail = "-deduped" if deduped else ""
    return tuple(
        Model(
            f"pythia-{size}{tail}", f"{size}{tail}", f"EleutherAI/pythia-{size}{tail}",
            total, rest, STEPS, 2_097_152,
        )
        for size, (total, rest) in COUNTS.items()
    )  # fmt: skip


SUITE = Suite("pythia", "Pythia", pythia() + pythia(deduped=True), "", "", "", "stand-in")

OLD = {
    "results": {
        "isp_memo_trap": {
            "acc": 0.8621794871794872,
            "acc_stderr": 0.011273271548575305,
            "acc_norm": 0.7457264957264957,
            "acc_norm_stderr": 0.014240804868873977,
        },
        "truthfulqa_mc": {
            "mc1": 0.25091799265605874,
            "mc1_stderr": 0.015176985027707684,
            "mc2": 0.4257200680435094,
            "mc2_stderr": 0.014745143524533844,
        },
    },
    "versions": {"isp_memo_trap": 0, "truthfulqa_mc": 1},
    "config": {
        "model": "hf-causal",
        "model_args": "use_accelerate=True,pretrained=EleutherAI/pythia-v1.1-6.9b"
        ",revision=step8000",
        "num_fewshot": 0,
    },
}
NEW = {
    "results": {
        "sciq": {
            "alias": "sciq",
            "acc,none": 0.5,
            "acc_stderr,none": 0.05,
            "acc_norm,none": 0.25,
            "acc_norm_stderr,none": "N/A",
        },
        "gsm8k": {"exact_match,strict-match": 0.1, "exact_match_stderr,strict-match": 0.01},
    },
    "n-shot": {"sciq": 5, "gsm8k": 0},
    "n-samples": {"sciq": {"original": 101, "effective": 101}},
    "config": {
        "model": "hf",
        "model_args": {"pretrained": "EleutherAI/pythia-410m-deduped", "revision": "step1000"},
        "model_dtype": "torch.float16",
    },
}


def read(tmp_path: Path, *contents: object):
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    return read_lm_eval([tmp_path], suites=[SUITE])


def changed(document: dict, **config: object) -> dict:
    new = copy.deepcopy(document)
    new["config"] |= config
    return new


def test_a_file_of_version_03_becomes_trend_rows(tmp_path):
    trends = read(tmp_path, OLD).trends.set_index(["task", "metric"])
    row = trends.loc[("memo-trap", "accuracy")]
    assert (row["model"], row["step"], row["shots"]) == ("pythia-6.9b", 8000, 0)
    assert row["tokens"] == 8000 * 2_097_152
    assert row["flops"] == 6.0 * 6857302016 * 8000 * 2_097_152
    assert row["value"] == 0.8621794871794872
    assert row["n_items"] == 936
    assert trends.loc[("truthfulqa_mc", "mc2"), "n_items"] == 817
    assert set(trends.index.get_level_values("metric")) == {
        "accuracy", "accuracy_per_char", "mc1", "mc2",
    }  # fmt: skip


def test_a_file_of_version_04_becomes_trend_rows(tmp_path):
    trends = read(tmp_path, NEW).trends.set_index(["task", "metric"])
    row = trends.loc[("sciq", "accuracy")]
    assert (row["model"], row["shots"], row["dtype"]) == ("pythia-410m-deduped", 5, "float16")
    assert row["n_items"] == 101
    assert row["stderr"] == 0.05
    assert trends["stderr"].isna().loc[("sciq", "accuracy_per_char")]
    assert ("gsm8k", "exact_match,strict-match") in trends.index


def test_the_result_conforms_to_trends_and_has_no_items(tmp_path):
    trends = read(tmp_path, OLD, NEW).trends
    assert tables.conform(trends, tables.TRENDS).num_rows == 7
    assert not trends["has_items"].any()


def test_shots_are_believed_from_the_config_and_not_from_the_folder(tmp_path):
    folder = tmp_path / "five-shot"
    folder.mkdir()
    assert set(read(folder, OLD).trends["shots"]) == {0}


@pytest.mark.parametrize(
    ("pretrained", "model"),
    [
        ("EleutherAI/pythia-v1.1-1.4b", "pythia-1.4b"),
        ("EleutherAI/pythia-1.4b", "pythia-1.4b"),
        ("EleutherAI/pythia-1.4b-deduped", "pythia-1.4b-deduped"),
        ("EleutherAI/pythia-v1.1-1.4b-deduped", "pythia-1.4b-deduped"),
        ("EleutherAI/pythia-v1.1-1b-bf16", "pythia-1b"),
    ],
)
def test_names_from_before_the_release_are_the_released_models(tmp_path, pretrained, model):
    args = f"pretrained={pretrained},revision=step1000"
    assert set(read(tmp_path, changed(OLD, model_args=args)).trends["model"]) == {model}


def test_branch_main_of_pythia_is_its_last_step(tmp_path):
    document = changed(OLD, model_args="pretrained=EleutherAI/pythia-70m")
    assert set(read(tmp_path, document).trends["step"]) == {143000}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"table": "| task | acc |"}, "no `results`"),
        ({"results": {}}, "config.model_args"),
        (changed(OLD, model_args="device=cuda"), "names no `pretrained`"),
        (changed(OLD, model_args="pretrained=EleutherAI/pythia-160m-v0,revision=step1"), "v0"),
        (changed(OLD, model_args="pretrained=EleutherAI/pythia-70m,revision=abc"), "names no step"),
        (changed(OLD, model_args="pretrained=EleutherAI/pythia-70m,revision=step3"), "no step"),
        (changed(OLD, model_args="pretrained=EleutherAI/pythia-70m,peft=x"), "peft"),
        (changed(OLD, num_fewshot=None), "num_fewshot"),
        ([1, 2], "no `results`"),
    ],
)
def test_a_file_that_cannot_be_understood_is_listed_and_the_rest_goes_on(
    tmp_path, document, reason
):
    imported = read(tmp_path, document, NEW)
    (failure,) = imported.failures.items()
    assert failure[0].endswith("0.json")
    assert reason in failure[1]
    assert len(imported.trends) == 3
    assert len(imported.files_read) == 1


def test_a_value_that_is_not_finite_is_counted_and_not_kept(tmp_path):
    document = copy.deepcopy(OLD)
    document["results"]["truthfulqa_mc"]["mc2"] = float("nan")
    imported = read(tmp_path, document)
    assert [name.rpartition(": ")[2] for name in imported.failures] == ["truthfulqa_mc/mc2"]
    assert "mc2" not in set(imported.trends["metric"])


def test_equal_values_of_two_files_are_one_row_and_unequal_ones_are_reported(tmp_path):
    other = copy.deepcopy(OLD)
    other["results"]["truthfulqa_mc"]["mc1"] = 0.9
    imported = read(tmp_path, OLD, OLD, other)
    assert len(imported.trends) == 4
    assert len(imported.failures) == 1
    assert imported.trends.set_index("metric").loc["mc1", "value"] == 0.25091799265605874


def test_a_proportion_of_one_takes_its_items_from_the_other_checkpoints(tmp_path):
    perfect = changed(OLD, model_args="pretrained=EleutherAI/pythia-70m,revision=step1000")
    perfect["results"]["isp_memo_trap"] = {"acc": 1.0, "acc_stderr": 0.0}
    trends = read(tmp_path, OLD, perfect).trends
    assert set(trends.loc[trends["task"] == "memo-trap", "n_items"]) == {936}


def test_archives_are_read_without_unpacking(tmp_path):
    archive = tmp_path / "results.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, raw in {"a/b.json": json.dumps(OLD), "a/c.json": "{", "a/d.txt": "x"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw.encode()))
    imported = read_lm_eval([archive], suites=[SUITE])
    assert len(imported.trends) == 4
    assert list(imported.failures) == [f"{archive}!a/c.json"]


def test_a_damaged_archive_and_nothing_else_is_an_error_that_says_so(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(b"not an archive")
    with pytest.raises(ImportFileError, match="cannot be read"):
        read_lm_eval([tmp_path], suites=[SUITE])


@pytest.mark.parametrize("name", ["missing.json", "notes.txt"])
def test_a_path_that_is_no_results_file_is_an_error(tmp_path, name):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ImportFileError, match=name):
        read_lm_eval([tmp_path / name], suites=[SUITE])


def test_size_of_gives_exact_counts_and_names_the_nearest_model():
    assert size_of("EleutherAI/pythia-v1.1-12b", [SUITE]).parameters == 11846072320
    with pytest.raises(UnknownNameError, match="pythia-12b"):
        size_of("pythia-12bb", [SUITE])


def test_prize_tasks_have_our_keys_and_others_keep_their_names():
    assert task_key("isp_pattern_matching_suppression") == "pattern-matching-suppression"
    assert task_key("lambada_openai") == "lambada_openai"


@pytest.mark.shared_data
def test_every_published_file_is_read(shared_data):
    folder = shared_data / "lm_eval"
    imported = read_lm_eval([folder], suites=[SUITE])
    assert len(imported.files_read) == 400
    assert not imported.failures
    trends = imported.trends
    assert set(trends["model"]) == {m.name for m in pythia()}
    prize = trends[(trends["task"] == "memo-trap") & (trends["metric"] == "accuracy")]
    assert len(prize) == 64
    assert set(trends.groupby("task")["n_items"].nunique(dropna=False)) == {1}
    assert sorted(trends["shots"].unique()) == [0, 5]


@pytest.mark.parametrize("stderr", [1e308, 1e-320, 5.0])
def test_an_absurd_error_of_a_proportion_gives_no_number_of_items(tmp_path, stderr):
    document = copy.deepcopy(NEW) | {"n-samples": None}
    document["results"]["sciq"]["acc_stderr,none"] = stderr
    trends = read(tmp_path, document).trends.set_index(["task", "metric"])
    assert trends.loc[("sciq", "accuracy"), "value"] == 0.5
    assert pd.isna(trends.loc[("sciq", "accuracy"), "n_items"])
