"""Pages of several shots and of several seeds, in a real Chromium."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import made_up_trends
from ckpt_analyzer.html_report import ReportData, TaskCard, write_report

pytestmark = pytest.mark.browser

GRID = dataclasses.replace(
    made_up_trends.DEMO, metrics={"accuracy": 1.0}, n_base_steps=8, n_tuned_steps=0
)
#: What so many examples add to the accuracy: a U.
ADDED = {0: 0.0, 2: -0.1, 5: -0.12, 25: 0.08}


def _trends():
    zero_shot = made_up_trends.trends(GRID)
    return pd.concat(
        [zero_shot.assign(shots=n, value=zero_shot["value"] + add) for n, add in ADDED.items()],
        ignore_index=True,
    )


def _flips():
    flips, last = made_up_trends.flips(GRID), int(made_up_trends.trends(GRID)["step"].max())
    one = flips[(flips["task"] == "memo-trap") & (flips["size"] == "70m")].head(1)
    over_shots = one.assign(
        axis="shots", shots=-1, verdict="U", flip_at=4.0, ci_lo=2.5, ci_hi=9.0,
        size=f"70m, step {last}",
    )  # fmt: skip
    return pd.concat([flips, over_shots], ignore_index=True)


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the page of some trends and flips; whatever goes wrong in it fails the test."""
    troubles, pages = [], []

    def open_page(trends, flips):
        path = tmp_path / "page.html"
        card = TaskCard("memo-trap", "Memo Trap", "strong prior", "classification", "A task.")
        write_report(ReportData("Made up", trends, flips, tasks=[card]), path)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(path.as_uri())
        page.locator("body[data-ready]").wait_for()
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert troubles == []


def _drawn(page, kind):
    chart = page.locator(f".chart[data-kind='{kind}'][data-task='memo-trap']").first
    chart.scroll_into_view_if_needed()
    chart.locator("svg.marks").wait_for()
    return chart


def test_the_switch_shows_trends_over_shots_with_their_flip(opened):
    page = opened(_trends(), _flips())
    _drawn(page, "curves")
    page.locator("[data-axis-button=shots]").click()
    chart = page.locator(".chart[data-kind='curves'][data-task='memo-trap']").first
    chart.get_by_text("examples before each prompt").wait_for()
    labels = chart.locator(".role-axis-label text").all_text_contents()
    assert {"0", "2", "5", "25"} <= set(labels)
    dots = chart.locator("g.mark-symbol.role-mark path[fill]:not([stroke])")
    n_sizes = len(made_up_trends.SIZES)
    assert dots.count() >= n_sizes * len(ADDED)
    shown = chart.evaluate(
        "chart => [...chart.querySelectorAll('.mark-symbol path')].map((p) => p.__data__?.datum)"
        ".filter((d) => d && d.verdict)"
    )
    assert [(flip["size"], flip["x"]) for flip in shown] == [("70m", 4)]
    assert shown[0]["y"] == pytest.approx(_height_at(4), abs=1e-3)


def _height_at(shots):
    """Between 2 and 5 shots, in the logarithm of one more than the shots."""
    import numpy as np

    trends = _trends()
    rows = trends[(trends["task"] == "memo-trap") & (trends["size"] == "70m")]
    rows = rows[rows["step"] == rows["step"].max()].sort_values("shots")
    return np.interp(np.log1p(shots), np.log1p(rows["shots"]), rows["value"])


def test_a_page_of_one_number_of_shots_has_no_such_switch(opened):
    page = opened(made_up_trends.trends(GRID), made_up_trends.flips(GRID))
    assert page.locator("[data-axis-button=shots]").count() == 0
    assert page.locator("[data-kind=spread]").count() == 0


def test_suspect_checkpoints_are_hollow(opened):
    trends = made_up_trends.trends(GRID)
    page = opened(trends, made_up_trends.flips(GRID))
    chart = _drawn(page, "curves")
    of_task = trends[trends["task"] == "memo-trap"]
    n_suspect = int(of_task["suspect"].notna().sum())
    assert n_suspect > 0
    hollow = chart.locator("g.mark-symbol.role-mark path[fill='transparent'][stroke]")
    assert hollow.count() == n_suspect
    filled = chart.evaluate(
        "chart => [...chart.querySelectorAll('.mark-symbol path')].map((p) => p.__data__?.datum)"
        ".filter((d) => d && d.verdict === undefined && !d.suspect).length"
    )
    assert filled == len(of_task) - n_suspect


def test_a_size_with_several_seeds_shows_its_spread(opened):
    trends = made_up_trends.with_seeds(made_up_trends.trends(GRID))
    page = opened(trends, made_up_trends.flips(GRID).head(0))
    chart = _drawn(page, "spread")
    assert chart.locator(".mark-area path").count() >= len(made_up_trends.SIZES)
    details = page.locator("details[data-spread][data-task='memo-trap']")
    details.evaluate("details => { details.open = true; }")
    details.locator("tbody tr").first.wait_for()
    cells = [row.split("\t") for row in details.locator("tbody tr").all_inner_texts()]
    rows = trends[(trends["task"] == "memo-trap") & (trends["size"] == "70m")]
    last = rows[rows["step"] == rows["step"].max()]
    (row,) = [c for c in cells if c[1] == "70m" and int(c[2]) == last["step"].iloc[0]]
    expected = [last["value"].mean(), last["value"].min(), last["value"].max()]
    assert [float(cell) for cell in row[5:]] == pytest.approx(expected, abs=6e-4)
    assert int(row[4]) == 3
    assert "70m" in page.locator("[data-spread-sizes]").first.inner_text()


def test_the_table_over_shots_has_trends_alone_from_the_smallest_model(opened):
    trends = _trends()
    both = trends[(trends["shots"] == 0) | (trends["task"] == "memo-trap")]
    both = both.sample(frac=1.0, random_state=1)
    bare = both[both["shots"] == 0].assign(metric="gold_probability")
    both = pd.concat([both, bare], ignore_index=True)
    page = opened(both, _flips())
    table = page.locator("table.shots:visible")
    rows = [row.split("\t")[:2] for row in table.locator("tbody tr").all_inner_texts()]
    assert [row[1] for row in rows] == [f"madeup-{size}" for size in made_up_trends.SIZES]
    assert {row[0].strip() for row in rows} == {"Memo Trap"}
    page.locator("[data-metric-button='1']").first.click()
    page.get_by_text("No task was scored with several numbers of examples").wait_for()
    assert table.count() == 0
