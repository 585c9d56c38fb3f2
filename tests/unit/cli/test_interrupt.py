"""Ctrl-C at any moment of a process: one line, exit code 130 and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ckpt_analyzer.cli import interrupt
from ckpt_analyzer.store.store import open_store
from command_line import environment
from store_factory import commit_answers

#: From the first moment that is not the interpreter's own: main() does nothing before this. A shell
#: may have started the tests in the background, where Ctrl-C is ignored.
FROM_THE_BEGINNING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from ckpt_analyzer.cli import interrupt, main; interrupt.end_at_once(); "
    "print('up', flush=True); main()"
)
SAID = "stopped. Do it again with: ckpt-analyzer view "


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = open_store(tmp_path_factory.mktemp("view") / "store", create=True)
    rng = np.random.default_rng(0)
    for step in (1, 10, 100, 1000):
        commit_answers(store, "m", step, (-rng.gamma(2.0, 2.0, (12, 2))).tolist(), task="neqa")
    return store


class Viewing:
    """A process of ``view`` that is up to the line `until` of its stdout."""

    def __init__(self, store, until):
        arguments = ["view", str(store.path), "--port", "0", "--every", "0.2"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", FROM_THE_BEGINNING, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        while not self.process.stdout.readline().startswith(until):
            assert self.process.poll() is None

    def ended_by(self, n_signals):
        for _ in range(n_signals):
            self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said


@pytest.mark.parametrize(
    ("until", "delay_seconds", "n_signals"),
    [
        *[("up", delay_seconds, 1) for delay_seconds in (0.0, 0.01, 0.1, 0.3)],
        *[("http", delay_seconds, 1) for delay_seconds in (0.0, 0.03, 0.1, 0.3, 0.9)],
        ("http", 0.2, 2),
    ],
)
def test_view_ends_with_one_line_whenever_ctrl_c_comes(store, until, delay_seconds, n_signals):
    viewing = Viewing(store, until)
    time.sleep(delay_seconds)
    code, said = viewing.ended_by(n_signals)
    assert code == 130
    lines = [line for line in said.splitlines() if line]
    assert lines.pop().startswith(SAID)
    # What else may stand there was said before: how to open the page, and that it was built.
    assert [line for line in lines if not line.startswith(("open the address", "built "))] == []


@pytest.fixture
def handler_as_before():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_process_that_ignores_ctrl_c_goes_on_to_do_so(handler_as_before):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt.end_at_once()
    with interrupt.raised():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_verb_with_something_to_put_in_order_hears_of_ctrl_c(handler_as_before):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt.end_at_once()
    ends = signal.getsignal(signal.SIGINT)
    assert ends is not signal.default_int_handler
    with pytest.raises(KeyboardInterrupt), interrupt.raised():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is ends


def test_without_a_command_line_nothing_is_taken_over():
    before = signal.getsignal(signal.SIGINT)
    with interrupt.raised():
        assert signal.getsignal(signal.SIGINT) is before
