"""The served page: what is built when, who is answered, and what the page may ask."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
import time

import pytest

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.live.builds import Builds, Page, State
from ckpt_analyzer.live.page import live, waiting
from ckpt_analyzer.live.server import PageServer, is_loopback
from ckpt_analyzer.store.glance import glance
from ckpt_analyzer.store.store import open_store
from store_factory import commit_answers

RIGHT = [-1.0, -2.0]
POLICY = (
    b'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    b"script-src &#39;sha256-abc&#39;; style-src 'unsafe-inline'\">"
)
PAGE = b"<html><head>" + POLICY + b"</head><body>hello</body></html>"


def wait_for(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)


class Source:
    """What a store would be: a mark that changes, and a page that may fail."""

    def __init__(self):
        self.mark, self.n_built, self.error, self.told = "a", 0, None, []
        self.gate = threading.Event()
        self.gate.set()

    def build(self):
        self.gate.wait(10)
        self.n_built += 1
        if self.error:
            raise self.error
        return f"page of {self.mark}"

    def builds(self):
        tell = lambda page, problem: self.told.append(problem or page.version)  # noqa: E731
        return Builds(lambda: self.mark, self.build, tell, every_seconds=0.01)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def builds(source):
    builds = source.builds()
    builds.start()
    yield builds
    builds.stop()


def test_a_page_is_built_once_and_again_only_when_the_store_changed(source, builds):
    wait_for(lambda: builds.state.page)
    first = builds.state.page
    time.sleep(0.1)
    assert source.n_built == 1
    source.mark = "b"
    wait_for(lambda: builds.state.page != first)
    assert builds.state.page.content == b"page of b"
    assert source.n_built == 2


def test_a_build_that_fails_is_told_and_the_last_page_stays(source, builds):
    wait_for(lambda: builds.state.page)
    source.error, source.mark = ValueError("no such thing"), "b"
    wait_for(lambda: builds.state.problem)
    assert builds.state.problem == "no such thing"
    assert builds.state.page.content == b"page of a"
    assert "ValueError: no such thing" in source.told[-1]


def test_a_mistake_of_the_user_is_told_without_a_traceback(source, builds):
    source.error, source.mark = UserError("no such metric", hint="choose one"), "b"
    wait_for(lambda: source.told and "no such metric" in source.told[-1])
    assert "Traceback" not in source.told[-1]
    assert "choose one" in builds.state.problem


def test_while_there_is_nothing_to_show_nothing_is_wrong():
    builds = Builds(lambda: "a", lambda: None, lambda page, problem: None, every_seconds=0.01)
    builds.start()
    time.sleep(0.1)
    assert builds.state == State()
    builds.stop()


def test_after_a_failure_the_next_change_is_built(source, builds):
    source.error = ValueError("no such thing")
    source.mark = "b"
    wait_for(lambda: builds.state.problem)
    source.error, source.mark = None, "c"
    wait_for(lambda: builds.state.page and builds.state.page.content == b"page of c")
    assert builds.state.problem == ""


def test_what_comes_during_a_build_is_built_next_and_never_two_at_once(source):
    source.gate.clear()
    builds = source.builds()
    builds.start()
    wait_for(lambda: builds.state.doing == "building")
    source.mark = "b"
    time.sleep(0.05)
    assert source.n_built == 0
    source.gate.set()
    wait_for(lambda: source.n_built == 2)
    builds.stop()


def test_stopping_does_not_wait_for_a_build(source):
    source.gate.clear()
    builds = source.builds()
    builds.start()
    wait_for(lambda: builds.state.doing == "building")
    builds.stop()
    assert builds.state.doing == "building"
    source.gate.set()


def test_the_served_page_may_ask_its_own_server_and_no_one_else():
    served = live(PAGE, "v1").decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', served).group(1)
    assert "default-src 'none'" in policy
    assert "connect-src 'self';" in policy
    assert policy.count("sha256-") == 2
    assert "&#39;sha256-abc&#39;" in policy
    assert 'data-version="v1"' in served
    assert served.endswith("</body></html>")


def test_the_page_that_waits_has_the_same_script():
    assert b'data-version=""' in waiting()
    assert b"connect-src 'self'" in waiting()


@pytest.fixture
def server():
    state = State(Page("v1", PAGE))
    with PageServer("127.0.0.1", 0, lambda: state) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server, path, host=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{server.server_port}"})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_port_0_takes_a_free_one_and_says_which(server):
    assert server.address == f"http://127.0.0.1:{server.server_port}/"


def test_the_page_and_its_state_are_served_and_kept_by_no_cache(server):
    response, body = get(server, "/")
    assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")
    assert b"hello" in body
    _, body = get(server, "/state")
    assert json.loads(body) == {"version": "v1", "doing": "waiting", "problem": ""}


def test_a_reader_who_leaves_in_the_middle_is_nothing_to_talk_of(server, capfd):
    wait_for(lambda: server.state().page is not None)
    for request in (b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_port)) as reader:
            reader.sendall(request)
            time.sleep(0.05)
            # Gone without a farewell: what is read or written on the other side fails.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.2)
    assert capfd.readouterr().err == ""


def test_a_mistake_in_answering_is_told(server, capfd):
    server.state = lambda: 1 / 0
    with socket.create_connection(("127.0.0.1", server.server_port)) as reader:
        reader.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        assert reader.recv(1) == b""
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_no_other_path_is_served(server):
    for path in ("/etc/passwd", "/../store.json", "/units"):
        assert get(server, path)[0].status == 404


def test_a_request_by_a_foreign_name_is_refused(server):
    assert get(server, "/", host="evil.example")[0].status == 421
    assert get(server, "/", host=f"evil.example:{server.server_port}")[0].status == 421
    assert get(server, "/", host=f"localhost:{server.server_port}")[0].status == 200


def test_a_port_in_use_is_a_mistake_with_a_way_out(server):
    class Strict(PageServer):
        allow_reuse_address = False

    with pytest.raises(UserError, match="cannot be served") as error:
        Strict("127.0.0.1", server.server_port, lambda: State())
    assert "--port 0" in error.value.hint


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)],
)
def test_which_addresses_only_this_machine_reaches(host, only_here):
    assert is_loopback(host) is only_here


def test_a_glance_changes_with_a_unit_and_not_with_a_fit(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    commit_answers(store, "m", 1, [RIGHT] * 4)
    before = glance(store.path)
    assert glance(store.path) == before
    store.mark_fitted(store.content_id())
    assert glance(store.path) == before
    commit_answers(store, "m", 2, [RIGHT] * 4)
    assert glance(store.path) != before
