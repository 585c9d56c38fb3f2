"""What a demanding reader does, in odd orders and on odd pages, in a real Chromium."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import made_up_items
import made_up_trends
from ckpt_analyzer.html_report import ReportData, write_report
from ckpt_analyzer.live.page import live

pytestmark = pytest.mark.browser

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the page of some data; whatever goes wrong in it fails the test."""
    troubles, pages = [], []

    def open_page(data, width=1280, anchor=""):
        path = tmp_path / "page.html"
        write_report(data, path)
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(path.as_uri() + anchor)
        page.locator("body[data-ready]").wait_for()
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert troubles == []


def test_a_search_reads_choices_as_they_are_shown(opened):
    tasks = made_up_items.item_tasks(TRENDS, n_items=20, tasks=["memo-trap"])
    table = tasks[0].items
    table["choices"] = [[f" left {i}", " right"] for i in range(20)]
    table.at[3, "choices"] = [' the "best" one', " a\nb"]
    table.at[5, "choices"] = [" back\\slash", " 🦆 duck"]
    table.at[7, "choices"] = [" .*", " [a-z]+("]
    page = opened(ReportData("Made up", TRENDS, FLIPS, items=tasks))
    section = page.locator("#items")
    section.scroll_into_view_if_needed()
    section.and_(page.locator("[data-ready]")).wait_for()
    whole = section.locator("[data-items=count]").inner_text()
    found = {}
    for query in ('"', '"best"', "back\\slash", "🦆", ".*", "[a-z]+(", '", "', "\\n", "[", ""):
        section.locator("[data-items=search]").fill(query)
        page.wait_for_timeout(250)
        found[query] = section.locator("tbody button.open").all_inner_texts()
    every = found.pop("")
    assert section.locator("[data-items=count]").inner_text() == whole
    assert len(every) == 20
    assert found == {
        '"': ["3"], '"best"': ["3"], "back\\slash": ["5"], "🦆": ["5"], ".*": ["7"],
        "[a-z]+(": ["7"], '", "': [], "\\n": [], "[": ["7"],
    }  # fmt: skip


def test_a_series_that_falls_from_millions_keeps_its_small_values(opened, tmp_path):
    trends = TRENDS[TRENDS["metric"] == "accuracy"].assign(metric="perplexity")
    last = trends["step"] == trends.groupby("model")["step"].transform("max")
    trends = trends.assign(
        value=np.where(last, 4.6512, 6.4481e8), stderr=np.where(last, 0.0812, 1.2e7)
    )
    page = opened(ReportData("Made up", trends, FLIPS.head(0)))
    with page.expect_download() as download:
        page.locator("[data-csv=trends]").click()
    read = pd.read_csv(download.value.path())
    keys = ["model", "task", "step"]
    both = trends.merge(read, on=keys, suffixes=("", "_page"))
    assert len(both) == len(trends)
    assert both["value_page"].to_list() == pytest.approx(both["value"].to_list(), rel=1e-5)
    assert both["stderr_page"].to_list() == pytest.approx(both["stderr"].to_list(), rel=1e-5)
    details = page.locator("details.data[data-task='neqa']")
    details.evaluate("details => { details.open = true; }")
    details.locator("tbody tr").first.wait_for()
    cells = [row.split("\t") for row in details.locator("tbody tr").all_inner_texts()]
    assert {(row[3], row[4]) for row in cells if row[1] == "143000"} == {("4.651", "0.081")}


LONG = "a_very_long_task_name_that_somebody_has_typed_" * 5


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_name_hides_neither_verdicts_nor_charts(opened, width):
    names = {"memo-trap": LONG, "neqa": "two words " * 20}
    trends, flips = (each.assign(task=each["task"].replace(names)) for each in (TRENDS, FLIPS))
    page = opened(ReportData("Made up", trends, flips), width)
    page.locator(".atlas .chart svg.marks").first.wait_for()
    page.locator("[data-kind=differences]").scroll_into_view_if_needed()
    page.locator("[data-kind=differences] svg.marks").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heads = page.locator("table.matrix tbody th[scope=row]")
    widest = max(head.bounding_box()["width"] for head in heads.all())
    assert widest <= 0.4 * width
    for kind in ("atlas", "differences"):
        chart = page.locator(f".chart[data-kind={kind}]")
        box = chart.locator("svg.marks").bounding_box()
        assert box["width"] <= chart.bounding_box()["width"] + 4


def test_the_page_opens_with_the_prompt_format_that_most_models_have(opened):
    chat = TRENDS[TRENDS["arm"] != "base"].assign(prompt_format="chat")
    page = opened(ReportData("Made up", pd.concat([TRENDS, chat], ignore_index=True), FLIPS))
    buttons = page.locator("[data-setting-button]")
    assert buttons.all_inner_texts() == ["plain", "chat"]
    chart = page.locator(".chart[data-kind=curves][data-task='neqa'][data-panel='0']")
    chart.scroll_into_view_if_needed()
    chart.locator("svg.marks").wait_for()
    buttons.nth(1).click()
    chart.get_by_text("Not scored with this metric and setting.").wait_for()
    buttons.nth(0).click()
    chart.locator("svg.marks").wait_for()
    assert chart.locator("svg.marks").count() == 1


