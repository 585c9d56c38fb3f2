import re
import textwrap
from pathlib import Path

import pytest

from ckpt_analyzer.errors import SweepError, UnknownNameError, UserError
from ckpt_analyzer.sweep.config import load_sweep, parse_sweep
from ckpt_analyzer.sweep.shipped import find_sweep, shipped_sweep, shipped_sweeps
from ckpt_analyzer.sweep.values import budget_bytes

GOOD = """\
name: first
suites: [pythia]
sizes: [70m]
steps: log:20
tasks: [memo-trap, neqa]
store: stores/first
"""


def with_line(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_sweep_is_read_with_its_defaults():
    sweep = parse_sweep(GOOD, "first.yaml")
    assert sweep.suites[0].suite == "pythia"
    assert sweep.sizes == ("70m",)
    assert sweep.dtype == "fp32"
    assert sweep.shots == (0,)
    assert sweep.text == GOOD


def test_prize_stands_for_the_eleven_tasks():
    sweep = parse_sweep(with_line("[memo-trap, neqa]", "[prize, neqa]"), "x")
    assert len(sweep.task_names) == 11


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "dtpye: fp32\n", ["x.yaml:7", "'dtpye'", "did you mean 'dtype'?"]),
        (GOOD + "dtype: fp31\n", ["x.yaml:7", "key dtype", "'fp31'", "'fp32'"]),
        (GOOD + "limit: 0\n", ["x.yaml:7", "key limit", "0", "greater than 0"]),
        (GOOD + "limit: many\n", ["x.yaml:7", "key limit", "'many'"]),
        (GOOD + "memory_budget: 4 bananas\n", ["x.yaml:7", "'4 bananas'", "4GiB"]),
        (GOOD + "name: again\n", ["x.yaml:7", "'name' stands twice", "line 1"]),
        (with_line("store: stores/first\n", ""), ["the key 'store' is missing", "store: stores/"]),
        (with_line("log:20", "lag:20"), ["x.yaml:4", "key steps", "'lag:20'", "log:20"]),
        (with_line("[pythia]", "[pythai]"), ["x.yaml:2", "'pythai'", "did you mean 'pythia'?"]),
        (
            with_line("memo-trap", "memo-trip"),
            ["x.yaml:5", "tasks[0]", "did you mean 'memo-trap'?"],
        ),
        (with_line("[pythia]", "\n  - sizes: [70m]"), ["x.yaml:3", "exactly one of `suite`"]),
        (with_line("[pythia]", "\n  - suit: pythia"), ["'suit'", "did you mean 'suite'?"]),
        (GOOD + "metrics: [acuracy]\n", ["x.yaml:7", "did you mean 'accuracy'?"]),
        ("name: [unclosed\n", ["x.yaml:", "not valid YAML"]),
        ("- a\n- b\n", ["a sweep file is a mapping"]),
        ("", ["a sweep file is a mapping"]),
        (with_line("name: first", "name: ../../etc"), ["x.yaml:1", "key name"]),
    ],
)
def test_a_mistake_names_line_key_value_and_the_nearest_valid_one(text, expected):
    with pytest.raises(UserError) as caught:
        parse_sweep(text, "x.yaml")
    for part in expected:
        assert part in str(caught.value)


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(SweepError, match="there is no sweep file"):
        load_sweep(tmp_path / "none.yaml")


def test_a_block_of_suites_points_at_the_entry_that_is_wrong():
    text = textwrap.dedent("""\
        name: two
        suites:
          - suite: pythia
          - suite: olmo3000
        tasks: prize
        store: s
        """)
    with pytest.raises(UnknownNameError, match=r"x:4"):
        parse_sweep(text, "x")


def test_every_shipped_sweep_is_valid():
    paths = shipped_sweeps()
    assert {path.stem for path in paths} == {
        "demo", "my-training-run", "olmo2-base-vs-instruct", "pythia-full",
        "pythia-inverse-scaling",
    }  # fmt: skip
    for path in paths:
        assert load_sweep(path).name == path.stem


def test_a_shipped_sweep_is_found_by_its_name_and_a_file_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_sweep(Path("demo")) == shipped_sweep("demo")
    assert find_sweep(Path("folder/demo")) == Path("folder/demo")
    (tmp_path / "demo").write_text(GOOD)
    assert find_sweep(Path("demo")) == Path("demo")


def test_an_unknown_shipped_sweep_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'demo'"):
        shipped_sweep("demoo")


