"""Some hundred damaged inputs per reader; thousands are run by hand, see each file."""

from __future__ import annotations

import pytest
import results
import task_files

import mutation
import sweeps
from mutation import Target, fuzz, inputs

TARGETS = [sweeps.TARGET, task_files.TARGET, results.TARGET]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_damaged_input_is_accepted_or_refused_with_a_clear_error(target):
    counts = fuzz(target, 300, seed=0)
    assert set(counts) == {"accepted", "clear error"}, counts
    assert sum(counts.values()) == 300 + len(target.known)


def test_a_reader_that_breaks_hangs_or_is_slow_is_caught(capsys, monkeypatch):
    monkeypatch.setattr(mutation, "LIMIT_SECONDS", 0.05)

    def read(content):
        if content == b"break":
            raise KeyError("x")
        while content == b"hang":
            pass

    target = Target("broken", (b"break", b"hang", b"fine"), (), read)
    counts = fuzz(target, 0, seed=0)
    assert counts == {"KeyError: \"'x'\"": 1, "a hang": 1, "accepted": 1}
    assert "b'break'" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_inputs():
    assert [*inputs(sweeps.TARGET, 50, 7)] == [*inputs(sweeps.TARGET, 50, 7)]
    assert [*inputs(sweeps.TARGET, 50, 7)] != [*inputs(sweeps.TARGET, 50, 8)]
