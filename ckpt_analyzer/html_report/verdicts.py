"""Verdicts and flags in plain words, and as small drawings.

In: the words of ``tables.FLIPS``. Out: what a reader sees and a screen reader says. It does not
know how verdicts are reached.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """A shape of a trend.

    Parameters
    ----------
    key
        The word in the table.
    words, short
        What it does, and its name within a sentence.
    css
        Suffix of its class on the page.
    path
        The glyph, as an SVG path in a box of 20 by 14.
    """

    key: str
    css: str
    words: str
    short: str
    path: str


VERDICTS = {
    verdict.key: verdict
    for verdict in (
        Verdict("U", "u", "falls, then rises (U)", "U", "M2 2 C4 15 16 15 18 2"),
        Verdict(
            "inverted_U",
            "n",
            "rises, then falls (inverted U)",
            "inverted U",
            "M2 12 C4 -1 16 -1 18 12",
        ),
        Verdict("monotone_up", "up", "rises", "rising", "M2 12 L17 3 M11 2.5 L17 3 L15 8.5"),
        Verdict("monotone_down", "down", "falls", "falling", "M2 2 L17 11 M15 5.5 L17 11 L11 11.5"),
        Verdict("flat", "flat", "flat", "flat", "M2 7 L18 7"),
        Verdict(
            "other",
            "other",
            "turns more than once",
            "turning more than once",
            "M1 10 C5 -4 7 -2 10 7 S15 18 19 4",
        ),
        Verdict(
            "inconclusive",
            "none",
            "undecided",
            "undecided",
            "M7 4.5 C7 0.5 13.5 0.5 13.5 4.2 C13.5 6.6 10.2 6.6 10.2 9.3 M10.2 12 L10.2 12.6",
        ),
    )
}
UNKNOWN = Verdict("", "blank", "no verdict", "without verdict", "M9.5 7 L10.5 7")

_FLAG_WORDS = {
    "at-edge": "the interval of the turn reaches the edge of what was observed",
    "early-steps": "it turns in the first billion tokens, where label words move scores",
    "few-checkpoints": "few checkpoints",
    "metrics-disagree": "another metric has no flip here",
    "no-item-error": "errors over items are not known",
    "p-at-floor": "p is as small as the number of draws allows",
    "possible-third-arm": "may turn once more",
    "shock-dominated": "checkpoints vary more than their items explain",
    "single-checkpoint": "rests on a single checkpoint",
    "suspect-in-reach": "a suspect checkpoint lies where it turns",
    "size-twice-left-out": "sizes that several models share were left out",
    "suspect-left-out": "suspect checkpoints were left out",
    "zero-left-out": "the checkpoint before training was left out",
}


def verdict(key: str) -> Verdict:
    """Return the verdict called `key`; a neutral one for a word that the report does not know."""
    return VERDICTS.get(key, UNKNOWN if not key else Verdict(key, "blank", key, key, UNKNOWN.path))


def flag_words(flag: str) -> str:
    """Return a flag in plain language."""
    return _FLAG_WORDS.get(flag, flag.replace("_", " ").replace("-", " "))
