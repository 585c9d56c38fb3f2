"""The latest page of a store that grows: built in the background, one at a time, when it changed.

In: a way to look at the store, and one to build its page. Out: the newest page, and what is at
work. It knows nothing of stores, reports and servers.
"""

from __future__ import annotations

import hashlib
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal

from ckpt_analyzer.errors import UserError


@dataclass(frozen=True)
class Page:
    """A built page; its version is a digest of its content."""

    version: str
    content: bytes


@dataclass(frozen=True)
class State:
    """What the builds have come to.

    Parameters
    ----------
    page
        The last one that could be built; None before the first.
    problem
        Why the last build failed; empty if it did not.
    """

    page: Page | None = None
    doing: Literal["waiting", "building"] = "waiting"
    problem: str = ""


class Builds:
    """The builds of one page. It holds a thread while it runs.

    Parameters
    ----------
    look
        Returns a text that changes with the store; called every `every_seconds`.
    build
        Returns the page, or None if there is nothing to show yet; it may take long, and may fail.
    tell
        Is told of every build: nothing if it was made, else why not.
    """

    def __init__(
        self,
        look: Callable[[], str],
        build: Callable[[], str | None],
        tell: Callable[[Page | None, str], None],
        every_seconds: float = 2.0,
    ) -> None:
        self._look, self._build, self._tell = look, build, tell
        self._every_seconds = every_seconds
        self._state = State()
        self._stop = threading.Event()
        # A daemon: Ctrl-C does not wait for a long build.
        self._thread = threading.Thread(target=self._run, name="builds", daemon=True)

    @property
    def state(self) -> State:
        """What there is at this moment."""
        return self._state

    def start(self) -> None:
        """Begin to look, and to build."""
        self._thread.start()

    def stop(self, patience_seconds: float = 0.5) -> None:
        """Begin no further build, and wait so long for one that is at work."""
        self._stop.set()
        self._thread.join(patience_seconds)

    def _run(self) -> None:
        built_from = None
        while not self._stop.is_set():
            with _Failure(self._failed):
                seen = self._look()
                if seen != built_from:
                    built_from = seen  # what comes during the build is built next
                    self._state = replace(self._state, doing="building")
                    self._made(self._build())
            self._stop.wait(self._every_seconds)

    def _failed(self, error: Exception) -> None:
        problem = str(error) or type(error).__name__
        if problem != self._state.problem:
            # A mistake that the user can mend says what to do; of any other, all is told.
            mistake = isinstance(error, UserError)
            self._tell(None, problem if mistake else "".join(traceback.format_exception(error)))
        self._state = replace(self._state, doing="waiting", problem=problem)

    def _made(self, text: str | None) -> None:
        if text is None:
            self._state = replace(self._state, doing="waiting", problem="")
            return
        content = text.encode()
        page = Page(hashlib.sha256(content).hexdigest()[:16], content)
        self._state = State(page)
        self._tell(page, "")


class _Failure:
    """A step that may fail of anything: the error is told, and the next look goes on."""

    def __init__(self, tell: Callable[[Exception], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._tell(error)
        return True
