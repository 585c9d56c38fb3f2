"""The page in a real Chromium, opened from disk, with everything that goes wrong collected."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass, field

import pandas as pd
import pytest

import made_up_items
import made_up_trends
from ckpt_analyzer.html_report import ReportData, TaskCard, write_report
from ckpt_analyzer.metric import Metric
from ckpt_analyzer.task import Item

pytestmark = pytest.mark.browser

METRICS = {**made_up_trends.METRICS, "surprise": -1.0}
GRID = dataclasses.replace(made_up_trends.DEMO, metrics=METRICS)
TRENDS, FLIPS = made_up_trends.trends(GRID), made_up_trends.flips(GRID)
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='o'\">"
)


@dataclass
class Opened:
    page: object
    troubles: list[str] = field(default_factory=list)

    def chart(self, task, panel=0):
        chart = self.page.locator(f"#task-{task} > .panels .chart[data-panel='{panel}']")
        chart.scroll_into_view_if_needed()
        chart.locator("svg.marks").wait_for()
        return chart


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "page.html"
    kinds = ("classification",)
    metrics = [
        Metric("accuracy", "Accuracy", kinds, "", None, True, "", "Share of right answers."),
        Metric(
            "classification_loss", "Classification loss", kinds, "", None, False, "nats", "Loss."
        ),
    ]
    flips = FLIPS.copy()
    first = flips.index[0]
    flips.at[first, "flags"] = ['=HYPERLINK("http://x")']
    flips.at[first, "method"] = "=1+1"
    parameters = [float(n) for n in made_up_trends.SIZES.values()]
    places = [{"size": size, "at": 2e9 * 1.3**i} for i, size in enumerate(parameters)]
    key = {
        "suite": "madeup", "arm": "base", "task": "memo-trap", "verdict": "inverted_U",
        "shots": 0, "prompt_format": "plain", "dtype": "float32", "metric": "accuracy",
    }  # fmt: skip
    lines = pd.DataFrame(
        [key | {"parameters": p["size"], "at": p["at"], "lo": p["at"] / 2, "hi": 2 * p["at"]}
         for p in places]
    )  # fmt: skip
    card = TaskCard("memo-trap", "Memo Trap", "strong prior", "classification", HOSTILE,
                    Item("1", HOSTILE, (" a", HOSTILE), 0))  # fmt: skip
    other = TaskCard("quote-repetition", "Quotes", "strong prior", "classification", "Repeat it.")
    write_report(
        ReportData(
            "Made up", TRENDS, flips, tasks=[card, other], metrics=metrics, items=_items(),
            sweep_yaml="suite: madeup", movement_lines=lines,
        ),
        path,
    )  # fmt: skip
    return path


def _items():
    """Items of two tasks; one text of them, its choice and its id mean harm."""
    tasks = made_up_items.item_tasks(TRENDS, n_items=600, tasks=["memo-trap", "quote-repetition"])
    table = tasks[0].items
    table.at[7, "context"] = f"{HOSTILE}\r\nAnswer:"
    table.at[7, "choices"] = [HOSTILE, " b"]
    table.at[7, "item_id"] = HOSTILE
    return tasks


@pytest.fixture(scope="module")
def loaded(browser, file):
    """The page, loaded once for all tests of this module."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page = context.new_page()
    loaded = Opened(page)
    page.on("console", lambda message: loaded.troubles.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: loaded.troubles.append(str(error)))
    page.on("request", lambda request: loaded.troubles.append(request.url)
            if not request.url.startswith(("file:", "data:", "blob:")) else None)  # fmt: skip
    page.goto(file.as_uri())
    page.locator("body[data-ready]").wait_for()
    yield loaded
    context.close()


@pytest.fixture
def opened(loaded):
    """The page as it opens, with an empty list of troubles unless loading had some."""
    yield loaded
    loaded.troubles.clear()
    loaded.page.emulate_media(media="screen")
    loaded.page.mouse.move(0, 0)
    loaded.page.evaluate(
        """() => {
          delete document.documentElement.dataset.theme;
          document.querySelectorAll("details[open]").forEach((d) => { d.open = false; });
          document.querySelectorAll("[data-size-button][aria-pressed=true]")
            .forEach((b) => b.click());
          document.querySelector("[data-axis-button=tokens]").click();
          document.querySelector("[data-metric-button='0']").click();
          document.querySelectorAll(".filters select").forEach((s) => { s.selectedIndex = 0; });
          const search = document.querySelector(".filters input");
          search.value = "";
          document.querySelector(".filters select").dispatchEvent(new Event("change"));
          scrollTo(0, 0);
        }"""
    )


