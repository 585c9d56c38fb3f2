"""Audits, comparisons and charts from Python, on a store that is scored once."""

import json
from pathlib import Path

import pytest

import ckpt_analyzer
from ckpt_analyzer import tables
from ckpt_analyzer.errors import UnknownNameError, UserError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    sweep = {
        "name": "two-arms", "suites": ["toy-neox"], "sizes": ["36k"], "steps": [128, 512, 4096],
        "arms": ["base", "instruct"], "tasks": ["toy-coin", "toy-proverb"], "limit": 40,
        "device": "cpu", "store": str(tmp_path_factory.mktemp("stores") / "two-arms"),
    }  # fmt: skip
    return ckpt_analyzer.run(sweep).store


def test_an_audit_is_a_row_per_checkpoint_and_is_kept(store):
    found = ckpt_analyzer.open_suite("toy-neox").audit(["36k"], arm="base", store=store)
    assert set(tables.AUDIT.names) <= set(found.columns)
    assert set(found["model"]) == {"toy-neox-36k"}
    assert "suspect" not in set(found["standing"])
    kept = store.audit()
    assert set(kept.loc[kept["model"] == "toy-neox-36k", "step"]) == set(found["step"])


def test_arms_are_compared_item_by_item(store):
    found = ckpt_analyzer.compare(store)
    assert set(found.tasks["task"]) == {"toy-coin", "toy-proverb"}
    assert found.tasks["n_items"].tolist() == [40, 40]


def test_stores_are_set_side_by_side(store, tmp_path):
    import shutil

    copy = shutil.copytree(store.path, tmp_path / "copy")
    found = ckpt_analyzer.compare([store, ckpt_analyzer.open_store(copy)])
    assert found.points["difference"].abs().max() == 0.0
    with pytest.raises(UserError, match="of one store"):
        ckpt_analyzer.compare([store, ckpt_analyzer.open_store(copy)], sides=["base", "instruct"])


@pytest.mark.parametrize("name", ["metric-over-tokens", "size_step_heatmap", "stage-slopes"])
def test_a_chart_shows_in_a_notebook_and_holds_its_task_alone(store, name):
    chart = ckpt_analyzer.chart(store, name, task="toy-proverb")
    assert callable(chart._repr_mimebundle_)
    text = json.dumps(chart.to_dict())
    assert "Toy: Proverb" in text
    assert "Toy: Coin" not in text


def test_a_chart_that_can_show_one_task_asks_which(store):
    with pytest.raises(UserError, match="one task at a time") as caught:
        ckpt_analyzer.chart(store)
    assert "task='toy-coin'" in str(caught.value)


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"task": "toy-provreb"}, "toy-proverb"),
        ({"metric": "acuracy"}, "accuracy"),
        ({"shot": 5}, "shots"),
        ({"dtype": "fp23"}, "fp32"),
    ],
)
def test_a_wrong_choice_names_the_nearest(store, choice, named):
    with pytest.raises(UnknownNameError, match=named):
        ckpt_analyzer.chart(store, **choice)


def test_the_status_is_what_the_verb_shows(store):
    from command_line import run

    shown = json.loads(run("status", str(store.path), "--json").stdout)
    assert store.status().to_dict("records") == shown
    assert store.status()["checkpoints"].tolist() == [3, 4]


def test_no_cluster_is_at_work_for_a_store_that_was_scored_here(store):
    assert store.jobs().empty
    assert list(store.jobs().columns) == ["name", "n_units", "n_ended", "tasks", "problem"]
    assert store.cancel() == ()


def test_the_questions_are_answered_or_say_what_to_score(store):
    found = store.questions()
    assert found["question"].is_unique
    assert found["answer"].str.len().gt(10).all()
    assert found["is_answered"].any()


def test_further_checkpoints_are_proposed_with_a_reason(store):
    found = store.further()
    assert list(found.columns) == ["model", "step", "tokens", "why"]
    assert len(found)
    assert not set(found["step"]) & {128, 512, 4096}
    assert found["why"].str.len().gt(0).all()


def test_what_dead_writers_left_is_listed_and_then_removed(store):
    left = store.path / "units" / "left-behind.parquet"
    left.write_bytes(b"x" * 10)
    assert store.gc().empty  # too young
    assert store.gc(dry_run=True, older_than_hours=0)["path"].tolist() == [left]
    assert left.exists()
    assert store.gc(older_than_hours=0)["bytes"].tolist() == [10]
    assert not left.exists()


def test_the_report_is_viewed_until_it_is_closed(store):
    import time
    import urllib.error
    import urllib.request

    with store.view() as view:
        assert view.address in view._repr_html_()
        deadline = time.monotonic() + 60
        page = b""
        while b"Toy: Proverb" not in page and time.monotonic() < deadline:
            with urllib.request.urlopen(view.address, timeout=10) as answer:
                page = answer.read()
            time.sleep(0.2)
        assert b"Toy: Proverb" in page, view.problem
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(view.address, timeout=2)


@pytest.mark.parametrize(
    "call",
    [
        lambda path, into: ckpt_analyzer.fit(path),
        lambda path, into: ckpt_analyzer.chart(path),
        lambda path, into: ckpt_analyzer.compare(path),
        lambda path, into: ckpt_analyzer.compare([path, path]),
        lambda path, into: ckpt_analyzer.report(path, into / "r.html"),
        lambda path, into: ckpt_analyzer.report([path], into / "r.html"),
        lambda path, into: ckpt_analyzer.export(path, into / "t"),
        lambda path, into: ckpt_analyzer.import_results(path, "table", into),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_in_place_of_a_store_is_told_to_be_opened(store, tmp_path, call, kind):
    with pytest.raises(UserError) as refused:
        call(kind(store.path), tmp_path)
    assert f'open_store("{store.path}")' in refused.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_stores", [0, 1])
def test_a_sequence_of_fewer_than_two_stores_says_what_to_give(store, n_stores):
    with pytest.raises(UserError, match="two stores or more"):
        ckpt_analyzer.compare([store][:n_stores])


def test_one_name_is_taken_for_a_list_of_it(store):
    assert store.trends("accuracy").equals(store.trends(["accuracy"]))
    with pytest.raises(UserError, match="no two arms base with scores"):
        ckpt_analyzer.compare(store, sides="base")


def test_what_cannot_be_paired_says_what_is_missing(store, tmp_path):
    with pytest.raises(UserError) as refused:
        ckpt_analyzer.compare(store, by="prompt_format")
    assert refused.value.hint == "prompt formats with item scores: raw; score another one"
    with pytest.raises(UserError, match="did you mean 'prompt_format'"):
        ckpt_analyzer.compare(store, by="format")
    with pytest.raises(UserError) as refused:
        ckpt_analyzer.compare(ckpt_analyzer.open_store(tmp_path / "empty", create=True))
    assert "imported means" in refused.value.hint


def test_a_setting_may_be_given_as_text(store):
    charts = [
        ckpt_analyzer.chart(store, task="toy-proverb", shots=given).to_json() for given in ("0", 0)
    ]
    assert charts[0] == charts[1]


def test_a_report_into_a_folder_is_told_to_be_a_file_and_leaves_nothing(store, tmp_path):
    (tmp_path / "pages").mkdir()
    with pytest.raises(UserError) as refused:
        ckpt_analyzer.report(store, tmp_path / "pages")
    assert "report.html" in refused.value.hint
    assert [path.name for path in tmp_path.rglob("*")] == ["pages"]
