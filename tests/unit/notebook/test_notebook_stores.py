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
    found = ckpt_analyzer.audit("toy-neox", ["36k"], arm="base", store=store)
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
