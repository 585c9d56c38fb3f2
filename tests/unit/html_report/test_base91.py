from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.html_report.base91 import ALPHABET, decoded, encoded


@given(st.binary(max_size=300))
def test_bytes_come_back(content):
    assert decoded(encoded(content)) == content


@pytest.mark.parametrize("n", range(27))
def test_every_length_comes_back(n):
    assert decoded(encoded(b"\xff" * n)) == b"\xff" * n


def test_it_takes_less_than_base64_and_no_letter_that_ends_a_script():
    text = encoded(bytes(range(256)) * 40)
    assert len(text) < 1.24 * 256 * 40
    assert len(ALPHABET) == 91
    assert not set(text) & set('<&" \n')
