"""Libraries that a test needs: absent, they skip it, and fail it where CI requires them."""

import importlib
import os

import pytest


def required(name):
    """The library called `name`.

    Its absence skips a test, and fails it where CKPT_ANALYZER_REQUIRE_LIBRARIES=1 (as in CI).
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
    reason = f"{name} is not installed"
    if os.environ.get("CKPT_ANALYZER_REQUIRE_LIBRARIES") == "1":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)
