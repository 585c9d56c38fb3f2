"""How verbs speak: data to stdout, as a table or as JSON; talk to stderr.

In: records or a table. The module knows nothing of what they mean.
"""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ckpt_analyzer.store.place import Place

Row = Mapping[Any, Any]

#: The option that every verb with data has.
Json = Annotated[bool, typer.Option("--json", help="Print the data as JSON on stdout.")]


def talk(message: str, *, mark: str = "", style: str = "yellow") -> None:
    """Say something to the user, on stderr, as it is; `mark` stands before it in colour."""
    text = Text.assemble((f"{mark} ", style) if mark else "", message)
    Console(stderr=True, highlight=False, soft_wrap=True).print(text)


def quoted(path: Place) -> str:
    """Return `path` as one word of a shell."""
    return shlex.quote(str(path))


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Show on a terminal that something takes its time; say nothing elsewhere."""
    with Console(stderr=True).status(doing):
        yield


def show(rows: Sequence[Row], *, as_json: bool, title: str = "") -> None:
    """Print rows to stdout as a table, or as a JSON array."""
    if as_json:
        show_json(list(rows))
        return
    if not rows:
        talk("(nothing to show)")
        return
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int | float) else "left")
    for row in rows:
        table.add_row(*(Text(readable(value)) for value in row.values()))
    _stdout().print(table)


def show_json(data: Any) -> None:  # noqa: ANN401
    """Print `data` to stdout as one JSON document; NaN becomes null."""
    json.dump(_without_nan(data), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


def readable(value: Any) -> str:  # noqa: ANN401
    """Return a value as people read it: four significant digits, no NaN, no brackets."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(readable, value))
    return str(value)


def counted(n: int, noun: str) -> str:
    """Return a count with its noun: 1 unit, 1,200 units."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def readable_bytes(n_bytes: float) -> str:
    """Return ``1.5 GB`` for 1 500 000 000."""
    return _scaled(n_bytes, ("B", "kB", "MB", "GB", "TB", "PB"))


def readable_count(count: float) -> str:
    """Return ``2.1 B`` for 2 097 152 000; ``e`` notation above 10^15."""
    if count >= 1e15:
        return f"{count:.2g}"
    return _scaled(count, ("", "k", "M", "B", "T")).strip()


def _scaled(value: float, units: Sequence[str]) -> str:
    power = min(int(math.log10(value) / 3), len(units) - 1) if value >= 1 else 0
    scaled = value / 1000**power
    text = f"{scaled:.0f}" if power == 0 or scaled >= 100 else f"{scaled:.1f}"
    return f"{text} {units[power]}"


def _stdout() -> Console:
    # A table that is piped is not folded at 80 columns.
    width = None if sys.stdout.isatty() else 200
    return Console(highlight=False, width=width)


def _without_nan(data: Any) -> Any:  # noqa: ANN401
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    if hasattr(data, "tolist"):
        return _without_nan(data.tolist())
    return data
