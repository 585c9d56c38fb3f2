"""Bytes come once and in order from a real client, whatever the server does."""

import hashlib

import httpx2
import numpy as np
import pytest
from huggingface_hub.errors import HfHubHTTPError

from ckpt_analyzer.checkpoints import body
from ckpt_analyzer.checkpoints.download import AlteredError, Download, GaveUpError, Line
from ckpt_analyzer.checkpoints.retry import RetryPolicy
from hub_faults import FAULTS
from hub_server import HubServer

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TOKEN = "hf_secretsecret"
#: Faults after which the bytes are the right ones nevertheless.
RECOVERED = sorted(FAULTS.keys() - {"flip", "flip_header", "expired"})


@pytest.fixture(params=["parsed", "from the connection"])
def way(request, monkeypatch):
    """Large bodies are read past the client's parser: here, all that it did not read at once."""
    if request.param == "from the connection":
        monkeypatch.setattr(body, "_MIN_BYTES", 1)


@pytest.fixture(params=[False, True], ids=["direct", "signed"])
def hub(request, way):
    with HubServer(signed=request.param) as server:
        server.commit = server.add("org/m", "main", {"w.bin": CONTENT})
        yield server


class Reading:
    """A download with all that it needs, and the waits that it made."""

    def __init__(self, hub, *script, policy=None, **known):
        self.pauses = []
        hub.faults.scripts[hub.commit] = list(script)
        line = Line(TOKEN, self.pauses.append, policy or RetryPolicy(), stall_seconds=0.3)
        known = {"size_bytes": len(CONTENT), "sha256": SHA256} | known
        self.download = Download(line, f"{hub.endpoint}/org/m/resolve/{hub.commit}/w.bin", **known)

    def bytes(self, first_byte=0):
        return b"".join(self.download.chunks(first_byte))


def test_a_file_takes_one_request_and_is_named_by_the_hub(hub):
    reading = Reading(hub)
    assert reading.bytes() == CONTENT
    assert reading.download.tag == SHA256
    assert len(hub.requests) == 1 + hub.signed
    assert reading.pauses == []


def test_reading_begins_where_it_is_told(hub):
    assert Reading(hub).bytes(1234) == CONTENT[1234:]
    hub.requests.clear()
    assert Reading(hub).bytes(len(CONTENT)) == b""
    assert hub.requests == []


def test_a_large_body_comes_in_large_pieces_and_a_small_one_leaves_its_connection(monkeypatch):
    large = CONTENT * 40
    with HubServer() as server:
        commit = server.add("org/m", "main", {"w.bin": large, "small.bin": CONTENT})
        address = f"{server.endpoint}/org/m/resolve/{commit}"
        chunks = list(Download(Line(TOKEN), f"{address}/w.bin").chunks())
        assert b"".join(chunks) == large
        assert max(map(len, chunks)) > 2**16  # the most that the parser takes
        n_before = server.n_connections
        for _ in range(3):
            assert b"".join(Download(Line(TOKEN), f"{address}/small.bin").chunks()) == CONTENT
        assert server.n_connections - n_before <= 1


@pytest.mark.parametrize("fault", RECOVERED)
def test_reading_goes_on_at_the_exact_byte(hub, fault):
    assert Reading(hub, fault).bytes() == CONTENT


def test_the_token_goes_to_the_hub_and_never_to_the_storage(hub):
    Reading(hub, "end").bytes()
    sent = list(zip(hub.requests, hub.authorizations, strict=True))
    assert sent
    for request, authorization in sent:
        assert (authorization == f"Bearer {TOKEN}") == ("/resolve/" in request)


def test_a_new_signed_address_is_asked_for_only_once_the_old_one_expired():
    with HubServer(signed=True) as hub:
        hub.commit = hub.add("org/m", "main", {"w.bin": CONTENT})
        assert Reading(hub, "end", "reset").bytes() == CONTENT
        assert (hub.count("/resolve/"), hub.count("/storage/")) == (1, 3)
        hub.requests.clear()
        assert Reading(hub, "expired").bytes() == CONTENT
        assert (hub.count("/resolve/"), hub.count("/storage/")) == (2, 3)


def test_a_server_that_asks_to_wait_is_granted_it(hub):
    reading = Reading(hub, "too_many")
    assert reading.bytes() == CONTENT
    assert reading.pauses == [7.0]


def test_patience_ends_and_progress_renews_it(hub):
    few = RetryPolicy(most_failures=3, progress_bytes=2**40)
    with pytest.raises((GaveUpError, httpx2.TransportError)):
        Reading(hub, *["end"] * 9, policy=few).bytes()
    renewed = RetryPolicy(most_failures=3, progress_bytes=1)
    assert Reading(hub, *["end"] * 9, policy=renewed).bytes() == CONTENT


def test_a_failure_that_stays_is_told_without_the_signed_address(hub):
    with pytest.raises((GaveUpError, HfHubHTTPError)) as caught:
        Reading(hub, *["unavailable"] * 9, policy=RetryPolicy(most_failures=3)).bytes()
    assert "signature" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_refusal_is_not_tried_again(hub):
    hub.faults.statuses["/resolve/"] = 403
    reading = Reading(hub)
    with pytest.raises(HfHubHTTPError):
        reading.bytes()
    assert len(hub.requests) == 1


def test_a_content_that_changes_half_way_is_noticed():
    with HubServer() as hub:
        hub.commit = hub.add("org/m", "main", {"w.bin": CONTENT})
        reading = Reading(hub, "end", "wrong_tag", sha256=None)
        with pytest.raises(AlteredError):
            reading.bytes()


def test_a_small_file_of_unknown_size_comes_whole(hub):
    assert Reading(hub, "end", size_bytes=None, sha256=None).bytes() == CONTENT


def test_no_more_than_the_published_length_is_taken(hub):
    few = RetryPolicy(most_failures=2)
    with pytest.raises(GaveUpError, match="another length"):
        Reading(hub, size_bytes=len(CONTENT) - 1, sha256=None, policy=few).bytes()
