"""When a metadata request is made again, and how long is waited before."""

import email.utils
import random
import time

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from ckpt_analyzer.checkpoints import patience as patience_module
from ckpt_analyzer.checkpoints.patience import (
    MOST_TRIES,
    TRIES_OF_A_STRANGER,
    WINDOW_SECONDS,
    Pace,
    Patience,
)


class Clock:
    """A clock that stands still but for sleeping."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def patience(clock):
    return Patience(Pace(10**6, clock), clock.sleep, random.Random(0))


def refusal(status, headers=None):
    request = httpx2.Request("GET", "http://hub/api")
    response = httpx2.Response(status, headers=headers or {}, request=request)
    return HfHubHTTPError(str(status), response=response)


class Request:
    """Fails with each of `errors` in turn, then answers."""

    def __init__(self, *errors):
        self.errors, self.n_asked = list(errors), 0

    def __call__(self):
        self.n_asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_asked_again_after_a_growing_wait(patience, clock, status):
    assert patience.ask(Request(*[refusal(status)] * 4)) == "answer"
    assert len(clock.slept) == 4
    for tries, waited in enumerate(clock.slept):
        assert 0.25 * 2**tries <= waited <= 0.5 * 2**tries


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
def test_a_refusal_is_final(patience, clock, status):
    request = Request(refusal(status))
    with pytest.raises(HfHubHTTPError):
        patience.ask(request)
    assert (request.n_asked, clock.slept) == (1, [])


@pytest.mark.parametrize(
    "error",
    [httpx2.ReadError("reset"), httpx2.RemoteProtocolError("gone"), httpx2.ReadTimeout("slow")],
)
def test_a_connection_that_breaks_is_made_again(patience, error):
    patience.ask(Request())
    assert patience.ask(Request(*[error] * (MOST_TRIES - 1))) == "answer"


def test_patience_has_an_end(patience, clock):
    request = Request(*[refusal(503)] * 99)
    with pytest.raises(HfHubHTTPError):
        patience.ask(request)
    assert request.n_asked == MOST_TRIES
    assert 60 < sum(clock.slept) < 180


def test_an_endpoint_that_never_answered_is_given_up_soon(patience, clock):
    request = Request(*[httpx2.ConnectError("no network")] * 99)
    with pytest.raises(httpx2.ConnectError):
        patience.ask(request)
    assert request.n_asked == TRIES_OF_A_STRANGER
    assert sum(clock.slept) < 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"RateLimit": '"api";r=0;t=55', "RateLimit-Policy": '"fixed window";"api";q=5;w=3'}, 55),
        ({"Retry-After": "3", "RateLimit": '"api";r=0;t=55'}, 3),
    ],
)  # fmt: skip
def test_the_wait_that_the_hub_asks_for_is_kept(patience, clock, headers, seconds):
    patience.ask(Request(refusal(429, headers)))
    assert clock.slept == [seconds]


def test_a_moment_to_come_back_at_is_kept(patience, clock):
    patience.ask(Request(refusal(503, {"Retry-After": email.utils.formatdate(time.time() + 40)})))
    assert clock.slept[0] == pytest.approx(40, abs=3)


def test_who_is_told_to_come_back_much_later_gives_up(patience, clock):
    with pytest.raises(HfHubHTTPError):
        patience.ask(Request(refusal(429, {"Retry-After": "86400"})))
    assert clock.slept == []


def test_requests_keep_the_pace_of_the_window(clock):
    patience = Patience(Pace(5, clock), clock.sleep)
    made = []
    for _ in range(12):
        patience.ask(Request())
        made.append(clock.now)
    for first, sixth in zip(made, made[5:], strict=False):
        assert sixth - first >= WINDOW_SECONDS
    assert clock.now == 2 * WINDOW_SECONDS  # and no slower than that


def test_every_try_counts_for_the_pace(clock):
    patience = Patience(Pace(3, clock), clock.sleep, random.Random(0))
    patience.ask(Request(refusal(503), refusal(503)))
    patience.ask(Request())
    assert clock.now >= WINDOW_SECONDS


def test_waits_are_told_before_they_begin(patience):
    told = []
    patience.on_wait = told.append
    patience.ask(Request(refusal(429, {"Retry-After": "2"})))
    assert told == [2]


def test_the_limits_are_the_published_ones():
    assert patience_module.ANONYMOUS_REQUESTS == 500
    assert patience_module.SIGNED_IN_REQUESTS == 1000
    assert WINDOW_SECONDS == 300
