from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import pandas as pd
import pytest

import made_up_items
import made_up_trends
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.html_report import ReportData, TaskCard, base91, render, vega, write_report
from ckpt_analyzer.html_report.citations import bibtex
from ckpt_analyzer.html_report.item_prose import explored
from ckpt_analyzer.html_report.run_rows import RUN_COLUMNS
from ckpt_analyzer.task import Item

GRID = dataclasses.replace(
    made_up_trends.DEMO, metrics={"accuracy": 1.0, "classification_loss": -1.4}, n_base_steps=8
)
HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script> 'a' \"b\" & {{ 7*7 }}"


def _data(**changes):
    card = TaskCard(
        "memo-trap", "Memo Trap", "strong prior", "classification", "End it otherwise.",
        Item("1", "A context\r\nof two lines", (" heavy.", " fonder."), 0), 936,
    )  # fmt: skip
    data = ReportData(
        "Made up", made_up_trends.trends(GRID), made_up_trends.flips(GRID), tasks=[card],
        sweep_yaml="suite: madeup",
    )  # fmt: skip
    return dataclasses.replace(data, **changes)


class _Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.scripts, self.attributes = [], [], 0, []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.scripts += tag == "script"
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])


def _elements(text):
    parser = _Elements()
    parser.feed(text)
    return parser


@pytest.fixture(scope="module")
def page():
    return render(_data())


def test_every_link_leads_to_a_part_of_the_page(page):
    elements = _elements(page)
    assert elements.links
    assert {link.removeprefix("#") for link in elements.links} <= set(elements.ids)
    assert len(elements.ids) == len(set(elements.ids))


def test_it_names_no_network_address_in_its_elements(page):
    outside = [
        (tag, name, value)
        for tag, name, value in _elements(page).attributes
        if name in ("src", "href", "action") and not re.match(r"#|data:", value or "")
    ]
    assert outside == []


def test_it_carries_vega_once_and_the_data_once(page):
    carried = re.findall(r'<script type="application/octet-stream" id="(.*?)">(.*?)</script>', page)
    assert [name for name, _ in carried] == ["views", "payload", "vega"]
    assert zlib.decompress(base91.decoded(carried[2][1])).decode() == vega.javascript()
    assert _elements(page).scripts == 4


def test_only_its_own_scripts_may_run(page):
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1]
    allowed = set(re.findall(r"sha256-([^&]*)&", policy))
    script = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    hashes = {
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (*script, vega.javascript())
    }
    assert allowed == hashes


def test_it_stays_small(page):
    assert len(page.encode()) < 1_500_000


def test_the_verdict_of_every_model_is_in_words(page):
    for words in ("falls, then rises (U)", "rises, then falls (inverted U)", "undecided"):
        assert words in page


def test_no_number_has_many_decimals(page):
    visible = re.sub(r"<(script|style|symbol)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert set(re.findall(r"[\d.]+\.\d{5,}", visible)) == {"2306.09479"}  # an arXiv number


def test_text_from_outside_is_never_markup():
    card = TaskCard(
        "memo-trap", HOSTILE, "strong prior", "classification", HOSTILE,
        Item("1", HOSTILE, (HOSTILE, " b"), 0), 1, HOSTILE, HOSTILE,
    )  # fmt: skip
    trends = made_up_trends.trends(GRID)
    trends.loc[trends["suspect"].notna(), "suspect"] = HOSTILE
    text = render(
        _data(title=HOSTILE, trends=trends, tasks=[card], sweep_yaml=HOSTILE, warnings=[HOSTILE])
    )
    elements = _elements(text)
    assert elements.scripts == 4
    assert not any(tag == "img" for tag, _, _ in elements.attributes)
    assert not any(name.startswith("on") for _, name, _ in elements.attributes)
    assert "49" not in re.sub(r"<(script|style|svg)\b.*?</\1>", "", text, flags=re.DOTALL)[:4000]


def test_suspect_checkpoints_are_named_at_the_top(page):
    assert "Suspect checkpoints" in page.partition("<main")[0]


def test_imported_means_are_named_at_the_top():
    text = render(_data(trends=made_up_trends.trends(GRID).assign(has_items=False)))
    assert "no item scores are behind these numbers" in text.partition("<main")[0]


def _runs():
    unit = ["m", "step1", 1, "float32", "0.1", "2026-11-01T00:00:00", 10, 3, 2, 5.0, "cpu"]
    return pd.DataFrame([[*unit, json.dumps({"torch": "2.13"})]], columns=list(RUN_COLUMNS))


def test_items_cut_or_lost_are_counted_at_the_top():
    trends = made_up_trends.trends(GRID)
    trends.loc[trends.index[:1], "n_unscored"] = 2
    text = render(_data(runs=_runs(), trends=trends))
    top = text.partition("<main")[0]
    assert "3 prompts were longer" in top
    assert "2 items were not scored" in top
    assert "2 items not scored" in top
    assert "Packages: torch 2.13." in text


def _movement():
    facts = {
        "suite": "madeup", "arm": "base", "task": "memo-trap", "shots": 0, "prompt_format": "plain",
        "dtype": "float32", "metric": "accuracy",
    }  # fmt: skip
    moved = pd.DataFrame(
        [facts | {"verdict": "inverted_U", "n_sizes": 3, "slope": 0.301, "slope_lo": 0.1,
                  "slope_hi": 0.5, "p": 0.01, "tau_decades": 0.0, "q_p": 0.5, "n_left_out": 1}]
    )  # fmt: skip
    surface = pd.DataFrame(
        [
            facts
            | {
                "is_u": False,
                "turn_at": 2.5e9,
                "movement": 0.301,
                "movement_se": 0.01,
                "r2": 0.87,
                "n": 24,
            }
        ]
    )
    return moved, surface


def test_how_turns_move_with_size_is_told_as_a_factor():
    moved, surface = _movement()
    text = render(_data(movement=moved, surface=surface)).replace("\u202f", " ")
    assert "<td>× 2</td><td>× 1.3 to × 3.2</td><td>0.010</td>" in text
    assert "larger models turn later" in text
    assert "3, 1 at the edge left out" in text
    assert "<td>2.5 B</td><td>× 2</td><td>× 1.9 to × 2.1</td><td>0.87</td><td>24</td>" in text


def test_a_store_without_enough_turns_says_nothing_of_movement():
    moved, _ = _movement()
    assert "Do larger models" not in render(_data(movement=moved.iloc[:0]))


def test_the_regression_is_shown_where_it_was_made():
    table = pd.DataFrame(
        [("memo-trap", effect, -4.2, 60, 0.0001, 0.0004)
         for effect in ("parameters", "tokens", "interaction")],
        columns=["task", "effect", "t", "df", "p", "p_adjusted"],
    )  # fmt: skip
    assert "−4.20" in render(_data(regression=table))
    assert "Size by tokens" not in render(_data())


def test_a_page_without_verdicts_says_so():
    text = render(_data(flips=made_up_trends.flips(GRID).iloc[:0]))
    assert "No verdicts were computed" in text


def test_an_empty_table_is_refused():
    with pytest.raises(UserError, match="nothing to report"):
        render(_data(trends=made_up_trends.trends(GRID).iloc[:0]))


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "reports" / "page.html"
    write_report(_data(), target)
    before = target.read_text(encoding="utf-8")
    with pytest.raises(UserError):
        write_report(_data(trends=made_up_trends.trends(GRID).iloc[:0]), target)
    assert target.read_text(encoding="utf-8") == before
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]


