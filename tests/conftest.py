"""What all tests share: the published data sets, and a Hub client that touches nothing of yours."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# An example takes long where the machine is busy, and that is no failure.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

# The client reads these when it is imported, so they are set before any test module is.
_HUB_HOME = tempfile.TemporaryDirectory(prefix="ckpt-analyzer-tests-")
os.environ.update(
    HF_HOME=_HUB_HOME.name,
    HF_HUB_CACHE=f"{_HUB_HOME.name}/hub",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
)
for _name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
    os.environ.pop(_name, None)

# A shell lets what it starts in the background ignore Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_CHROMIUM_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--no-first-run",
]  # fmt: skip
_REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published data sets: $CKPT_ANALYZER_SHARED/data, else ../shared/data.

    Its absence skips a test, and fails it where CKPT_ANALYZER_REQUIRE_SHARED=1 (as in CI).
    """
    shared = Path(os.environ.get("CKPT_ANALYZER_SHARED", _REPOSITORY.parent / "shared"))
    if (shared / "data").is_dir():
        return shared / "data"
    reason = f"the published data sets are not in {shared / 'data'}; set CKPT_ANALYZER_SHARED"
    if os.environ.get("CKPT_ANALYZER_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    """A running Chromium.

    Its absence skips a test, and fails it where CKPT_ANALYZER_REQUIRE_BROWSER=1 (as in CI).
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "there is no chromium on this machine"
        if os.environ.get("CKPT_ANALYZER_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
