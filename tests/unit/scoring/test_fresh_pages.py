"""Memory that is made ready before it is written, and keeps what is written meanwhile."""

import sys
import threading
import time

import pytest
import torch

from ckpt_analyzer.scoring.fresh_pages import made_ready
from ckpt_analyzer.scoring.memory_in_use import held_bytes

CPU = torch.device("cpu")
SIZE_BYTES = 64 * 2**20
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux does it")


def threads():
    return [each for each in threading.enumerate() if each.name == "fresh-pages"]


def wait_for_the_thread():
    end = time.monotonic() + 20
    while threads() and time.monotonic() < end:
        time.sleep(0.005)


@linux
def test_fresh_memory_becomes_resident_before_anything_is_written():
    tensor = torch.empty(SIZE_BYTES, dtype=torch.uint8)
    before = held_bytes(CPU)
    with made_ready([tensor]):
        wait_for_the_thread()
        assert held_bytes(CPU) - before > 0.9 * SIZE_BYTES


def test_what_is_written_meanwhile_stays():
    tensors = [torch.empty(SIZE_BYTES // 4) for _ in range(3)]
    with made_ready(tensors):
        for value, tensor in enumerate(tensors):
            tensor.fill_(value)
    assert threads() == []
    assert all(bool((tensor == value).all()) for value, tensor in enumerate(tensors))


def test_small_tensors_need_no_thread():
    with made_ready([torch.empty(1000), torch.empty(SIZE_BYTES, device="meta")]):
        assert threads() == []


@linux
def test_the_thread_ends_with_its_use_even_if_that_fails():
    with pytest.raises(KeyError), made_ready([torch.empty(SIZE_BYTES)]):
        raise KeyError
    assert threads() == []