def test_a_heat_map_of_few_sizes_covers_no_button_with_its_legend(opened):
    for n_sizes in (1, 3):
        sizes = list(made_up_trends.SIZES)[:n_sizes]
        page = opened(ReportData("Made up", TRENDS[TRENDS["size"].isin(sizes)], FLIPS.head(0)))
        page.locator("details.map[data-task='neqa']").evaluate("d => { d.open = true; }")
        chart = page.locator(".chart[data-kind=map][data-task='neqa']").last
        chart.scroll_into_view_if_needed()
        legend = chart.locator("svg.marks .role-legend")
        legend.wait_for()
        box = legend.bounding_box()
        chart.evaluate("c => c.scrollIntoView({block: 'center'})")
        box = legend.bounding_box()
        buttons = chart.locator("xpath=following-sibling::*[1]").bounding_box()
        assert box["y"] + box["height"] <= buttons["y"] + 4


def test_a_caption_stands_over_a_figure_only(opened):
    page = opened(ReportData("Made up", TRENDS, FLIPS[FLIPS["metric"] == "accuracy"]))
    caption = page.get_by_text("Where each size turns")
    assert caption.is_visible()
    page.locator("[data-metric-button='1']").first.click()
    caption.wait_for(state="hidden")
    page.locator("[data-metric-button='0']").first.click()
    caption.wait_for(state="visible")
    assert page.locator(".atlas .chart svg.marks").first.is_visible()


def _saved(page, chart):
    chart.scroll_into_view_if_needed()
    chart.locator("svg.marks").first.wait_for()
    with page.expect_download() as download:
        chart.locator("xpath=following-sibling::*[1]").get_by_text("SVG").click()
    return download.value.suggested_filename, download.value.path().read_text(encoding="utf-8")


def test_a_saved_figure_says_what_the_switches_said(opened):
    trends = pd.concat([TRENDS, TRENDS.assign(shots=5)], ignore_index=True)
    page = opened(ReportData("Made up", trends, FLIPS))
    chart = page.locator(".chart[data-kind=curves][data-task='neqa'][data-panel='0']")
    names, texts = [], []
    for switch in ("[data-setting-button='0']", "[data-setting-button='1']",
                   "[data-axis-button=flops]"):  # fmt: skip
        page.locator(switch).click()
        page.wait_for_timeout(500)
        name, text = _saved(page, chart)
        names.append(name)
        texts.append(text)
    assert names == [
        "neqa-base-0-shot-accuracy.svg", "neqa-base-5-shot-accuracy.svg",
        "neqa-base-5-shot-over-flops-accuracy.svg",
    ]  # fmt: skip
    assert "Neqa · Base · 5-shot · over FLOPs" in texts[2]
    page.locator("[data-setting-button='0']").click()
    kinds = ("atlas", "differences", "dumbbells")
    whole = [_saved(page, page.locator(f".chart[data-kind={kind}]"))[0] for kind in kinds]
    assert whole == [
        "turning-points-accuracy-0-shot.svg",
        "difference-from-the-base-model-accuracy-0-shot.svg",
        "base-and-tuned-accuracy-0-shot.svg",
    ]


def test_a_saved_figure_isolates_the_size_that_is_isolated(opened):
    page = opened(ReportData("Made up", TRENDS, FLIPS))
    page.locator("[data-size-button='1']").click()
    for kind in ("atlas", "differences", "dumbbells"):
        _, text = _saved(page, page.locator(f".chart[data-kind={kind}]"))
        assert 'opacity="0.06"' in text, kind


def test_the_keys_for_print_draw_every_chart_as_the_button_does(opened):
    page = opened(ReportData("Made up", TRENDS, FLIPS))
    page.evaluate(
        """() => { window.print = () => {
          const shown = [...document.querySelectorAll(".chart")]
            .filter((c) => !c.closest("details:not([open])"));
          window.printed = shown.filter((c) => !c.querySelector("svg")).length;
        }; }"""
    )
    page.keyboard.press("Control+p")
    page.wait_for_function("window.printed !== undefined", timeout=10_000)
    assert page.evaluate("window.printed") == 0


@pytest.mark.parametrize("anchor", ["#%", "#item-100%"])
def test_an_address_that_is_no_anchor_troubles_nothing(opened, anchor):
    tasks = made_up_items.item_tasks(TRENDS, n_items=5, tasks=["memo-trap"])
    page = opened(ReportData("Made up", TRENDS, FLIPS, items=tasks), anchor=anchor)
    page.locator(".atlas .chart svg.marks").first.wait_for()
    page.wait_for_timeout(300)


