"""A checkpoint that is read while another is used: bounded, in order, and with its errors."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ckpt_analyzer.checkpoints.ahead import Ahead
from ckpt_analyzer.checkpoints.source import OpenCheckpoint, ResolvedCheckpoint, WeightFile
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Model, Suite
from ckpt_analyzer.weights import FileStarted, FileVerified, TensorSlice

MODEL = Model("toy", "1", "org/toy", 1, None, (1,), 1)
CHECKPOINT = Suite("s", "", (MODEL,), "", "", "", "").checkpoint(MODEL, 1)
FILE = WeightFile("model.safetensors", 1000, "0" * 64)


def piece(k):
    return TensorSlice("x", "U8", (1000,), 100 * k, memoryview(bytearray(100)))


class Source:
    """Ten pieces of 100 bytes; counts how many were asked for."""

    def __init__(self, *, fails_at=None, file=FILE, on_disk=False):
        self.fails_at, self.file, self.on_disk = fails_at, file, on_disk
        self.n_read, self.is_open = 0, False

    def resolve(self, checkpoint):
        if self.fails_at == "resolve":
            raise CheckpointError("no such revision")
        return ResolvedCheckpoint(checkpoint, "c" * 40, (self.file,))

    @contextmanager
    def fetch(self, resolved):
        self.is_open = True
        yield OpenCheckpoint(Path(), self.on_disk, self._pieces)
        self.is_open = False

    def _pieces(self):
        yield FileStarted(self.file.name)
        for k in range(10):
            if self.fails_at == k:
                raise CheckpointError("broke off")
            self.n_read += 1
            yield piece(k)
        yield FileVerified(self.file.name)


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "ahead"]


@contextmanager
def used(ahead):
    ahead.resolved()
    with ahead.opened() as opened:
        yield opened


def firsts(pieces):
    return [each.first_element for each in pieces if isinstance(each, TensorSlice)]


def test_pieces_come_in_order_and_what_was_taken_is_freed():
    source = Source()
    ahead = Ahead(source, CHECKPOINT, 10_000)
    assert ahead.resolved().commit == "c" * 40
    with ahead.opened() as opened:
        assert firsts(opened.slices()) == list(range(0, 1000, 100))
        assert source.is_open
    assert not source.is_open
    assert not threads()


def test_reading_goes_on_while_nobody_asks_up_to_its_bound():
    source = Source()
    ahead = Ahead(source, CHECKPOINT, 350)
    # One more piece is read than there is room for: it waits in the thread.
    assert wait_until(lambda: source.n_read == 4)
    time.sleep(0.05)
    assert source.n_read == 4
    with used(ahead) as opened:
        assert len(firsts(opened.slices())) == 10


def test_without_room_one_piece_is_read_ahead():
    source = Source()
    ahead = Ahead(source, CHECKPOINT, 0)
    assert wait_until(lambda: source.n_read == 2)
    time.sleep(0.05)
    assert source.n_read == 2
    ahead.close()


@pytest.mark.parametrize("place", ["resolve", 0, 5])
def test_an_error_is_raised_where_the_checkpoint_is_used(place):
    ahead = Ahead(Source(fails_at=place), CHECKPOINT, 10_000)
    with pytest.raises(CheckpointError), used(ahead) as opened:
        firsts(opened.slices())
    assert not threads()


def test_small_files_are_there_for_whoever_opens_weights_that_broke_off():
    source = Source(fails_at=3)
    ahead = Ahead(source, CHECKPOINT, 10_000)
    assert ahead._is_read.wait(5)
    with used(ahead) as opened:
        assert source.is_open
        with pytest.raises(CheckpointError, match="broke off"):
            list(opened.slices())
        assert source.is_open
    assert wait_until(lambda: not source.is_open)


def test_what_nobody_wants_ends_and_is_freed():
    source = Source()
    ahead = Ahead(source, CHECKPOINT, 0)
    assert wait_until(lambda: source.is_open)
    ahead.close()
    assert not threads()


def test_a_failing_user_frees_the_checkpoint():
    source = Source()
    with pytest.raises(ZeroDivisionError), used(Ahead(source, CHECKPOINT, 0)):
        raise ZeroDivisionError
    assert not threads()


def test_a_pickled_file_that_does_not_fit_waits_until_it_is_wanted():
    source = Source(file=WeightFile("pytorch_model.bin", 1000, "0" * 64))
    ahead = Ahead(source, CHECKPOINT, 999)
    assert wait_until(lambda: source.is_open)
    time.sleep(0.05)
    assert source.n_read == 0
    with used(ahead) as opened:
        assert len(firsts(opened.slices())) == 10


def test_what_lies_on_disk_is_opened_ahead_and_not_read():
    source = Source(on_disk=True)
    ahead = Ahead(source, CHECKPOINT, 10_000)
    assert wait_until(lambda: source.is_open)
    time.sleep(0.05)
    assert source.n_read == 0
    with used(ahead) as opened:
        assert len(firsts(opened.slices())) == 10


def test_what_is_likely_not_wanted_is_opened_once_it_is():
    source = Source()
    ahead = Ahead(source, CHECKPOINT, 10_000, may_wait=lambda resolved: True)
    assert ahead.resolved().commit == "c" * 40
    time.sleep(0.05)
    assert not source.is_open
    with ahead.opened() as opened:
        assert len(firsts(opened.slices())) == 10
    unwanted = Source()
    ahead = Ahead(unwanted, CHECKPOINT, 10_000, may_wait=lambda resolved: True)
    ahead.resolved()
    ahead.close()
    assert not threads()
    assert unwanted.n_read == 0


def test_the_next_checkpoint_is_opened_once_the_link_is_free():
    first, second = Source(), Source()
    present = Ahead(first, CHECKPOINT, 300)  # three pieces fit: the rest is not read yet
    following = Ahead(second, CHECKPOINT, 10**6, after=present)
    assert wait_until(lambda: first.n_read >= 3)
    assert not wait_until(lambda: second.is_open, seconds=0.3)
    with used(present) as opened:
        assert firsts(opened.slices()) == [100 * k for k in range(10)]
        assert wait_until(lambda: second.n_read == 10)
    following.close()


def test_who_waits_for_the_link_is_freed_by_closing_either():
    present = Ahead(Source(), CHECKPOINT, 300)
    following = Ahead(Source(), CHECKPOINT, 300, after=present)
    following.close()
    present.close()
    assert wait_until(lambda: not threads())
