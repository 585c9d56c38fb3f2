"""The texts of all items of a task in few bytes, exactly as they are.

In: texts. Out: streams of bytes and the way back. Items of a task share most of their lines, and
their lines share most of their words: each line is kept once, without its numbers, and the order
of lines is written as how far it departs from the order before. Deflate alone sees 32 KiB back and
needs 1.8 times the space on the 37,524 items of the Inverse Scaling Prize.

The script of the page reads it (``items.js``); ``decoded`` here is its specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

#: Stands for a number in a template; a text that has it keeps its numbers in place.
SLOT = "\ue000"
_LINE = re.compile(r"[^\n]*\n+|[^\n]+\Z")
_NUMBER = re.compile(r"[0-9][0-9.]*")


@dataclass(frozen=True)
class Sequel:
    """A sequence as its distinct members and one code per place.

    The codes: 0, the next member that did not occur before; 1, what followed the last time that
    the member before occurred; 2 + n, the member that occurred n before the newest.
    """

    members: list[str]
    codes: list[int]


@dataclass(frozen=True)
class EncodedTexts:
    """Texts as lines, lines as templates and numbers.

    Parameters
    ----------
    n_lines
        Per text.
    lines
        Codes of the lines of all texts, one text after the other.
    templates, template_codes
        The lines that occur, without their numbers.
    numbers
        The numbers of those lines, in order.
    """

    n_lines: list[int]
    lines: list[int]
    templates: list[str]
    template_codes: list[int]
    numbers: list[str]


def encoded(texts: Sequence[str]) -> EncodedTexts:
    """Return `texts` encoded."""
    split = [_LINE.findall(text) for text in texts]
    lines = sequel(line for of_text in split for line in of_text)
    has_slots = not any(SLOT in line for line in lines.members)
    templates = sequel(_NUMBER.sub(SLOT, line) if has_slots else line for line in lines.members)
    numbers = [n for line in lines.members for n in _NUMBER.findall(line)] if has_slots else []
    return EncodedTexts(
        n_lines=[len(of_text) for of_text in split],
        lines=lines.codes,
        templates=templates.members,
        template_codes=templates.codes,
        numbers=numbers,
    )


def decoded(texts: EncodedTexts) -> list[str]:
    """Return the texts that ``encoded`` took."""
    numbers = iter(texts.numbers)
    templates = [texts.templates[i] for i in members_of(texts.template_codes)]
    filled = [re.sub(SLOT, lambda _: next(numbers), t) if texts.numbers else t for t in templates]
    lines = [filled[i] for i in members_of(texts.lines)]
    return ["".join(lines[a:b]) for a, b in pairwise(accumulate(texts.n_lines, initial=0))]


def encoded_choices(choices: Iterable[Sequence[str]]) -> EncodedTexts:
    """Return lists of choices encoded, each as one line of JSON."""
    return encoded([json.dumps(list(texts), ensure_ascii=False) for texts in choices])


def sequel(sequence: Iterable[str]) -> Sequel:
    """Return `sequence` as its members and codes."""
    place: dict[str, int] = {}
    successor: dict[int, int] = {}
    codes, before = [], -1
    for text in sequence:
        newest = len(place) - 1
        i = place.setdefault(text, len(place))
        codes.append(0 if i > newest else 1 if successor.get(before) == i else 2 + newest - i)
        successor[before] = before = i
    return Sequel(list(place), codes)


def members_of(codes: Iterable[int]) -> list[int]:
    """Return which member stands at each place, of the codes of a ``Sequel``."""
    successor: dict[int, int] = {}
    found: list[int] = []
    newest, before = -1, -1
    for code in codes:
        i = newest + 1 if code == 0 else successor[before] if code == 1 else newest + 2 - code
        newest = max(newest, i)
        successor[before] = before = i
        found.append(i)
    return found