@pytest.mark.parametrize(
    ("text", "expected"), [("4GiB", 2**32), ("1.5 GB", 1_500_000_000), ("512MiB", 2**29)]
)
def test_a_memory_budget_is_read_in_binary_and_decimal_units(text, expected):
    assert budget_bytes(text) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("steps: adaptively", "log:20"),
        ("steps: [8, eight]", "a list like"),
        ("steps: true", "a list like"),
        ("steps: []", "a list like"),
        ("sizes: []", "the list is empty"),
        ("arms: []", "the list is empty"),
        ("shots: []", "the list is empty"),
        ("tasks: []", "the list is empty"),
        ("suites: []", "the list is empty"),
        ("suites: 3", "a name like pythia"),
        ("store:", "not a path"),
        ("name: a b", "letters, digits"),
        ("seed: x", "not a whole number"),
        ("memory_budget: 0GiB", "4GiB"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_valid(line, expected):
    key = line.partition(":")[0]
    kept = [each for each in GOOD.splitlines() if not each.startswith(key)]
    with pytest.raises(SweepError, match=expected) as caught:
        parse_sweep("\n".join([*kept, line]), "x.yaml")
    assert f"x.yaml:{len(kept) + 1}, key {key}" in str(caught.value)
    assert "Input should" not in str(caught.value)


def test_steps_written_like_a_time_are_a_range_and_not_a_number_in_base_60():
    assert parse_sweep(with_line("log:20", "8:64:8"), "x").steps == "8:64:8"


def test_one_step_may_stand_without_brackets():
    assert parse_sweep(with_line("log:20", "1000"), "x").steps == (1000,)


def test_a_key_is_found_in_the_entry_of_a_suite_or_at_the_top():
    text = GOOD.replace("[pythia]", "\n  - suite: pythia\n    sizes: [70m]\n  - suite: pythia")
    sweep = parse_sweep(text, "x")
    assert sweep.where("sizes", sweep.suites[0]) == "x:4, key suites[0].sizes"
    assert sweep.where("sizes", sweep.suites[1]) == "x:6, key sizes"


def test_a_file_that_is_no_text_is_a_clear_error(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(SweepError, match="not UTF-8"):
        load_sweep(tmp_path / "x.yaml")
    with pytest.raises(SweepError, match="cannot be read"):
        load_sweep(tmp_path)


def test_a_missing_sweep_names_the_nearest_file_or_the_one_that_is_shipped(tmp_path):
    (tmp_path / "mine.yaml").write_text(GOOD)
    with pytest.raises(SweepError, match=r"did you mean .*mine\.yaml"):
        load_sweep(tmp_path / "mien.yaml")
    with pytest.raises(SweepError, match=r"did you mean pythia-full, which comes with"):
        load_sweep(tmp_path / "none" / "pythia-full.yaml")
    with pytest.raises(SweepError, match=r"comes with the package: .*pythia-full"):
        load_sweep(tmp_path / "none" / "qqqq")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "prompt_format: cat\n", ["x.yaml:7", "key prompt_format", "'chat'"]),
        (GOOD + "prompt_format: []\n", ["x.yaml:7", "the list is empty"]),
        (GOOD + "few_shot: {seperator: x}\n", ["x.yaml:7", "did you mean 'separator'?"]),
        (GOOD + "few_shot: {seed: -1}\n", ["x.yaml:7", "few_shot.seed"]),
        (
            GOOD + "few_shot:\n  file: {memo-trip: shots.jsonl}\n",
            ["x.yaml:8", "did you mean 'memo-trap'?"],
        ),
        (GOOD + "chat: {answer_prefix: last}\n", ["x.yaml:7", "did you mean 'last-line'?"]),
        (GOOD + "chat: {answer_perfix: none}\n", ["x.yaml:7", "did you mean 'answer_prefix'?"]),
        (GOOD + "shots: [0, -1]\n", ["x.yaml:7", "shots"]),
        (GOOD + "reprot: page.html\n", ["x.yaml:7", "did you mean 'report'?"]),
        (with_line("[pythia]", "[hub:mine]"), ["x.yaml:2", "hub:org/name"]),
        (
            with_line("[pythia]", "\n  - suite: hub:me/run\n    revision: step"),
            ["x.yaml:4", "holds {step} once"],
        ),
        (
            with_line("[pythia]", "\n  - suite: pythia\n    revision: step{step}"),
            ["x.yaml:3", "belongs to hub:org/name"],
        ),
    ],
)
def test_a_mistake_in_how_prompts_or_runs_are_given_is_named(text, expected):
    with pytest.raises(UserError) as caught:
        parse_sweep(text, "x.yaml")
    for part in expected:
        assert part in str(caught.value)


def test_a_repository_may_be_named_in_a_list_of_suites():
    sweep = parse_sweep(with_line("[pythia]", "[hub:me/my-run]"), "x")
    assert sweep.suites[0].hub_repo == "me/my-run"


def test_one_prompt_format_may_stand_without_brackets():
    assert parse_sweep(GOOD + "prompt_format: chat\n", "x").prompt_format == ("chat",)


def _refused(text: str) -> UserError:
    with pytest.raises(UserError) as refused:
        parse_sweep(text, "x.yaml")
    return refused.value


@pytest.mark.parametrize(("typo", "key"), [("suite", "suites"), ("task", "tasks"), ("nam", "name")])
def test_a_mistyped_key_is_named_and_not_the_one_that_it_leaves_missing(typo, key):
    error = _refused(re.sub(rf"(?m)^{key}:", f"{typo}:", GOOD))
    assert error.problem == f"unknown key {typo!r}"
    assert error.hint == f"did you mean {key!r}?"
    assert f"key {typo}" in error.where


def test_a_gpu_is_called_cuda():
    assert _refused(f"{GOOD}device: gpu\n").hint == "did you mean 'cuda'?"
    assert _refused(f"{GOOD}device: cdua\n").hint == "did you mean 'cuda'?"


def test_a_limit_of_zero_says_how_all_items_are_scored():
    assert "leave the key out" in _refused(f"{GOOD}limit: 0\n").hint


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n- list\n"])
def test_a_file_without_keys_says_with_which_ones_to_begin(text):
    assert "suites: [pythia]" in _refused(text).hint


@pytest.mark.parametrize("name", ["x.json", "x.tsv", "x.xlsx", "data/x.json", "x.parquet"])
def test_a_task_file_of_another_format_says_which_formats_there_are(name):
    error = _refused(with_line("[memo-trap, neqa]", f"[{name}]"))
    assert ".jsonl" in error.hint
    assert ".csv" in error.hint
    assert "key tasks[0]" in error.where
