from __future__ import annotations

import pytest

import made_up_trends
from ckpt_analyzer import charts
from ckpt_analyzer.errors import UserError

TRENDS, FLIPS = made_up_trends.trends(), made_up_trends.flips()


def _rows_for(chart):
    trends = TRENDS[TRENDS["metric"] == "accuracy"]
    flips = FLIPS[FLIPS["metric"] == "accuracy"]
    if chart.of_seeds:
        trends = made_up_trends.with_seeds(trends)
    if chart.one_task:
        return trends[trends["task"] == "memo-trap"], flips[flips["task"] == "memo-trap"]
    return trends, flips


@pytest.fixture(params=charts.names())
def chart(request):
    return charts.load(request.param)


def test_the_record_is_named_like_its_file(chart, request):
    assert chart.name == request.node.callspec.params["chart"]
    assert chart.title
    assert chart.description


def test_it_draws_a_valid_chart_with_its_data(chart):
    spec = chart.draw(*_rows_for(chart)).to_dict()
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert sum(len(rows) for rows in spec["datasets"].values()) > 0


def test_it_compiles_to_a_picture(chart):
    import vl_convert

    svg = vl_convert.vegalite_to_svg(chart.draw(*_rows_for(chart)).to_dict(), vl_version="6.1")
    assert svg.startswith("<svg")


def test_it_takes_the_house_colours(chart):
    assert chart.draw(*_rows_for(chart)).to_dict()["config"]["font"].startswith("system-ui")


def test_it_leaves_its_tables_as_they_were(chart):
    trends, flips = _rows_for(chart)
    before = trends.copy(), flips.copy()
    chart.draw(trends, flips)
    assert trends.equals(before[0])
    assert flips.equals(before[1])


def test_it_refuses_two_metrics_and_says_which(chart):
    with pytest.raises(UserError, match="classification_loss"):
        chart.draw(TRENDS[TRENDS["task"] == "neqa"], FLIPS)


def test_it_refuses_an_empty_table(chart):
    with pytest.raises(UserError, match="no trends"):
        chart.draw(TRENDS.iloc[:0], FLIPS)
