"""A chart for paper: at the width of a column, as SVG, PDF and PNG, the same bytes every time.

In: a chart's specification. Out: pictures. Text stays text in the SVG and its fonts lie inside the
PDF. What print looks like is set in ``_style``.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import vl_convert

from ckpt_analyzer.charts import _style

Spec: TypeAlias = dict[str, Any]
Column = Literal["single", "double"]

#: The one that draws, and that a specification names; altair 6.3 names 6.4.1, see html_report.
VEGA_LITE_VERSION = "6.1"
#: Widths of a column and of two, in inches.
WIDTHS_INCHES: dict[Column, float] = {"single": 3.3, "double": 6.8}
#: One unit of a drawing is one point, so that font sizes are those of the page.
POINTS_PER_INCH = 72
_PNG_PIXELS_PER_INCH = 300
_TRIALS = 6
#: How much smaller marks and lines are than on a screen, and the greatest height of a panel.
_MARKS = {"size": 0.45, "strokeWidth": 0.65, "dx": 0.7}
_LABEL_POINTS = 7
#: The mean width of a letter, of its height; and what axes and gaps take beside each panel.
_LETTER_EMS = 0.53
_BESIDE_POINTS = 35
#: What stands beside a name in a legend.
_KEY_POINTS = 28
#: Of the width of a figure, what the names on its vertical axis may take.
_AXIS_SHARE = 0.46
_GRADIENT_POINTS = 120
_MOST_HEIGHT_POINTS = 130
_TALL = 200
#: Facets that wrap stand so many in a row.
_FACETS: dict[Column, int] = {"single": 2, "double": 4}
_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)" viewBox="0 0 [\d.]+ [\d.]+"')
_IDS = re.compile(r"\b(clip|gradient_|gradient|filter_)(\d+)\b")
#: What XML 1.0 (section 2.2) has no place for: of one in a text the drawing library makes an SVG
#: that it cannot read, and ends the process.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RESOURCES = re.compile(rb"/(?:XObject|ExtGState|Font|Shading|Pattern) <<\n((?: +/\w+ \d+ 0 R\n)+)")


@dataclass(frozen=True)
class Picture:
    """A chart as files hold it.

    Parameters
    ----------
    spec
        The specification that it was drawn from, at this width.
    """

    spec: str
    svg: str
    pdf: bytes
    png: bytes


def picture(spec: Spec, column: Column) -> Picture:
    """Return `spec` drawn at the width of `column`."""
    drawn = _fitted(_for_print(spec, column), WIDTHS_INCHES[column] * POINTS_PER_INCH)
    # As pixels for the PDF, whose point they become; in inches for everything else.
    in_points = _sized(drawn.svg, drawn.scale, "")
    return Picture(
        spec=json.dumps(drawn.spec, indent=1, ensure_ascii=False, sort_keys=True) + "\n",
        svg=_sized(drawn.svg, drawn.scale / POINTS_PER_INCH, "in") + "\n",
        pdf=_ordered(vl_convert.svg_to_pdf(in_points)),
        png=vl_convert.svg_to_png(in_points, ppi=_PNG_PIXELS_PER_INCH),
    )


@dataclass(frozen=True)
class _Drawn:
    spec: Spec
    svg: str
    scale: float


def _for_print(spec: Spec, column: Column) -> Spec:
    """Return `spec` in the style of print; panels stand one above the other in a single column."""
    spec = _printable(spec)
    target = WIDTHS_INCHES[column] * POINTS_PER_INCH
    spec["$schema"] = f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE_VERSION}.0.json"
    spec["config"] = _merged(spec.get("config", {}), _style.print_config())
    if column == "single" and len(spec.get("hconcat", ())) > 1:
        spec["vconcat"] = spec.pop("hconcat")
    if "columns" in spec:
        spec["columns"] = min(_FACETS[column], _n_facets(spec))
    for param in spec.get("params", ()):
        param.pop("bind", None)  # a menu cannot be printed
    panels = spec.get("hconcat") or spec.get("vconcat") or [spec.get("spec", spec)]
    for panel in panels:
        _shrink(panel)
        _show_sizes(panel, target)
        _widen_gradient(panel)
    _break_titles(spec, target)
    _lighten(spec)
    return spec


def _printable(part: Any) -> Any:  # noqa: ANN401 (any part of a specification)
    """Return a copy of `part` with a replacement character for what no SVG can hold."""
    if isinstance(part, dict):
        return {name: _printable(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_printable(value) for value in part]
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", part) if isinstance(part, str) else part


def _n_facets(spec: Spec) -> int:
    return max(len(_facets(spec)), 1)


def _facets(spec: Spec) -> list[str]:
    """Return the titles of the facets of `spec`, in the order of its rows."""
    name = spec["facet"]["field"]
    rows = [row for rows in spec["datasets"].values() for row in rows]
    return list(dict.fromkeys(str(row[name]) for row in rows if name in row))


def _break_titles(spec: Spec, target: float) -> None:
    """Break titles into lines: a wide one would leave its panels no room in a figure of `target`.

    Names on an axis are cut off instead.
    """
    axis, title = (spec["config"].setdefault(name, {}) for name in ("axis", "title"))
    axis["labelLimit"] = round(_AXIS_SHARE * target)
    size = title.get("fontSize", 11)
    if isinstance(spec.get("title"), str):
        spec["title"] = _lines(spec["title"], target, size)
    panels = spec.get("hconcat", ())
    for panel in [*panels, *spec.get("vconcat", ())]:
        if isinstance(panel.get("title"), str):
            panel["title"] = _lines(
                panel["title"], target / max(len(panels), 1) - _BESIDE_POINTS, size
            )
    if "facet" in spec:
        room = target / spec["columns"] - _BESIDE_POINTS
        lines = {
            name: _lines(name, room, spec["config"]["header"]["labelFontSize"])
            for name in _facets(spec)
        }
        header = {"labelExpr": f"{json.dumps(lines)}[datum.label]", "labelLimit": round(room)}
        spec["facet"]["header"] = spec["facet"].get("header", {}) | header


def _lines(title: str, room: float, size: float) -> str | list[str]:
    lines = textwrap.wrap(title, max(int(room / (_LETTER_EMS * size)), 1))
    return lines if len(lines) > 1 else title


def _widen_gradient(panel: Spec) -> None:
    """Give a scale of colours the room that its numbers need under a panel."""
    for layer in panel.get("layer", []):
        legend = (layer.get("encoding", {}).get("color") or {}).get("legend")
        if legend and "gradientLength" in legend:
            legend |= {"gradientLength": _GRADIENT_POINTS, "labelOverlap": "greedy"}


def _shrink(panel: Spec) -> None:
    """Make marks, lines and labels of `panel` fit a column."""
    if isinstance(panel.get("height"), int | float) and panel["height"] > _TALL:
        panel["height"] = _MOST_HEIGHT_POINTS
    for layer in panel.get("layer", [panel]):
        axis = layer.get("encoding", {}).get("y", {}).get("axis") or {}
        axis.pop("labelLimit", None)  # print has its own, see _break_titles
        mark = layer.get("mark")
        if not isinstance(mark, dict):
            continue
        for name, factor in _MARKS.items():
            if name in mark:
                mark[name] = round(mark[name] * factor, 2)
        if "fontSize" in mark:
            mark["fontSize"] = _LABEL_POINTS


def _show_sizes(panel: Spec, target: float) -> None:
    """Give `panel` the legend of sizes that a page has above its charts, unless an axis has them.

    It has as many columns as a figure of the width `target` has room for. Vega-Lite draws a legend
    only if all layers and panels that share it want it.
    """
    encodings = [layer.get("encoding", {}) for layer in panel.get("layer", [])]
    if any(encoding.get("x", {}).get("field") == "parameters" for encoding in encodings):
        return
    legend = {"title": "model size", "symbolType": "stroke", "symbolOpacity": 1}
    has_names = any(encoding.get("y", {}).get("type") == "nominal" for encoding in encodings)
    room = target * (1 - _AXIS_SHARE if has_names else 1) - _BESIDE_POINTS
    for encoding in encodings:
        for channel in ("color", "stroke", "fill"):
            if encoding.get(channel, {}).get("field") == "size":
                names = encoding[channel].get("scale", {}).get("domain") or [""]
                entry = _LETTER_EMS * _LABEL_POINTS * max(map(len, map(str, names))) + _KEY_POINTS
                n_columns = max(int(room / entry), 1)
                encoding[channel]["legend"] = legend | {"columns": min(n_columns, len(names))}


def _lighten(part: Any) -> None:  # noqa: ANN401 (any part of a specification)
    """Take out bold type: with one font in a PDF, its bytes do not depend on the order of fonts."""
    if isinstance(part, dict):
        for name in [name for name in part if name.lower().endswith("fontweight")]:
            part[name] = "normal"
        for value in part.values():
            _lighten(value)
    elif isinstance(part, list):
        for value in part:
            _lighten(value)


def _fitted(spec: Spec, target: float) -> _Drawn:
    """Return `spec` with panels of such a width that all of it has the width `target`."""
    across = spec.get("columns") or max(len(spec.get("hconcat", ())), 1)
    width = target / across - 60
    for _ in range(_TRIALS):
        trial = _with_width(spec, width)
        svg = _numbered(vl_convert.vegalite_to_svg(trial, vl_version=VEGA_LITE_VERSION))
        found = float(_SIZE.search(svg).group(1))  # type: ignore[union-attr]
        if abs(found - target) <= 1:
            break
        width = max(width + (target - found) / across, 30)
    return _Drawn(trial, svg, target / found)


def _with_width(spec: Spec, width: float) -> Spec:
    spec = dict(spec)
    for several in ("hconcat", "vconcat"):
        if several in spec:
            return {**spec, several: [_with_width(panel, width) for panel in spec[several]]}
    if "spec" in spec:
        return {**spec, "spec": _with_width(spec["spec"], width)}
    return {**spec, "width": round(width, 1)}


def _sized(svg: str, scale: float, unit: str) -> str:
    """Return `svg` with its outer size times `scale`; what it shows stays as it is."""

    def size(match: re.Match[str]) -> str:
        width, height = float(match.group(1)), float(match.group(2))
        outer = f'width="{width * scale:.6g}{unit}" height="{height * scale:.6g}{unit}"'
        return f'{outer} viewBox="0 0 {width:g} {height:g}"'

    return _SIZE.sub(size, svg, count=1)


def _numbered(svg: str) -> str:
    """Return `svg` with its ids counted from 0: Vega counts them over the life of a process."""
    known: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return known.setdefault(match.group(0), f"{match.group(1)}{len(known)}")

    return _IDS.sub(name, svg)


def _ordered(pdf: bytes) -> bytes:
    """Return `pdf` with its resources in order: the writer lists them in that of a hash."""

    def in_order(match: re.Match[bytes]) -> bytes:
        lines = match.group(1).splitlines(keepends=True)
        return match.group(0).replace(match.group(1), b"".join(sorted(lines)))

    return _RESOURCES.sub(in_order, pdf)


def _merged(config: Spec, over: Spec) -> Spec:
    merged = dict(config)
    for name, value in over.items():
        inner = merged.get(name)
        both = isinstance(value, dict) and isinstance(inner, dict)
        merged[name] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged
