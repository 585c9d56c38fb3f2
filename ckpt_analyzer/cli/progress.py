"""The events of a run, shown: a live display on a terminal, JSON lines elsewhere.

In: events. Out: text on stderr (display) or stdout (JSON lines, one event each).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ckpt_analyzer.cli.output import readable_bytes, talk
from ckpt_analyzer.events import (
    CheckpointFetched,
    Event,
    ItemsScored,
    Listener,
    ModelAudited,
    RunStarted,
    UnitStarted,
    UnitStatus,
)


@contextmanager
def progress(*, as_json: bool, piped: Listener | None = None) -> Iterator[Listener]:
    """Yield a listener that shows events until the block ends.

    A live display on a terminal; `piped`, by default JSON lines, where stderr is none.
    """
    if as_json or not sys.stderr.isatty():
        yield write_json_line if as_json or piped is None else piped
        return
    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with display:
        yield _Display(display).show


def write_json_line(event: Event) -> None:
    """Write `event` to stdout as one line of JSON with its name; scored items are left out."""
    if isinstance(event, ItemsScored):
        return
    line = {"event": type(event).__name__, **asdict(event)}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def model_names() -> Listener:
    """Return a listener that says on stderr which model is being scored, each once."""
    said: set[str] = set()

    def say(event: Event) -> None:
        if isinstance(event, UnitStarted):
            model = event.unit.partition("@")[0]
            if model not in said:
                said.add(model)
                talk(f"scoring {model}")
        elif isinstance(event, UnitStatus) and event.state == "failed":
            talk(f"{event.unit}: {event.problem}", mark="failed:", style="red")

    return say


@dataclass
class _Display:
    bars: Progress
    _units: TaskID | None = None
    _items: TaskID | None = None
    _begun: float = field(default_factory=time.perf_counter)
    _scored: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _download: str = ""

    def show(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._begin(event)
            case ModelAudited():
                self._tell_audit(event)
            case UnitStarted():
                self._describe(self._units, f"units  [bold]{escape(event.unit)}[/]")
            case CheckpointFetched():
                rate = event.n_bytes / max(event.seconds, 1e-9)
                self._download = f"read {readable_bytes(rate)}/s"
            case ItemsScored():
                self._advance(event)
            case UnitStatus():
                self._finish(event)

    def _begin(self, event: RunStarted) -> None:
        for bar in (self._units, self._items):  # of an earlier round
            if bar is not None:
                self.bars.remove_task(bar)
        total = event.n_units + event.n_done_before
        self._units = self.bars.add_task(
            "units", total=total, completed=event.n_done_before, rate=""
        )
        self._items = self.bars.add_task("items", total=event.n_items, rate="")
        self._begun = time.perf_counter()

    def _tell_audit(self, event: ModelAudited) -> None:
        if event.problem:
            text = escape(f"{event.model}: {event.problem}")
            self.bars.console.print(f"[yellow]not audited:[/] {text}")
        elif event.n_suspect:
            n_suspect = f"{event.n_suspect} of {event.n_checkpoints}"
            self.bars.console.print(f"[yellow]{escape(event.model)}:[/] {n_suspect} suspect")

    def _describe(self, bar: TaskID | None, text: str) -> None:
        if bar is not None:
            self.bars.update(bar, description=text)

    def _advance(self, event: ItemsScored) -> None:
        n_items = event.n_items - self._counts.get(event.unit, 0)
        self._counts[event.unit] = event.n_items
        self._scored += n_items
        rate = self._scored / max(time.perf_counter() - self._begun, 1e-9)
        if self._items is not None:
            text = f"{rate:,.0f} items/s, {self._download}"
            self.bars.update(self._items, advance=n_items, rate=text)

    def _finish(self, status: UnitStatus) -> None:
        if status.n_items > self._counts.get(status.unit, 0):  # scored where nobody tells of items
            self._advance(ItemsScored(status.unit, status.n_items))
        self._counts.pop(status.unit, None)
        if self._units is not None:
            self.bars.update(self._units, advance=1)
        if status.state == "failed":
            self.bars.console.print(f"[red]failed:[/] {escape(f'{status.unit}: {status.problem}')}")
        for warning in status.warnings:
            self.bars.console.print(f"[yellow]{escape(status.unit)}:[/] {escape(warning)}")