def test_a_page_that_refreshes_keeps_the_size_and_the_items_that_were_chosen(browser, tmp_path):
    contents, path = {}, tmp_path / "page.html"
    for version, sizes in (("1", ["70m", "410m"]), ("2", ["14m", "70m", "410m"])):
        trends = TRENDS[TRENDS["size"].isin(sizes)]
        items = made_up_items.item_tasks(trends, n_items=30, tasks=["memo-trap", "neqa"])
        write_report(ReportData("Made up", trends, FLIPS.head(0), items=items), path)
        contents[version] = live(path.read_bytes(), version)
    now = ["1"]

    def serve(route):
        if route.request.url.endswith("state"):
            route.fulfill(json={"version": now[0], "doing": "waiting", "problem": None})
        else:
            route.fulfill(body=contents[now[0]], content_type="text/html")

    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.route("http://viewed.test/**", serve)
    page.goto("http://viewed.test/")
    page.locator("body[data-ready]").wait_for()
    page.get_by_role("button", name="410m", exact=True).click()
    page.locator("#items").scroll_into_view_if_needed()
    page.locator("#items[data-ready]").wait_for()
    page.locator("[data-items=task]").select_option(label="Neqa (30)")
    page.locator("[data-items=search]").fill("line 7")
    page.get_by_text("1 of 60 items.").wait_for()
    now[0] = "2"
    page.locator("[data-size-button='2']").wait_for(timeout=20_000)
    page.locator("#items[data-ready]").wait_for()
    page.get_by_text("1 of 60 items.").wait_for()
    assert page.locator("[data-items=search]").input_value() == "line 7"
    pressed = page.locator("[data-size-button][aria-pressed=true]")
    assert pressed.all_inner_texts() == ["410m"]
    page.close()


def test_a_data_table_goes_from_the_smallest_base_model_to_the_largest_tuned_one(opened):
    page = opened(ReportData("Made up", TRENDS.sample(frac=1.0, random_state=3), FLIPS))
    details = page.locator("details.data[data-task='neqa']")
    details.evaluate("details => { details.open = true; }")
    details.locator("tbody tr").first.wait_for()
    rows = [row.split("\t") for row in details.locator("tbody tr").all_inner_texts()]
    sizes = list(made_up_trends.SIZES)
    bases = [f"madeup-{size}" for size in sizes]
    assert list(dict.fromkeys(row[0] for row in rows)) == [
        *bases, *(f"{base}-instruct" for base in bases)
    ]  # fmt: skip
    steps = [int(row[1]) for row in rows if row[0] == bases[0]]
    assert steps == sorted(steps)


def test_a_metric_that_nothing_was_scored_with_draws_and_claims_nothing(opened):
    is_bare = TRENDS["metric"] == "gold_probability"
    trends = TRENDS.assign(
        value=TRENDS["value"].mask(is_bare), stderr=TRENDS["stderr"].mask(is_bare),
        n_unscored=TRENDS["n_items"].where(is_bare, 0),
    )  # fmt: skip
    page = opened(ReportData("Made up", trends, FLIPS[FLIPS["metric"] != "gold_probability"]))
    page.locator("[data-metric-button='2']").first.click()
    section = page.locator("#tuning")
    section.scroll_into_view_if_needed()
    section.get_by_text("No pair of base and tuned models was scored").wait_for()
    for kind in ("differences", "dumbbells"):
        assert section.locator(f".chart[data-kind={kind}] svg").count() == 0
    assert section.get_by_text("tuning changed nothing").count() == 0
    assert section.get_by_text("Hollow: end of the base").is_hidden()


def test_a_saved_heat_map_says_its_metric(opened):
    page = opened(ReportData("Made up", TRENDS, FLIPS))
    page.locator("details.map[data-task='neqa']").evaluate("d => { d.open = true; }")
    _, text = _saved(page, page.locator(".chart[data-kind=map][data-task='neqa']").first)
    assert "Neqa · Base · size by checkpoint · Accuracy" in text


COVERED = """() => [...document.querySelectorAll(".copied")].filter((box) => {
  const button = box.querySelector("button").getBoundingClientRect();
  const range = document.createRange();
  range.selectNodeContents(box.querySelector("pre"));
  return [...range.getClientRects()].some((r) => r.width > 0 && r.left < button.right
    && r.right > button.left && r.top < button.bottom && r.bottom > button.top);
}).length"""


@pytest.mark.parametrize("width", [1280, 390])
def test_the_button_that_copies_covers_no_text(opened, width):
    data = ReportData(
        "Made up", TRENDS, FLIPS.head(0), command="ckpt-analyzer run sweep.yaml --store a-long-one",
        sweep_yaml="# A long remark that somebody has written into the first line of the file.\n",
    )  # fmt: skip
    page = opened(data, width)
    assert page.evaluate(COVERED) == 0


def test_a_metric_that_few_tasks_have_leaves_no_blank_of_the_others(opened):
    few = TRENDS["task"].isin(["memo-trap"]) | (TRENDS["metric"] == "accuracy")
    page = opened(ReportData("Made up", TRENDS[few], FLIPS))
    page.get_by_role("button", name="Classification loss").click()
    for chart in page.locator(".chart[data-kind=curves]").all():
        chart.scroll_into_view_if_needed()
        page.wait_for_timeout(150)
        if not chart.locator("svg.marks").count():
            assert chart.inner_text() == "Not scored with this metric."
            assert chart.bounding_box()["height"] < 100