def _value(model, task, step):
    row = TRENDS[
        (TRENDS["model"] == model) & (TRENDS["task"] == task) & (TRENDS["step"] == step)
        & (TRENDS["metric"] == "accuracy")
    ].iloc[0]  # fmt: skip
    return f"{row['value']:.3f} ± {row['stderr']:.3f}"


def test_every_task_draws_without_trouble_or_network(opened):
    for task in made_up_trends.SHAPES:
        for panel in (0, 1):
            assert opened.chart(task, panel).locator("path").count() > 5
    assert opened.page.locator(".chart[data-kind='atlas'] svg.marks").count() == 1
    assert opened.page.title() == "Made up"
    assert opened.troubles == []


def test_hovering_reads_all_sizes_at_a_checkpoint(opened):
    chart = opened.chart("neqa")
    box = chart.locator("svg.marks").bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    tip = opened.page.locator("#tip")
    tip.wait_for(state="visible")
    step = int(tip.locator("strong").inner_text().rpartition("step ")[2])
    rows = tip.locator("tr").all_inner_texts()
    for text, size in zip(rows, ("410m", "70m", "14m"), strict=True):
        assert text.split("\t")[:2] == [size, _value(f"madeup-{size}", "neqa", step)]
    assert opened.troubles == []


def test_hovering_a_flip_reads_its_interval(opened):
    chart = opened.chart("memo-trap")
    box = chart.locator("g.mark-symbol.role-mark path[fill]").last.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = opened.page.locator("#tip")
    tip.wait_for(state="visible")
    assert "interval from" in tip.inner_text()
    assert "inverted U" in tip.inner_text()


def _curve_opacities(chart):
    lines = chart.locator("g.mark-line.role-mark path[stroke]").all()
    return sorted(line.evaluate("e => Number(getComputedStyle(e).opacity)") for line in lines)


def test_the_legend_isolates_a_size_and_lets_it_go(opened):
    chart = opened.chart("neqa")
    assert _curve_opacities(chart) == [1, 1, 1]
    button = opened.page.get_by_role("button", name="70m", exact=True)
    button.click()
    assert _curve_opacities(chart) == [0.06, 0.06, 1]
    assert button.get_attribute("aria-pressed") == "true"
    far = "#task-sig-figs .chart[data-panel='0'] g.mark-line.role-mark path[style*='0.06']"
    opened.chart("sig-figs")
    opened.page.locator(far).first.wait_for(state="attached")
    assert _curve_opacities(opened.chart("sig-figs")) == [0.06, 0.06, 1]
    chart.scroll_into_view_if_needed()
    button.focus()
    opened.page.keyboard.press("Enter")
    assert _curve_opacities(chart) == [1, 1, 1]


def _matrix_tasks(page):
    matrix = page.locator("#verdicts [data-view]:not([hidden]) table.matrix")
    return [link.inner_text() for link in matrix.locator("tbody th[scope=row] a:visible").all()]


def test_the_matrix_is_ordered_by_name_by_turn_and_by_strength(opened):
    page = opened.page
    by_cause = _matrix_tasks(page)
    order = page.locator("#verdicts [data-view]:not([hidden]) .order")
    order.get_by_role("button", name="by name").focus()
    page.keyboard.press("Enter")
    assert _matrix_tasks(page) == sorted(by_cause, key=str.casefold) != by_cause
    assert page.locator("#verdicts .cause-row:visible").count() == 0
    order.get_by_role("button", name="earliest turn").click()
    assert set(_matrix_tasks(page)[:2]) == {"Memo Trap", "Quotes"}
    order.get_by_role("button", name="by cause").click()
    assert _matrix_tasks(page) == by_cause
    assert opened.troubles == []


