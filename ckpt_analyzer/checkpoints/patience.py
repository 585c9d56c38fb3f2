"""Ask the Hub again where a metadata request failed for a passing reason, at the Hub's own pace.

In: a request to be made. Out: its answer, or the last error. Waits are those that the Hub asks for
(``Retry-After``, ``RateLimit``), else they double, with jitter, up to a limit. Knows nothing of
what is asked for.

References
----------
https://huggingface.co/docs/hub/rate-limits: windows of 5 minutes; 500 API requests in one for who
is not signed in, 1,000 with a free account; file resolvers have a larger allowance of their own.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import httpx2
from huggingface_hub.errors import HfHubHTTPError

from ckpt_analyzer.checkpoints.asked_wait import asked_wait_seconds

WINDOW_SECONDS = 300.0
#: API requests per window, see References.
ANONYMOUS_REQUESTS, SIGNED_IN_REQUESTS = 500, 1000
#: Tries of one request. Doubling from half a second, they span about two minutes.
MOST_TRIES = 9
#: Tries of an endpoint that never answered: there may be no network, which the user wants to know.
TRIES_OF_A_STRANGER = 3
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 60.0
#: Who is told to come back later than this gives up.
LONGEST_ASKED_WAIT_SECONDS = 2 * WINDOW_SECONDS

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_UNSTEADY = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)

Answer = TypeVar("Answer")


class Pace:
    """At most so many requests in any window, counted by ourselves.

    Parameters
    ----------
    requests
        Allowed in each window of `WINDOW_SECONDS`.
    """

    def __init__(self, requests: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: deque[float] = deque(maxlen=requests)

    def wait_seconds(self) -> float:
        """Return how long the next request has to wait; 0 if it need not."""
        if len(self._made) < (self._made.maxlen or 0):
            return 0.0
        return max(0.0, self._made[0] + WINDOW_SECONDS - self._clock())

    def count(self) -> None:
        """Take note of a request that is made now."""
        self._made.append(self._clock())


@dataclass
class Patience:
    """Makes requests one by one, again where that may help.

    Parameters
    ----------
    on_wait
        Is told how many seconds are waited before it begins.
    """

    pace: Pace
    sleep: Callable[[float], None] = time.sleep
    jitter: random.Random = field(default_factory=random.Random)
    on_wait: Callable[[float], None] = lambda _seconds: None
    _has_answered: bool = False

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """Return what `request` returns; it is called again after a failure that may pass.

        Raises
        ------
        Exception
            Whatever `request` raised last.
        """
        for tries in range(1, MOST_TRIES + 1):
            self._wait(self.pace.wait_seconds())
            self.pace.count()
            try:
                answer = request()
            except (HfHubHTTPError, *_UNSTEADY) as error:
                self._has_answered |= isinstance(error, HfHubHTTPError)
                wait_seconds = self._until_next(error, tries)
                if wait_seconds is None:
                    raise
                self._wait(wait_seconds)
            else:
                self._has_answered = True
                return answer
        raise AssertionError("the last try returns or raises")

    def _until_next(self, error: Exception, tries: int) -> float | None:
        """Return the seconds to wait before the next try; None to give up."""
        most = MOST_TRIES if self._has_answered else TRIES_OF_A_STRANGER
        if tries >= most:
            return None
        if isinstance(error, HfHubHTTPError):
            if error.response.status_code not in _PASSING:
                return None
            asked = asked_wait_seconds(error.response.headers)
            if asked is not None:
                return asked if asked <= LONGEST_ASKED_WAIT_SECONDS else None
        doubled: float = min(FIRST_WAIT_SECONDS * 2.0 ** (tries - 1), LONGEST_WAIT_SECONDS)
        return doubled * self.jitter.uniform(0.5, 1.0)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.on_wait(seconds)
            self.sleep(seconds)
