"""Fresh memory is made ready by a thread of its own, while weights are on their way to it.

In: tensors whose memory was never written. Out: nothing; their content stays as it is. The first
write to each 4 KiB of fresh memory is a page fault: for a model of 4 GB a million of them, which
take longer than converting the weights. The system does it at half of that in one call
(``MADV_POPULATE_WRITE``, Linux 5.14), beside whoever fills the tensors. Elsewhere nothing happens.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

_POPULATE_WRITE = 23
#: Made ready at a time; the thread can be ended in between.
_STRIDE_BYTES = 32 * 2**20
#: Smaller tensors may share their pages with others, and are not worth a call.
_MIN_BYTES = 2**20


@contextmanager
def made_ready(tensors: Iterable[torch.Tensor]) -> Iterator[None]:
    """Make the memory of `tensors` ready in the background, in their order, until the exit.

    Peak memory: none beyond the tensors.
    """
    fresh = [each for each in tensors if each.device.type == "cpu" and each.nbytes >= _MIN_BYTES]
    if not fresh or not sys.platform.startswith("linux"):
        yield
        return
    is_over = threading.Event()
    thread = threading.Thread(target=_populate, args=(fresh, is_over), name="fresh-pages")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _populate(tensors: list[torch.Tensor], is_over: threading.Event) -> None:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for tensor in tensors:
        page = mmap.PAGESIZE
        begin = -(-tensor.data_ptr() // page) * page
        end = (tensor.data_ptr() + tensor.nbytes) // page * page
        for at in range(begin, end, _STRIDE_BYTES):
            if is_over.is_set():
                return
            if madvise(at, min(_STRIDE_BYTES, end - at), _POPULATE_WRITE):
                return  # an older system: the pages come when they are written
