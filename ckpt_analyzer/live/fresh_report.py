"""The report that ``run`` writes by itself: after each checkpoint, or at the end.

In: events of a run. Out: the page, or why there is none. A page that takes long to make is made
less often, so that scoring comes first; the last state is always written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.events import Event, Listener, UnitStatus
from ckpt_analyzer.store.place import Place

#: After a page that took t seconds, at least so many t go by until the next one.
_REST = 4.0


@dataclass
class FreshReport:
    """A page that follows its store.

    Parameters
    ----------
    tell
        Is told why the page could not be written.
    """

    store: Place
    page: Path
    tell: Callable[[str], None]
    _is_stale: bool = False
    _next_at: float = 0.0

    def after_units(self, listener: Listener) -> Listener:
        """Return `listener`, with the page written after a unit, if there was time to rest."""

        def listen(event: Event) -> None:
            listener(event)
            if isinstance(event, UnitStatus) and event.state == "done":
                self._is_stale = True
                if time.monotonic() >= self._next_at:
                    self.write()

        return listen

    def note(self) -> None:
        """Take note that the page does not show all of the store."""
        self._is_stale = True

    def write(self) -> None:
        """Write the page if it is stale; what is wrong with it is told, and stops nothing."""
        if not self._is_stale:
            return
        from ckpt_analyzer.reporting.report import report
        from ckpt_analyzer.store.store import open_store

        begin = time.monotonic()
        try:
            report(open_store(self.store), self.page)
        except UserError as error:
            self.tell(str(error))
            return
        finally:
            end = time.monotonic()
            self._next_at = end + _REST * (end - begin)
        self._is_stale = False
