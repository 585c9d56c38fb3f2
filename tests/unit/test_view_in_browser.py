"""``ckpt-analyzer view`` as a process, with a real store that grows and a real Chromium."""

from __future__ import annotations

import signal
import subprocess
import threading

import numpy as np
import pytest

from ckpt_analyzer.store.store import open_store
from command_line import command, environment
from store_factory import commit_answers

pytestmark = pytest.mark.browser

TASKS = ("memo-trap", "neqa", "sig-figs", "redefine")


def commit(store, step):
    rng = np.random.default_rng(step)
    for task in TASKS:
        answers = (-rng.gamma(2.0, 2.0, (12, 2))).tolist()
        commit_answers(store, f"m-{task}", step, answers, task=task)


class Viewed:
    """A running ``view`` and what it says."""

    def __init__(self, store):
        arguments = command("view", store.path, "--port", "0", "--every", "0.2")
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        self.url = self.process.stdout.readline().strip()
        self.said = []
        self.reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr))
        self.reader.start()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=30)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store", create=True)


@pytest.fixture
def viewed(store):
    viewed = Viewed(store)
    yield viewed
    viewed.end()


@pytest.fixture
def page(browser, viewed):
    context = browser.new_context(viewport={"width": 1100, "height": 700})
    page = context.new_page()
    page.troubles, page.asked = [], set()
    page.on("console", lambda message: page.troubles.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.asked.add(request.url))
    yield page
    context.close()


def test_a_growing_store_shows_by_itself_and_the_reader_keeps_the_place(store, viewed, page):
    page.goto(viewed.url)
    page.get_by_role("heading", name="The report is being made").wait_for()

    for step in (1, 10, 100, 1000):
        commit(store, step)
    page.locator("body[data-ready]").wait_for(timeout=60_000)
    page.locator("#live").wait_for(state="hidden", timeout=60_000)

    # Commits may be seen one by one: the page that has the last step of all models is the last.
    page.wait_for_function(
        """() => [...document.querySelectorAll("#reproduce td")]
          .filter((cell) => cell.textContent === "1 to 1\u202f000").length === 4""",
        timeout=60_000,
    )
    page.locator("body[data-ready]").wait_for()

    page.locator("[data-axis-button=flops]").click()
    page.locator("#task-sig-figs").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#task-sig-figs').scrollIntoView()")
    page.locator("#task-sig-figs details.data summary").click()
    page.wait_for_timeout(500)
    top = page.evaluate("document.querySelector('#task-sig-figs').getBoundingClientRect().top")
    rows = page.locator("#task-sig-figs details.data tbody tr").count()

    with page.expect_navigation(timeout=60_000):
        commit(store, 10_000)
    page.locator("body[data-ready]").wait_for()
    page.wait_for_timeout(3000)
    assert page.locator("[data-axis-button=flops]").get_attribute("aria-pressed") == "true"
    assert page.locator("#task-sig-figs details.data[open]").count() == 1
    assert page.locator("#task-sig-figs details.data tbody tr").count() > rows
    after = page.evaluate("document.querySelector('#task-sig-figs').getBoundingClientRect().top")
    assert after == pytest.approx(top, abs=30)
    assert page.troubles == []
    asked = {url for url in page.asked if not url.startswith(("data:", "blob:"))}
    assert asked == {viewed.url, f"{viewed.url}state"}


def test_the_page_can_ask_nobody_else(store, viewed, page):
    for step in (1, 10, 100, 1000):
        commit(store, step)
    page.goto(viewed.url)
    page.locator("body[data-ready]").wait_for(timeout=60_000)
    refused = page.evaluate(
        "fetch('http://127.0.0.1:9/').then(() => 'reached', (error) => error.message)"
    )
    assert refused == "Failed to fetch"
    assert any("Content Security Policy" in trouble for trouble in page.troubles)


def test_a_build_that_fails_is_shown_on_the_page_and_the_server_lives(store, viewed, page):
    for step in (1, 10):
        commit(store, step)
    page.goto(viewed.url)
    page.locator("body[data-ready]").wait_for(timeout=60_000)
    for table in (store.path / "units").glob("*.parquet"):
        content = bytearray(table.read_bytes())
        content[len(content) // 3 : len(content) // 2] = bytes(
            len(content) // 2 - len(content) // 3
        )
        content[-4:] = b"XXXX"
        table.write_bytes(content)
    (store.path / "units" / "note.json").write_text("{}")  # something new to look at
    page.get_by_text("The page could not be built").wait_for(timeout=60_000)
    assert page.locator("h1").count() == 1
    assert any("could not be built" in line for line in viewed.said)
    assert viewed.process.poll() is None


def test_ctrl_c_ends_it_with_one_line(store, viewed, page):
    page.goto(viewed.url)
    assert viewed.end() == 130
    assert not any("Traceback" in line for line in viewed.said)
    assert viewed.said[-1].startswith("stopped.")
    page.get_by_text("The server has ended").wait_for(timeout=10_000)
