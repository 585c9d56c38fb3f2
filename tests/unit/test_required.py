"""What CI requires fails where it is absent, and skips elsewhere."""

import json

import pytest

from required import required


def test_a_library_that_is_there_is_returned():
    assert required("json") is json


@pytest.mark.parametrize(("value", "outcome"), [("1", "Failed"), ("0", "Skipped"), ("", "Skipped")])
def test_an_absent_library_skips_unless_ci_requires_it(monkeypatch, value, outcome):
    monkeypatch.setenv("CKPT_ANALYZER_REQUIRE_LIBRARIES", value)
    with pytest.raises(BaseException, match="no_such_library is not installed") as ended:
        required("no_such_library")
    assert type(ended.value).__name__ == outcome
