"""Audits, comparisons and charts from Python, on a store that is scored once."""

import json

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