def test_the_head_of_a_model_orders_the_matrix_by_its_turns_then_back(opened):
    page = opened.page
    by_cause = _matrix_tasks(page)
    matrix = page.locator("#verdicts [data-view]:not([hidden]) table.matrix")
    head = matrix.locator("thead th[data-size='70m']").first
    seen = []
    for _ in range(3):
        head.locator("button").click()
        seen.append(head.get_attribute("aria-sort"))
    assert seen == ["ascending", "descending", None]
    assert _matrix_tasks(page) == by_cause


def test_a_cell_of_the_matrix_leads_to_its_chart(opened):
    matrix = opened.page.locator("#verdicts [data-view]:not([hidden]) table.matrix")
    targets = {link.get_attribute("href") for link in matrix.locator("td a").all()}
    charts = opened.page.locator("figure[id^='task-']").evaluate_all(
        "f => f.map((e) => '#' + e.id)"
    )
    assert targets == set(charts)


def test_the_table_of_flips_is_sorted_by_its_heads(opened):
    table = opened.page.locator("#flips [data-view]:not([hidden]) table.flips").first
    head = table.locator("thead th").nth(3)
    head.locator("button").click()
    places = table.locator("tbody tr:first-child td:nth-child(4)")
    keys = [float(cell.get_attribute("data-key")) for cell in places.all()]
    assert keys == sorted(keys)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    keys = [float(cell.get_attribute("data-key")) for cell in places.all()]
    assert keys == sorted(keys, reverse=True)
    assert table.locator("th[aria-sort]").count() == 1


def test_the_atlas_draws_the_fitted_movement(opened):
    atlas = opened.page.locator(".chart[data-kind='atlas']")
    atlas.locator("svg.marks").wait_for()
    assert atlas.locator(".mark-line path").count() == 1
    assert atlas.locator(".mark-area path").count() == 1


def test_the_difference_over_tuning_begins_at_the_base_model(opened):
    chart = opened.page.locator(".chart[data-kind='differences']")
    chart.scroll_into_view_if_needed()
    chart.locator("svg.marks").wait_for()
    assert chart.locator(".mark-line path").count() == 3 * len(made_up_trends.SHAPES)
    details = opened.page.locator("details[data-differences]")
    details.locator("summary").click()
    details.locator("tbody").wait_for()
    rows = [row.split("\t") for row in details.locator("tbody tr").all_inner_texts()]
    assert rows[0][2:5] == ["0", "0", "0.000"]
    tuned = TRENDS[(TRENDS["arm"] != "base") & (TRENDS["metric"] == "accuracy")]
    assert (
        len(rows) == len(tuned[tuned["arm_tokens"] > 0]) + tuned.groupby(["task", "model"]).ngroups
    )
    assert opened.troubles == []


def test_the_metric_switch_changes_charts_verdicts_and_tables(opened):
    chart = opened.chart("memo-trap")
    assert "Accuracy" in chart.inner_text()
    opened.page.get_by_role("button", name="Classification loss").click()
    chart.get_by_text("Classification loss").wait_for()
    matrix = opened.page.locator("#verdicts .verdicts [data-view]:not([hidden])")
    assert matrix.count() == 1
    assert "falls, then rises (U)" in matrix.inner_text().partition("Memo Trap")[2][:60]
    assert opened.troubles == []


def test_metrics_beyond_the_third_wait_in_a_menu(opened):
    page = opened.page
    bar = page.locator(".bar")
    shown = [b.inner_text() for b in bar.locator("[data-metric-button]:visible").all()]
    assert shown == ["Accuracy", "Classification loss", "Gold probability"]
    bar.locator(".menu summary").click()
    bar.get_by_role("button", name="Surprise").click()
    assert bar.locator(".menu summary").inner_text() == "Surprise"
    assert not bar.locator(".menu").evaluate("menu => menu.open")
    opened.chart("neqa").get_by_text("Surprise").wait_for()
    assert opened.troubles == []


def test_the_bar_fits_every_screen(browser, file):
    page = browser.new_page()
    page.goto(file.as_uri())
    page.locator("body[data-ready]").wait_for()
    for width in (390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        bar = page.locator(".bar")
        edges = [b.bounding_box() for b in bar.locator("button:visible, summary:visible").all()]
        assert max(box["x"] + box["width"] for box in edges) <= width
        assert bar.bounding_box()["height"] < 140
    page.close()


def test_the_axis_switch_redraws_every_task_chart(opened):
    chart = opened.chart("memo-trap")
    opened.page.get_by_role("button", name="FLOPs").click()
    chart.get_by_text("training FLOPs").wait_for()
    assert chart.locator("g.mark-symbol.role-mark path[fill]").count() > 0
    opened.page.get_by_role("button", name="parameters").click()
    chart.get_by_text("parameters", exact=True).wait_for()
    assert 4 <= len(_curve_opacities(chart)) <= 8
    assert opened.troubles == []


def test_hovering_over_flops_reads_one_size(opened):
    opened.page.get_by_role("button", name="FLOPs").click()
    chart = opened.chart("neqa")
    chart.get_by_text("training FLOPs").wait_for()
    box = chart.locator("svg.marks").bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    tip = opened.page.locator("#tip")
    tip.wait_for(state="visible")
    assert "FLOPs · step" in tip.locator("strong").inner_text()
    assert tip.locator("tr").count() == 1


def test_a_tuned_panel_shows_where_its_tuning_started(opened):
    chart = opened.chart("neqa", panel=1)
    chart.get_by_text("base, end").wait_for()
    hollow = chart.locator("g.mark-symbol.role-mark path[fill='transparent'][stroke]")
    assert hollow.count() == 3


def test_a_print_holds_every_chart_whole_and_no_switch(opened):
    page = opened.page
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator("#theme").click()
    page.locator("#print").click()
    page.wait_for_function("() => window.printed")
    drawn = page.locator(".task > .panels .chart[data-task] svg.marks").count()
    assert drawn == 2 * len(made_up_trends.SHAPES)
    assert page.locator("details.map svg.marks").count() == 0
    page.emulate_media(media="print")
    assert page.locator(".bar .switch:visible, .bar .plain:visible").count() == 0
    assert page.locator(".bar .legend").is_visible()
    styles = page.evaluate(
        "() => [['.bar', 'position'], ['figure', 'breakInside'], ['.task', 'breakInside'],"
        " ['body', 'backgroundColor']].map(([s, name]) =>"
        " getComputedStyle(document.querySelector(s))[name])"
    )
    assert styles == ["static", "avoid", "avoid", "rgb(255, 255, 255)"]
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert opened.troubles == []


def test_charts_follow_the_theme(opened):
    chart = opened.chart("neqa")
    line = "g.mark-line.role-mark path[stroke]"
    chart.locator(line).first.wait_for()
    before = chart.locator(line).first.get_attribute("stroke")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(paper)
    opened.page.locator("#theme").click()
    opened.page.wait_for_function(
        "([s, old]) => { const e = document.querySelector(s);"
        " return e && e.getAttribute('stroke') !== old; }",
        arg=[f"#task-neqa {line}", before],
    )
    assert opened.page.evaluate(paper) != light


def test_a_deep_link_opens_at_its_task(browser, file):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{file.as_uri()}#task-neqa")
    page.locator("#task-neqa svg.marks").first.wait_for()
    page.wait_for_function(
        "() => document.getElementById('task-neqa').getBoundingClientRect().top < 400"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_the_data_table_holds_every_row_of_its_task(opened):
    details = opened.page.locator("details.data[data-task='neqa']")
    details.locator("summary").click()
    rows = TRENDS[(TRENDS["task"] == "neqa") & (TRENDS["metric"] == "accuracy")]
    details.locator("tbody").wait_for()  # the browser tells of opened details in its own time
    assert details.locator("tbody tr").count() == len(rows)


def test_heat_maps_draw_when_they_are_opened(opened):
    for task in ("neqa", "memo-trap", "sig-figs"):  # the later ones take the form of the first
        details = opened.page.locator(f"details.map[data-task='{task}']")
        details.locator("> summary").click()
        charts = details.locator(".chart")
        for i in range(charts.count()):
            charts.nth(i).scroll_into_view_if_needed()
            charts.nth(i).locator("svg.marks .mark-rect path").first.wait_for(timeout=10_000)
    assert opened.troubles == []


def _downloaded(opened, name):
    with opened.page.expect_download() as download:
        opened.page.locator(f"[data-csv='{name}']").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))


