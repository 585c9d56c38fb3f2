"""What is done after which failure, without a network and without waiting."""

import numpy as np
import pytest

from ckpt_analyzer.checkpoints.retry import (
    Failure,
    RetryPolicy,
    decide,
    kind_of,
)

POLICY = RetryPolicy(most_failures=8, first_seconds=0.5, longest_seconds=60)


def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("status", "signed", "kind"),
    [
        (408, False, Failure.BUSY), (429, True, Failure.BUSY), (425, False, Failure.BUSY),
        (500, False, Failure.SERVER), (503, True, Failure.SERVER), (599, True, Failure.SERVER),
        (403, True, Failure.EXPIRED), (401, True, Failure.EXPIRED), (404, True, Failure.EXPIRED),
        (403, False, Failure.REFUSED), (401, False, Failure.REFUSED), (404, False, Failure.REFUSED),
        (451, True, Failure.REFUSED),
    ],
)  # fmt: skip
def test_a_status_means_another_thing_from_the_storage_than_from_the_hub(status, signed, kind):
    assert kind_of(status, is_signed_address=signed) is kind


def test_waits_double_up_to_a_bound_with_jitter():
    waits = [decide(Failure.BROKEN, n, POLICY, random()).wait_seconds for n in range(1, 8)]
    for n, wait in enumerate(waits):
        whole = min(60.0, 0.5 * 2**n)
        assert whole / 2 <= wait <= whole
    other = np.random.default_rng(1)
    assert decide(Failure.BROKEN, 3, POLICY, other).wait_seconds != waits[2]


def test_reading_is_given_up_after_so_many_failures_in_a_row():
    assert decide(Failure.STALLED, 7, POLICY, random()).go_on
    assert not decide(Failure.STALLED, 8, POLICY, random()).go_on


def test_a_refusal_is_final():
    assert not decide(Failure.REFUSED, 1, POLICY, random()).go_on


def test_a_server_is_granted_what_it_asks_for_within_a_limit():
    assert decide(Failure.BUSY, 1, POLICY, random(), asked=300.0).wait_seconds == 300.0
    assert decide(Failure.BUSY, 7, POLICY, random(), asked=1.0).wait_seconds > 1.0
    assert not decide(Failure.BUSY, 1, POLICY, random(), asked=3600.0).go_on


def test_an_expired_address_is_asked_for_again_at_once():
    first = decide(Failure.EXPIRED, 1, POLICY, random())
    assert (first.new_address, first.wait_seconds) == (True, 0.0)
    assert decide(Failure.EXPIRED, 2, POLICY, random()).wait_seconds > 0
    assert not decide(Failure.BROKEN, 1, POLICY, random()).new_address
