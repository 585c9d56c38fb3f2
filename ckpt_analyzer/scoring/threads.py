"""How many threads a model is worth.

Below a few million parameters one thread is as fast as many on a quiet machine, and much faster on
a busy one: the threads wait for each other after every small product (a demo of 63 checkpoints took
24 s alone and 178 s beside three busy processes with two threads, 28 s with one).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

SMALL_PARAMETERS = 5_000_000


@contextmanager
def threads_for(n_parameters: int) -> Iterator[None]:
    """Give torch one thread for a small model, and what it had for a large one."""
    with one_thread() if n_parameters < SMALL_PARAMETERS else nullcontext():
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Give torch one thread: converting weights keeps no second one busy, and that would spin.

    With two, it took 1.4 instead of 0.4 CPU seconds a gigabyte, on the cores that the
    network, the digest and the system's pages need meanwhile.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
