"""Times that order what is written to a store, whatever the clock of the machine does.

In: the newest time that a store holds. Out: a later one. What was written last counts where two
units answer the same question, so a clock that is set back must not put new results behind old
ones.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable


def now_utc() -> str:
    """Return the time as ISO 8601 in UTC, to the microsecond."""
    return _text(datetime.datetime.now(datetime.UTC))


def not_before(newest: str) -> str:
    """Return the time, or the microsecond after `newest` if that is later; empty for none."""
    return max(now_utc(), _just_after(newest)) if newest else now_utc()


class Clock:
    """The times of one process that writes to a store: each is later than all that it knows of."""

    def __init__(self) -> None:
        self._last: str | None = None

    def after(self, newest: Callable[[], str]) -> str:
        """Return a time after those given before; the first is after ``newest()``, too."""
        self._last = not_before(newest() if self._last is None else self._last)
        return self._last


def _just_after(time: str) -> str:
    return _text(datetime.datetime.fromisoformat(time) + datetime.timedelta(microseconds=1))


def _text(time: datetime.datetime) -> str:
    return time.isoformat(timespec="microseconds")
