"""What tuning did per group, to flips and to items, as rows of text."""

from __future__ import annotations

import pandas as pd
import pytest

from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.tuned import TuningTables, tuned_view
from ckpt_analyzer.html_report.views import MetricChoice, SettingChoice, View

CARDS = {name: TaskCard(name, name.upper(), None, None, "") for name in ("b", "a")}
OF_VIEW = {"suite": "s", "metric": "accuracy", "shots": 0, "prompt_format": "raw", "dtype": "fp32",
           "base": "base", "tuned": "sft"}  # fmt: skip


def view(better=True):
    metric = MetricChoice("accuracy", "Accuracy", "", better, "")
    return View(0, 0, metric, SettingChoice(0, "raw", "fp32", "0-shot"))


def group(level="cause", cause="strong prior", size="", difference=-0.5, p=0.002):
    return {
        **OF_VIEW, "level": level, "cause": cause, "size": size, "n_tasks": 2, "n_sizes": 3,
        "difference": difference, "ci_lo": -0.6, "ci_hi": -0.4, "p_adjusted": p,
    }  # fmt: skip


def shape(task, verdict="U", change="undone"):
    return {
        **OF_VIEW, "task": task, "size": "1b", "verdict_base": verdict, "flip_at_base": 2.1e9,
        "difference": -0.5, "p_adjusted": 0.001, "change": change,
    }  # fmt: skip


def item(task, name, change="broken", context="What?"):
    return {
        **OF_VIEW, "task": task, "item": name, "change": change, "n_broken": 2, "n_mended": 1,
        "n_models": 3, "context": context, "choices": [" yes", " no"], "gold": 1,
    }  # fmt: skip


def tables(groups=(), shapes=(), items=()):
    return TuningTables(
        pd.DataFrame(groups, columns=list(group())),
        pd.DataFrame(shapes, columns=list(shape("a"))),
        pd.DataFrame(items, columns=list(item("a", "0"))),
    )


def rows(better=True, **changes):
    return tuned_view(tables(**changes), view(better), CARDS)


@pytest.mark.parametrize(
    ("better", "p", "word"),
    [(True, 0.002, "worse"), (False, 0.002, "better"), (None, 0.002, "lower"), (True, 0.06, "")],
)
def test_a_group_says_its_direction_where_it_is_certain(better, p, word):
    (row,) = rows(better, groups=[group(p=p)]).groups
    assert (row.over, row.difference, row.interval) == (
        "Strong prior", "−0.500", "−0.600 to −0.400",
    )  # fmt: skip
    assert row.direction == word


def test_causes_sizes_and_all_are_shown_and_their_crossing_is_not():
    shown = rows(groups=[group(), group("cause and size", size="1b"), group("size", "", "1b"),
                         group("all", "")]).groups  # fmt: skip
    assert [row.over for row in shown] == ["Strong prior", "1b", "All tasks and sizes"]


def test_only_shapes_that_turn_are_shown_in_the_order_of_the_page():
    shown = rows(shapes=[shape("a"), shape("b"), shape("a", "flat")]).shapes
    assert [(row.card.name, row.turn, row.change) for row in shown] == [
        ("b", "2.1\u202fB", "undone"),
        ("a", "2.1\u202fB", "undone"),
    ]


def test_three_items_of_each_task_and_change_are_shown():
    shown = rows(items=[item("a", str(i)) for i in range(5)] + [item("a", "m", "mended")]).items
    assert [(row.change, row.where) for row in shown] == [
        *[("broken", "at 2 of 3 models")] * 3,
        ("mended", "at 1 of 3 models"),
    ]


def test_of_a_long_text_the_end_is_shown_and_one_without_text_not_at_all():
    shown = rows(items=[item("a", "0", context="x" * 5000 + "end"), item("a", "1", context=None)])
    (row,) = shown.items
    assert row.context.startswith("… ")
    assert row.context.endswith("end")
    assert len(row.context) < 700


def test_rows_of_another_setting_are_not_of_the_view():
    assert rows(groups=[{**group(), "shots": 5}]).groups == []


def test_several_suites_are_named():
    shown = rows(groups=[group(), {**group(), "suite": "t"}]).groups
    assert [row.pair for row in shown] == ["s: base → sft", "t: base → sft"]


def test_without_tables_there_are_no_rows():
    assert tuned_view(None, view(), CARDS).groups == []


def test_groups_come_by_cause_as_on_the_page_then_from_the_smallest_size():
    causes = [group(cause=cause) for cause in ("no cause", "spurious few-shot", "strong prior")]
    sizes = [group("size", "", size) for size in ("122k", "36k", "73k")]
    cards = {
        name: TaskCard(name, name, cause, None, "")
        for name, cause in (("a", "strong prior"), ("b", "spurious few-shot"), ("c", None))
    }
    found = tuned_view(
        tables(groups=[*causes, *sizes, group("all", "")]), view(), cards, ("36k", "73k", "122k")
    )
    assert [row.over for row in found.groups] == [
        "Strong prior", "Spurious few-shot", "No cause", "36k", "73k", "122k",
        "All tasks and sizes",
    ]  # fmt: skip
