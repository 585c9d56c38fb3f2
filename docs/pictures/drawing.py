"""Small plots as SVG text, the same bytes everywhere.

In: numbers of a plot's own range. Out: SVG. Pure Python: no font is measured, nothing depends on
the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

INK, SOFT, GRID, BLUE, RED, GOLD = (
    "#1d2430", "#5b6675", "#e6e9ee", "#2a788e", "#b3261e", "#b7791f",
)  # fmt: skip
_MARGIN_LEFT, _MARGIN_TOP, _MARGIN_BOTTOM, _GAP = 34, 24, 26, 26


@dataclass
class Plot:
    """One small plot; x and y are given in its own ranges."""

    title: str
    x_title: str = ""
    y_range: tuple[float, float] = (0.0, 1.0)
    x_range: tuple[float, float] = (0.0, 1.0)
    y_ticks: Sequence[tuple[float, str]] = ()
    width: int = 200
    height: int = 120
    parts: list[str] = field(default_factory=list)

    def x(self, at: float) -> float:
        """Return the place of `at` from the left edge of the plot."""
        low, high = self.x_range
        return round((at - low) / (high - low) * self.width, 1)

    def y(self, at: float) -> float:
        """Return the place of `at` from the top edge of the plot."""
        low, high = self.y_range
        return round((high - at) / (high - low) * self.height, 1)

    def curve(
        self, xs: Sequence[float], ys: Sequence[float], ink: str = BLUE, dash: str = ""
    ) -> None:
        """Draw a line through points."""
        points = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in zip(xs, ys, strict=True))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="1.8"{dashed}/>'
        )

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> None:
        """Fill between two lines."""
        there = [f"{self.x(x)},{self.y(y)}" for x, y in zip(xs, highs, strict=True)]
        back = [f"{self.x(x)},{self.y(y)}" for x, y in zip(xs, lows, strict=True)]
        points = " ".join([*there, *reversed(back)])
        self.parts.append(f'<polygon points="{points}" fill="{BLUE}" fill-opacity="0.16"/>')

    def dots(self, xs: Sequence[float], ys: Sequence[float], ink: str = BLUE) -> None:
        """Draw a dot at each point."""
        self.parts += [
            f'<circle cx="{self.x(x)}" cy="{self.y(y)}" r="2.6" fill="{ink}"/>'
            for x, y in zip(xs, ys, strict=True)
        ]

    def line(
        self, x: Sequence[float], y: Sequence[float], ink: str = SOFT, wide: float = 1
    ) -> None:
        """Draw a straight line from (x[0], y[0]) to (x[1], y[1])."""
        ends = f'x1="{self.x(x[0])}" y1="{self.y(y[0])}" x2="{self.x(x[1])}" y2="{self.y(y[1])}"'
        self.parts.append(f'<line {ends} stroke="{ink}" stroke-width="{wide}"/>')

    def level(self, y: float, text: str = "") -> None:
        """Draw a dashed level across the plot."""
        at = self.y(y)
        self.parts.append(
            f'<line x1="0" y1="{at}" x2="{self.width}" y2="{at}" stroke="{SOFT}" '
            f'stroke-dasharray="3 3"/>'
        )
        if text:
            self.parts.append(_text(self.width - 2, at - 3, text, SOFT, "end"))

    def label(self, x: float, y: float, text: str, ink: str = INK, anchor: str = "start") -> None:
        """Write `text` at a point."""
        self.parts.append(_text(self.x(x), self.y(y), text, ink, anchor))

    def svg(self) -> str:
        """Return the plot, its upper left corner at the origin."""
        frame = f'<path d="M0 0V{self.height}H{self.width}" fill="none" stroke="{GRID}"/>'
        ticks = [_text(-4, self.y(at) + 3, text, SOFT, "end") for at, text in self.y_ticks]
        head = f'<text x="0" y="-8" font-weight="600" fill="{INK}">{escape(self.title)}</text>'
        foot = _text(self.width, self.height + 15, self.x_title, SOFT, "end")
        return "".join([frame, head, *ticks, *self.parts, foot])


def picture(plots: Sequence[Plot], spoken: str) -> str:
    """Return `plots` side by side as one SVG; `spoken` says what they show."""
    width = sum(plot.width + _GAP + _MARGIN_LEFT for plot in plots)
    height = max(plot.height for plot in plots) + _MARGIN_TOP + _MARGIN_BOTTOM
    groups, left = [], _MARGIN_LEFT
    for plot in plots:
        groups.append(f'<g transform="translate({left} {_MARGIN_TOP})">{plot.svg()}</g>')
        left += plot.width + _GAP + _MARGIN_LEFT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="system-ui, sans-serif" font-size="10">'
        f"<title>{escape(spoken)}</title>"
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        + "\n".join(["", *groups, "</svg>\n"])
    )


def _text(x: float, y: float, text: str, ink: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{ink}" text-anchor="{anchor}">{escape(text)}</text>'