def test_the_download_of_trends_holds_the_whole_table(opened):
    rows = _downloaded(opened, "trends")
    assert len(rows) == len(TRENDS)
    assert set(rows[0]) == set(TRENDS.columns) - {"non_embedding_parameters"}
    tuned = next(row for row in rows if row["arm"] == "instruct")
    assert int(tuned["arm_tokens"]) < int(tuned["tokens"])


def test_the_download_of_verdicts_runs_no_formula(opened):
    rows = _downloaded(opened, "flips")
    assert len(rows) == len(FLIPS)
    assert rows[0]["method"] == "'=1+1"
    assert rows[0]["flags"].startswith("'=HYPERLINK")


@pytest.fixture
def items(opened):
    """The section of items, unpacked."""
    section = opened.page.locator("#items")
    section.scroll_into_view_if_needed()
    opened.page.locator("#items[data-ready]").wait_for()
    return section


def _ids(section):
    return [b.inner_text() for b in section.locator("tbody button").all()]


def _count(section):
    return int(section.locator("output").inner_text().split(" ")[0].replace("\u202f", ""))


def _choose(section, name, label):
    section.locator(f"[data-items='{name}']").select_option(label=label)


def test_the_table_of_items_holds_only_rows_in_sight(opened, items):
    assert _count(items) == 1200
    assert 10 < len(_ids(items)) < 60
    items.locator(".items").evaluate("table => { table.scrollTop = table.scrollHeight; }")
    opened.page.wait_for_function(
        "() => document.querySelector('.items').textContent.includes('599')"
    )
    assert _ids(items)[-1] == "599"
    assert items.locator("table").first.get_attribute("aria-rowcount") == "1201"
    assert opened.troubles == []


@pytest.mark.parametrize(
    ("words", "rest"),
    [("U", {1, 5}), ("inverted U", {2}), ("rising", {3}), ("falling", {4}),
     ("always right", {5}), ("wrong, then right", {3}), ("right, then wrong", {4})],
)  # fmt: skip
def test_a_filter_leaves_the_items_that_it_names(items, words, rest):
    _choose(items, "task", "Quotes (600)")
    _choose(items, "show", words)
    if words == "always right":  # a shallow U stays above one half at its ends only
        rest = {i for i in range(6) if made_up_items.values(21, 6)[:, i].min() > 0.5}
    assert {int(name) % 6 for name in _ids(items)} == rest
    assert _count(items) == 100 * len(rest)


def test_a_search_finds_texts_numbers_choices_and_ids(opened, items):
    search = items.locator("[data-items='search']")
    search.fill("river of 17.5")
    opened.page.wait_for_function(
        "() => document.querySelector('output').textContent.startsWith('2 ')"
    )
    assert _ids(items) == ["17", "17"]
    search.fill("ONERROR")
    opened.page.wait_for_function(
        "() => document.querySelector('output').textContent.startsWith('1 ')"
    )
    search.fill("no such thing")
    opened.page.wait_for_function(
        "() => document.querySelector('output').textContent.startsWith('0 ')"
    )
    assert _ids(items) == []
    assert opened.troubles == []


