"""What glibc's allocator keeps of the memory that was freed.

In: a moment, or a stretch of a program. Out: nothing. glibc serves requests below a threshold from
its heap, in which freed memory lies in pieces, and lets the threshold grow to 32 MiB with what is
freed: packs, layers and the states between them leave 100 MB in such pieces, which no plan of the
memory foresees. On other systems nothing happens here.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: From here on memory is the system's within ``tight_heap``, and given back when it is freed.
#: Every use of it is a page fault for each 4 KiB: what is made anew all the time should be smaller.
MAPPED_BYTES = 6_500_000

# Names and values of ``malloc.h``; the latter two are what glibc lets its own thresholds grow to.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_GLIBC_MAPPED_BYTES = 32 * 2**20
_GLIBC_KEPT_BYTES = 2 * _GLIBC_MAPPED_BYTES
_KEPT_BYTES = 32 * 2**20


def trim() -> None:
    """Give freed memory back to the system."""
    _call("malloc_trim", 0)


@contextmanager
def tight_heap() -> Iterator[None]:
    """Keep little of what is freed, in all threads, until the exit."""
    _set_bounds(MAPPED_BYTES, _KEPT_BYTES)
    try:
        yield
    finally:
        _set_bounds(_GLIBC_MAPPED_BYTES, _GLIBC_KEPT_BYTES)


def _set_bounds(mapped_bytes: int, kept_bytes: int) -> None:
    _call("mallopt", _M_MMAP_THRESHOLD, mapped_bytes)
    _call("mallopt", _M_TRIM_THRESHOLD, kept_bytes)


def _call(name: str, *arguments: int) -> None:
    if sys.platform.startswith("linux"):
        function = getattr(ctypes.CDLL(None), name, None)  # musl has neither, and keeps little
        if function is not None:
            function(*arguments)
