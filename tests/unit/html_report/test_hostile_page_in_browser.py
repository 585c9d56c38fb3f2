"""Every field that comes from others means harm: nothing of it runs, all of it is read as text."""

from __future__ import annotations

import csv
import io

import pytest

import made_up_items
import made_up_trends
from ckpt_analyzer.html_report import ReportData, TaskCard, write_report
from ckpt_analyzer.html_report.run_rows import RUN_COLUMNS
from ckpt_analyzer.html_report.tuned import Question
from ckpt_analyzer.task import Item

pytestmark = pytest.mark.browser

RUN = "window.owned = true; document.title = 'owned'"
HARM = (
    f"=cmd|'/C calc'!A0</script><script>{RUN}</script><img src=x onerror=\"{RUN}\">"
    f'<svg onload="{RUN}"><a href="javascript:{RUN}">{{{{ 7*7 }}}}\' onmouseover=\'{RUN}'
)
GRID = made_up_trends.Grid(
    {f"{HARM}{size}": n for size, n in made_up_trends.SIZES.items()},
    made_up_trends.SHAPES, {"accuracy": 1.0}, n_base_steps=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page whose suite, models, sizes, task, items, sweep, warnings and links mean harm."""
    trends, flips = made_up_trends.trends(GRID), made_up_trends.flips(GRID)
    trends["suspect"] = trends["suspect"].mask(trends["suspect"].notna(), HARM)
    named = {"suite": HARM, "task": lambda frame: frame["task"].replace("memo-trap", HARM)}
    trends, flips = trends.assign(**named), flips.assign(**named)
    flips["flags"] = [[HARM, "@SUM(1)"] for _ in range(len(flips))]
    flips["method"] = HARM
    items = made_up_items.item_tasks(trends, n_items=30, tasks=[HARM])
    for column, cell in (("context", HARM), ("item_id", HARM), ("choices", [HARM, " b"])):
        items[0].items.at[0, column] = cell
    card = TaskCard(
        HARM, HARM, None, "classification", HARM, Item("1", HARM, (HARM, " b"), 0), 1, HARM, HARM
    )
    runs = trends.head(1)[["model", "step"]].assign(
        revision=HARM, dtype=HARM, scorer_version=HARM, created=HARM, n_items=1, n_truncated=0,
        n_unscored=0, seconds=1.0, device=HARM, packages='{"torch": "1"}',
    )[list(RUN_COLUMNS)]  # fmt: skip
    path = tmp_path_factory.mktemp("hostile") / "page.html"
    write_report(
        ReportData(
            HARM, trends, flips, tasks=[card], items=items, runs=runs, sweep_yaml=HARM,
            warnings=[HARM], command=HARM, questions=[Question(HARM, HARM, is_answered=True)],
        ),
        path,
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def page(browser, file):
    page = browser.new_page(viewport={"width": 1280, "height": 2000})
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("dialog", lambda dialog: page.troubles.append(dialog.message))
    page.goto(file.as_uri())
    page.locator("body[data-ready]").wait_for()
    yield page
    page.close()


def _is_untouched(page):
    found = page.evaluate(
        "() => ({ owned: window.owned, title: document.title,"
        " harm: document.querySelectorAll('img, a[href^=\"javascript\"], iframe, object').length,"
        " handlers: [...document.querySelectorAll('*')].filter((e) => [...e.attributes]"
        ".some((a) => a.name.startsWith('on'))).length })"
    )
    return found == {"owned": None, "title": HARM, "harm": 0, "handlers": 0}


def test_nothing_of_it_runs_and_the_text_is_shown(page):
    page.locator("section.cause .chart").first.scroll_into_view_if_needed()
    page.locator("section.cause .chart svg.marks").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.locator("details.data tbody").first.wait_for()
    assert _is_untouched(page)
    assert page.locator("h1").inner_text() == HARM
    assert page.locator("#the-sweep").inner_text() == HARM
    assert page.troubles == []


def test_its_tooltip_and_its_items_are_text(page):
    chart = page.locator("section.cause .chart:has(svg.marks)").first
    chart.scroll_into_view_if_needed()
    box = chart.locator("svg.marks").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)
    page.locator("#tip").wait_for(state="visible")
    page.locator("#items").scroll_into_view_if_needed()
    page.locator("#items[data-ready] [data-row='0']").click()
    assert page.locator(".item pre").inner_text() == HARM
    assert _is_untouched(page)
    assert page.troubles == []


@pytest.mark.parametrize("table", ["trends", "flips"])
def test_no_cell_of_a_download_begins_as_a_formula(page, table):
    with page.expect_download() as download:
        page.locator(f"[data-csv='{table}']").click()
    text = download.value.path().read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["suite"] == f"'{HARM}"
    texts = [cell for row in rows for cell in row.values() if not _is_number(cell)]
    assert not [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert ";@SUM" not in text


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
