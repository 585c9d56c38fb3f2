import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.html_report.item_words import unworded, worded


@given(st.lists(st.text()))
def test_texts_come_back_as_they_were(texts):
    assert unworded(worded(texts)) == texts


def test_the_commonest_word_has_the_least_number_and_0_ends_a_text():
    found = worded(["no no yes", "", " no"])
    assert found.words == [" no", "no", " yes"]
    assert found.codes == [2, 1, 3, 0, 0, 1, 0]


def test_words_in_any_order_take_less_space_than_their_letters():
    rng = np.random.default_rng(0)
    words = ["measure", "round", "metres", "seven", "digits", "answer", "question"]
    texts = [" ".join(rng.choice(words, 20)) for _ in range(500)]
    found = worded(texts)
    as_numbers = len(zlib.compress(bytes(found.codes), 9)) + len("".join(found.words))
    assert as_numbers < 0.8 * len(zlib.compress("\n".join(texts).encode(), 9))
