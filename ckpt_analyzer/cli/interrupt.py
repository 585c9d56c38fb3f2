"""Ctrl-C: one line and exit code 130, wherever in the process it comes.

A KeyboardInterrupt is raised between any two steps of the main thread: in an import, in a library's
lock, in a destructor that cannot pass it on, while the interpreter ends beside a thread. So it is
raised only while a verb is at work that has something to put in order; else the handler ends the
process itself. It knows nothing of verbs, and nothing is imported here that takes time.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
_STDERR = 2


def end_at_once() -> None:
    """From now on, let Ctrl-C end the process; a process that ignores it goes on to do so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def raised() -> Iterator[None]:
    """Raise KeyboardInterrupt inside the block, if Ctrl-C would have ended the process."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def stopped() -> str:
    """Return what is said of a verb that Ctrl-C ended; it begins a line below the terminal's ^C."""
    return f"\nstopped. Do it again with: {typed_again()}"


def typed_again() -> str:
    """Return the command that the user typed, to be pasted into a shell."""
    return shlex.join(["ckpt-analyzer", *sys.argv[1:]])


def _end(_: int, __: FrameType | None) -> None:
    # Below Python's own stderr, whose lock may be held by what was interrupted. What the store is
    # being told is safe: a process may end at any step of it.
    with suppress(OSError):
        os.write(_STDERR, f"{stopped()}\n".encode(errors="replace"))
    os._exit(INTERRUPTED)
