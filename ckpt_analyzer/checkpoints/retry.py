"""What to do when reading a file over the network fails: wait how long, and go on how.

In: what went wrong, and how often in a row. Out: a decision. Pure: nothing is sent, and nobody
sleeps. What can pass by itself is tried again; what a user must mend is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Failure(Enum):
    """Kinds of failure; the value says it in a sentence about the file."""

    BROKEN = "the connection broke off"
    STALLED = "no data came for too long"
    EXPIRED = "the signed address expired"
    BUSY = "the server asked to wait"
    SERVER = "the server failed"
    WRONG_RANGE = "the server sent another part than was asked for"
    WRONG_LENGTH = "the server announced another length than the published one"
    WRONG_TAG = "the server announced another content than the published one"
    REFUSED = "the server refused"


#: Failures after which the signed address is not used again.
_NEW_ADDRESS = (Failure.EXPIRED, Failure.WRONG_LENGTH, Failure.WRONG_TAG, Failure.WRONG_RANGE)
_TRANSIENT = frozenset({408, 425, 429})
_EXPIRED = frozenset({400, 401, 403, 404, 410})
_FIRST_SERVER_ERROR = 500


@dataclass(frozen=True)
class RetryPolicy:
    """How long to be patient.

    Parameters
    ----------
    most_failures
        Failures in a row after which reading is given up. Progress starts the count anew.
    progress_bytes
        How much must have come since the last failure to count as progress.
    first_seconds, longest_seconds
        The wait after the first failure in a row, doubled with each, and its bound.
    longest_asked_seconds
        The longest wait that a server is granted; the Hub's windows are of 300 seconds.
    """

    most_failures: int = 8
    progress_bytes: int = 2**20
    first_seconds: float = 0.5
    longest_seconds: float = 60.0
    longest_asked_seconds: float = 900.0


@dataclass(frozen=True)
class Decision:
    """What to do next.

    Parameters
    ----------
    go_on
        False to give up.
    wait_seconds
        Before the next request.
    new_address
        Whether the file's signed address is to be asked for again.
    """

    go_on: bool
    wait_seconds: float = 0.0
    new_address: bool = False


GIVE_UP = Decision(go_on=False)


def kind_of(status: int, *, is_signed_address: bool) -> Failure:
    """Return what an answer with `status`, which is neither data nor a redirect, means.

    Storage behind a signed address refuses when the signature is old; the Hub itself refuses when
    the user may not read.
    """
    if status in _TRANSIENT:
        return Failure.BUSY
    if status >= _FIRST_SERVER_ERROR:
        return Failure.SERVER
    if is_signed_address and status in _EXPIRED:
        return Failure.EXPIRED
    return Failure.REFUSED


def decide(
    failure: Failure,
    n_failures: int,
    policy: RetryPolicy,
    random: np.random.Generator,
    asked: float | None = None,
) -> Decision:
    """Return what to do after `failure`, the `n_failures`-th in a row.

    Parameters
    ----------
    asked
        Seconds that the server asks to wait, if it does.
    """
    if failure is Failure.REFUSED or n_failures >= policy.most_failures:
        return GIVE_UP
    if asked is not None and asked > policy.longest_asked_seconds:
        return GIVE_UP
    doubled = policy.first_seconds * 2.0 ** (n_failures - 1)
    wait = min(policy.longest_seconds, doubled) * random.uniform(0.5, 1.0)
    if failure is Failure.EXPIRED and n_failures == 1:
        wait = 0.0  # nothing is overloaded: the next address works at once
    return Decision(True, max(wait, asked or 0.0), failure in _NEW_ADDRESS)
