from __future__ import annotations

import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckpt_analyzer.html_report.item_texts import (
    SLOT,
    decoded,
    encoded,
    encoded_choices,
    members_of,
    sequel,
)

PIECES = st.sampled_from(["a", "12", "3.50", "\n", "\n\n", "\r\n", " ", "é", ".", SLOT, "\0", "٣"])
TEXTS = st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=12)


@given(TEXTS)
@example(["1 a\n2 b", "", "2 b\n1 a", "2 b\n1 a"])
@example([f"{SLOT} 7\n", "8"])
def test_texts_come_back_byte_exact(texts):
    assert decoded(encoded(texts)) == texts


@given(st.lists(st.sampled_from("abcde")))
def test_a_sequence_comes_back(sequence):
    found = sequel(sequence)
    assert [found.members[i] for i in members_of(found.codes)] == sequence


def test_what_follows_as_before_costs_one_and_the_same_code():
    assert sequel("abcabcabc").codes == [0, 0, 0, 4, 1, 1, 1, 1, 1]


def test_choices_come_back_as_json():
    choices = [[" a\nb", ' "c"'], [" a\nb"]]
    import json

    assert [json.loads(text) for text in decoded(encoded_choices(choices))] == choices


def test_shared_lines_are_kept_once():
    preamble = "".join(f"Rule {word}\n" for word in ("one", "two", "three"))
    found = encoded([f"{preamble}Question {i}?" for i in range(50)])
    assert len(found.templates) == 4
    assert len(found.numbers) == 50


@pytest.mark.shared_data
def test_official_texts_take_less_than_deflate_alone(shared_data):
    import gzip
    import json

    path = shared_data / "inverse_scaling" / "resisting-correction_classification.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        texts = [str(json.loads(line)["prompt"]) for line in file]
    found = encoded(texts)
    assert decoded(found) == texts
    parts = ["\1".join(found.templates), "\1".join(found.numbers)]
    codes = b"".join(code.to_bytes(4, "little") for code in found.lines)
    ours = sum(len(zlib.compress(part.encode())) for part in parts) + len(zlib.compress(codes))
    assert ours < 0.6 * len(zlib.compress("\0".join(texts).encode()))
