"""Freed memory goes back to the system within a tight heap, and stays ready outside of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from ckpt_analyzer.scoring.heap import MAPPED_BYTES, tight_heap, trim
from ckpt_analyzer.scoring.memory_in_use import held_bytes

CPU = torch.device("cpu")
N_PIECES = 24

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the allocator is glibc's"
)


def kept_bytes() -> int:
    """Return what stays of pieces that are freed, but for one that lies behind them."""
    trim()
    before = held_bytes(CPU)
    pieces = [torch.ones(MAPPED_BYTES + 4096, dtype=torch.uint8) for _ in range(N_PIECES)]
    last = pieces.pop()
    pieces.clear()
    kept = held_bytes(CPU) - before - last.nbytes
    del last
    trim()
    return kept


def check_that_freed_memory_is_given_back_within_a_tight_heap_alone():
    with tight_heap():
        assert kept_bytes() < 2 * MAPPED_BYTES
    assert kept_bytes() > (N_PIECES - 4) * MAPPED_BYTES


def check_that_the_bounds_come_back_after_an_error():
    with pytest.raises(RuntimeError, match="broken"), tight_heap():
        raise RuntimeError("broken")
    assert kept_bytes() > (N_PIECES - 4) * MAPPED_BYTES


CHECKS = {
    check.__name__: check
    for check in (
        check_that_freed_memory_is_given_back_within_a_tight_heap_alone,
        check_that_the_bounds_come_back_after_an_error,
    )
}


@pytest.mark.parametrize("name", CHECKS)
def test_in_a_process_of_its_own(name):
    """Holes that other tests have left in the heap would take the pieces, whatever its bounds."""
    done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    CHECKS[sys.argv[1]]()