def test_items_that_drive_a_flip_come_ranked(items):
    _choose(items, "task", "Quotes (600)")
    _choose(items, "order", "drives the U of madeup-70m")
    numbers = [float(cell) for cell in items.locator("td.end").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    assert {int(name) % 6 for name in _ids(items)} == {1}
    words = items.locator("[data-items='rank']").inner_text()
    assert "over all 600 items" in words
    assert _count(items) == 100


def test_an_opened_item_shows_its_text_choices_and_values(opened, items):
    _choose(items, "task", "Quotes (600)")
    items.locator("[data-row='1']").click()
    item = items.locator(".item")
    assert item.locator("pre").inner_text() == (
        "Finish it.\u240d\nLine 1: the river of 1.5 metres\nAnswer:"
    )
    assert item.locator(".gold code").inner_text().strip() == "right"
    chart = item.locator(".chart").first
    chart.locator("svg.marks").wait_for()
    assert chart.locator("g.mark-line.role-mark path").count() == 3
    item.locator("summary").click()
    row = item.locator("details tbody tr").first
    assert row.inner_text().split("\t") == ["madeup-14m", "0", "0", "0.900"]
    assert opened.page.url.endswith("#item-quote-repetition-1")
    assert opened.troubles == []


def test_arrow_keys_walk_through_the_items(opened, items):
    items.locator("[data-row='0']").focus()
    for _ in range(40):
        opened.page.keyboard.press("ArrowDown")
    assert opened.page.evaluate("document.activeElement.dataset.row") == "40"
    opened.page.keyboard.press("Enter")
    assert items.locator(".item h3").inner_text().endswith("item 40")


def test_a_hostile_item_is_text(opened, items):
    items.locator("[data-row='7']").click()
    assert items.locator(".item pre").inner_text().startswith("</script>")
    assert items.locator(".item img, .item script, .items img").count() == 0
    assert opened.page.title() == "Made up"
    assert opened.troubles == []


def test_a_deep_link_opens_an_item(browser, file):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{file.as_uri()}#item-quote-repetition-42")
    page.locator(".item svg.marks").first.wait_for()
    assert page.locator(".item h3").inner_text() == "Quotes, item 42"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def _saved(opened, chart, kind):
    figure = chart.locator("xpath=..")
    with opened.page.expect_download() as download:
        figure.get_by_role("button", name=f"Download figure as {kind}").click()
    return download.value


def test_a_figure_downloads_as_svg_on_white_paper_with_its_title(opened):
    opened.page.locator("#theme").click()
    chart = opened.chart("memo-trap")
    saved = _saved(opened, chart, "SVG")
    text = saved.path().read_text(encoding="utf-8")
    assert saved.suggested_filename == "memo-trap-base-accuracy.svg"
    assert text.startswith("<svg")
    assert 'xmlns="http://www.w3.org/2000/svg"' in text
    assert "Memo Trap · Base" in text
    assert "#ffffff" in text
    assert opened.troubles == []


def test_a_figure_downloads_as_png(opened):
    content = _saved(opened, opened.chart("neqa"), "PNG").path().read_bytes()
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") > 1000  # pixels across
    assert opened.troubles == []


def test_every_drawn_figure_can_be_saved(opened):
    opened.chart("neqa", panel=1)
    drawn = opened.page.locator(".chart:has(svg.marks)").count()
    assert opened.page.locator(".chart:has(svg.marks) + .save").count() == drawn


def test_means_over_a_cause_are_those_of_its_tasks(opened):
    details = opened.page.locator("details.data[data-cause='0']")
    details.evaluate("details => { details.open = true; }")
    details.locator("tbody").wait_for()
    rows = TRENDS[TRENDS["task"].isin(["memo-trap", "quote-repetition"])]
    rows = rows[(rows["metric"] == "accuracy") & (rows["model"] == "madeup-14m")]
    means = rows.groupby("step")["value"].mean()
    rows = [row.split("\t") for row in details.locator("tbody tr").all_inner_texts()]
    cells = next(row for row in rows if row[:2] == ["madeup-14m", "0"])
    assert float(cells[3]) == pytest.approx(means.loc[0], abs=6e-4)
    words = opened.page.locator("[data-cause-words='0']").inner_text()
    assert words == "Mean over Memo Trap, Quotes."
    chart = opened.page.locator(".chart[data-cause='0']").first
    chart.scroll_into_view_if_needed()
    chart.locator("svg.marks").wait_for()
    assert opened.troubles == []


def test_the_bibtex_copies(opened):
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.page.get_by_role("button", name="Copy the BibTeX entries").click()
    opened.page.get_by_text("Copied", exact=True).wait_for()
    assert "@software{ckpt_analyzer" in opened.page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(browser, file, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{file.as_uri()}#item-quote-repetition-1")
    page.locator(".item svg.marks").first.wait_for()
    page.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true; })")
    page.locator("details.data tbody").first.wait_for()
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    page.close()


def test_nothing_is_cut_off_in_print(opened):
    page = opened.page
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator("#print").click()
    page.wait_for_function("() => window.printed")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 within its margins
    page.emulate_media(media="print")
    edges = page.evaluate(
        "() => [...document.querySelectorAll('main *')].filter((e) => e.getClientRects().length)"
        ".map((e) => e.getBoundingClientRect().right)"
    )
    page.set_viewport_size({"width": 1280, "height": 900})
    assert max(edges) <= 719