def test_two_pages_of_the_same_tables_are_the_same():
    assert render(_data()) == render(_data())


@pytest.mark.shared_data
def test_the_published_pythia_accuracies_make_a_page(shared_data):
    trends = made_up_trends.published_trends(shared_data)
    text = render(ReportData("Pythia", trends, made_up_trends.flips(GRID).iloc[:0]))
    assert "8 sizes, 70m to 12b" in text


def test_the_explorer_is_there_where_there_are_items(page):
    assert 'id="items"' not in page
    text = render(_data(items=made_up_items.item_tasks(made_up_trends.trends(GRID))))
    assert "240 items, 0-shot" in text.replace("\u202f", "")
    assert 'id="items-payload"' in text


def test_the_explorer_says_when_it_draws_fewer_checkpoints_than_it_read():
    many = made_up_items.item_tasks(made_up_trends.trends(GRID), n_items=60_000, tasks=["neqa"])
    (note, _) = explored(many)
    assert "curves are drawn at 3 of them" in note


def test_means_over_a_cause_are_drawn_where_a_cause_has_two_tasks(page):
    assert "Trends by cause" not in page
    cards = [
        TaskCard(name, name, "strong prior", "classification", "")
        for name in ("memo-trap", "quote-repetition")
    ]
    assert 'id="cause-0"' in render(_data(tasks=cards))


def test_citations_are_bibtex_of_any_title():
    text = bibtex("50 % of a_b & {c}")
    assert "50 \\% of a\\_b \\& \\{c\\}" in text
    assert text.count("@") == 3


def test_the_regression_says_of_which_metric_and_shots_it_is():
    table = pd.DataFrame(
        [("memo-trap", shots, "accuracy", effect, -4.2, 60, 0.0001, 0.0004)
         for shots in (0, 5) for effect in ("parameters", "tokens", "interaction")],
        columns=["task", "shots", "metric", "effect", "t", "df", "p", "p_adjusted"],
    )  # fmt: skip
    text = render(_data(regression=table))
    assert "Linear regression of accuracy, whichever metric is shown above, on log" in text
    assert "<small>0-shot</small>" in text
    assert "<small>5-shot</small>" in text
    several = pd.concat([table, table.assign(metric="mc1")], ignore_index=True)
    text = render(_data(regression=several))
    assert "Linear regression of accuracy and mc1, whichever" in text
    assert "<small>0-shot · mc1</small>" in text


def test_no_two_tasks_share_an_anchor():
    names = ["a b", "a-b", "a/b", "日本", "中文", "memo-trap"]
    anchors = [TaskCard(name, name, None, None, "").anchor for name in names]
    assert len(set(anchors)) == len(names)
    assert anchors[1] == "task-a-b"
    assert anchors[-1] == "task-memo-trap"
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", anchor) for anchor in anchors)
