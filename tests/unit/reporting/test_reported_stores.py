"""Several stores on one page, and what the page of one says of tuning."""

from __future__ import annotations

import pytest

from ckpt_analyzer.reporting.report import fitted_data, report
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.task import Item
from store_factory import TASK_SHA256, commit_answers

RIGHT, WRONG = [-1.0, -2.0], [-2.0, -1.0]


def make(folder, answers):
    store = open_store(folder, create=True)
    for step in (1, 10, 100, 1000):
        commit_answers(store, "m", step, [RIGHT] * 8)
    commit_answers(store, "m-chat", 10, answers, arm="instruct", base_model="m", arm_tokens=5)
    hostile = "</pre><script>document.title='owned'</script>"
    items = [Item(str(i), f"{hostile} {i}", (" yes", " no"), 0) for i in range(8)]
    store.save_items("memo-trap", TASK_SHA256, items)
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    return make(folder / "ours", [WRONG] * 8), make(folder / "theirs", [RIGHT] * 8)


def test_a_page_says_what_tuning_did_and_answers_the_questions(stores, tmp_path):
    text = report(stores[0], tmp_path / "one.html").read_text(encoding="utf-8")
    assert "Does tuning worsen Strong Prior tasks?" in text
    assert "changed by −1.000" in text
    assert "Items that tuning breaks and mends" in text
    assert "&lt;/pre&gt;&lt;script&gt;" in text
    assert "<script>document.title" not in text


def test_several_stores_are_suites_of_one_page_under_their_names(stores, tmp_path):
    path = report(stores, tmp_path / "both.html")
    text = path.read_text(encoding="utf-8")
    assert "ours beside theirs" in text
    assert "ours · instruct" in text
    assert "theirs · instruct" in text
    assert "ours: base → instruct" in text


def test_what_the_other_stores_differ_in_is_told_per_series(stores, tmp_path):
    text = report(stores, tmp_path / "both.html").read_text(encoding="utf-8")
    section = text.partition('<section id="beside">')[2].partition("</section>")[0]
    first = section.partition("data-view")[2]
    assert "The first store is ours." in section
    assert "+1.000" in first  # the tuned model: all wrong in one store, all right in the other
    assert "<td>0</td><td>8</td>" in first
    assert "+0.000" in first  # the base models answer alike
    assert "not paired" not in first.partition("</table>")[0]


def test_one_store_stands_beside_no_other(stores, tmp_path):
    text = report(stores[0], tmp_path / "one.html").read_text(encoding="utf-8")
    assert '<section id="beside">' not in text


def test_the_numbers_of_each_store_are_those_of_its_own_page(stores):
    from ckpt_analyzer.reporting.stores import joined

    pages = [fitted_data(store) for store in stores]
    both = joined(("ours", "theirs"), pages, None)
    for label, page in zip(("ours", "theirs"), pages, strict=True):
        mine = both.trends[both.trends["suite"] == label]
        assert list(mine["value"]) == list(page.trends["value"])
        compared = both.comparisons[both.comparisons["suite"] == label]
        assert list(compared["difference"]) == list(page.comparisons["difference"])
    assert len(both.tasks) == 1
