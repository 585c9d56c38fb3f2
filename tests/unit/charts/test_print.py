"""Figures for paper: width, fonts, text, and the same bytes every time."""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import xml.etree.ElementTree as ET

import pytest

import made_up_trends
from ckpt_analyzer import charts
from ckpt_analyzer.charts._print import WIDTHS_INCHES, picture

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()
SVG = "{http://www.w3.org/2000/svg}"


def spec_of(name):
    chart = charts.load(name)
    trends = TRENDS[TRENDS["metric"] == "accuracy"]
    flips = FLIPS[FLIPS["metric"] == "accuracy"]
    if chart.of_seeds:
        trends = made_up_trends.with_seeds(trends)
    if chart.one_task:
        trends, flips = trends[trends["task"] == "memo-trap"], flips[flips["task"] == "memo-trap"]
    return chart.draw(trends, flips).to_dict()


@pytest.fixture(scope="module", params=charts.names())
def spec(request):
    return spec_of(request.param)


@pytest.fixture(scope="module", params=list(WIDTHS_INCHES))
def column(request):
    return request.param


@pytest.fixture(scope="module")
def drawn(spec, column):
    return picture(spec, column)


def test_every_file_has_the_width_of_the_column(drawn, column):
    inches = WIDTHS_INCHES[column]
    assert float(ET.fromstring(drawn.svg).get("width").removesuffix("in")) == pytest.approx(inches)
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ", drawn.pdf)
    assert float(box) == pytest.approx(72 * inches, abs=0.1)
    (pixels,) = struct.unpack(">I", drawn.png[16:20])
    assert pixels == pytest.approx(300 * inches, abs=2)


def test_the_pdf_carries_the_font_of_its_text(drawn):
    assert b"/FontFile" in drawn.pdf
    fonts = {name.partition(b"+")[2] for name in re.findall(rb"/BaseFont /([\w+-]+)", drawn.pdf)}
    assert fonts == {b"LiberationSans"}


def test_the_svg_is_well_formed_and_keeps_its_text(drawn):
    texts = {"".join(each.itertext()) for each in ET.fromstring(drawn.svg).iter(f"{SVG}text")}
    assert any("accuracy" in text or "tokens" in text for text in texts)


def test_the_same_chart_gives_the_same_bytes(spec, column, drawn):
    again = picture(json.loads(json.dumps(spec)), column)
    assert again == drawn


def test_the_specification_beside_it_draws_the_same_picture(drawn, column):
    again = picture(json.loads(drawn.spec), column)
    assert ET.fromstring(again.svg).get("width") == ET.fromstring(drawn.svg).get("width")


def test_drawing_leaves_the_specification_as_it_was(spec):
    before = json.dumps(spec)
    picture(spec, "single")
    assert json.dumps(spec) == before


@pytest.mark.parametrize("name", ["metric-over-tokens", "base-to-tuned", "stage-slopes"])
def test_sizes_have_a_legend_on_paper(name):
    svg = picture(spec_of(name), "single").svg
    texts = ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]
    assert texts.count("model size") == 1
    assert {"14m", "70m", "410m"} <= set(texts)


def test_panels_stand_one_above_the_other_in_a_single_column():
    spec = spec_of("metric-over-tokens")
    heights = {
        column: float(ET.fromstring(picture(spec, column).svg).get("height").removesuffix("in"))
        for column in WIDTHS_INCHES
    }
    assert heights["single"] > 1.6 * heights["double"]


def texts_of(svg):
    return ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]


EIGHT = {f"{10 * 3**i}m": 10_000_000 * 3**i for i in range(8)}
LONG = "A Task Whose Title Nobody Has Thought Short Enough, and a " + "word" * 15


@pytest.mark.parametrize("name", charts.names())
def test_titles_and_legends_leave_panels_their_room(name):
    chart = charts.load(name)
    grid = dataclasses.replace(made_up_trends.DEMO, sizes=EIGHT, n_base_steps=10)
    trends, flips = made_up_trends.trends(grid), made_up_trends.flips(grid)
    if chart.of_seeds:
        trends = made_up_trends.with_seeds(trends)
    names = {"memo-trap": LONG, "neqa": "Hindsight Neglect and Some More of It"}
    trends, flips = (
        each[(each["metric"] == "accuracy") & each["task"].isin(names)].replace({"task": names})
        for each in (trends, flips)
    )
    if chart.one_task:
        trends, flips = (each[each["task"] == LONG] for each in (trends, flips))
    made = json.loads(picture(chart.draw(trends, flips).to_dict(), "single").spec)
    panels = made.get("hconcat") or made.get("vconcat") or [made.get("spec", made)]
    across = made.get("columns") or max(len(made.get("hconcat", ())), 1)
    widths = [panel["width"] for panel in panels]
    assert min(widths) > 0.35 * 72 * WIDTHS_INCHES["single"] / across, widths


def test_a_heat_map_on_paper_says_its_metric_and_its_numbers_do_not_collide():
    svg = picture(spec_of("size-step-heatmap"), "single").svg
    assert texts_of(svg).count("accuracy") == 1
    spec = json.loads(picture(spec_of("size-step-heatmap"), "single").spec)
    legends = [
        layer["encoding"]["color"]["legend"]
        for panel in spec["vconcat"]
        for layer in panel["layer"]
        if "color" in layer["encoding"]
    ]
    assert all(legend["labelOverlap"] == "greedy" for legend in legends)
