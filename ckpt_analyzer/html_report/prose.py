"""The sentences of a page, written from what was done: findings, warnings, methods.

In: tables and choices. Out: plain text; the template escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.verdicts import verdict
from ckpt_analyzer.html_report.views import MetricChoice, SettingChoice

#: The method of a verdict, as a sentence after "Verdicts over tokens".
_METHODS = {
    "block contrasts, intersection-union; profile likelihood of a unimodal fit": (
        "compare the means of blocks of neighbouring checkpoints (block contrasts). A flip must "
        "pass on both sides of its turn (an intersection-union test), so its p is the larger of "
        "the two; where it turns, and the interval of that place, is read off the profile "
        "likelihood of a fit that turns once"
    ),
    "block contrasts, intersection-union, joined with shapes of two arms averaged": (
        "compare the means of blocks of neighbouring checkpoints (block contrasts): a flip must "
        "pass on both sides of its turn (an intersection-union test), so the p of its arms is the "
        "larger of the two. The shape of the whole curve joins them: thousands of curves of two "
        "arms, weighted by how well they fit, say how likely a turn is at all, where it lies and "
        "in which interval. The p of a flip is small only where arms and shape both speak for it"
    ),
}


def findings(tallies: Mapping[str, Mapping[str, int]], metric: MetricChoice) -> list[str]:
    """Return how the trends of one view came out, a sentence per arm."""
    sentences = []
    for title, counts in tallies.items():
        total = sum(counts.values())
        if not total:
            continue
        ordered = sorted(counts.items(), key=lambda pair: -pair[1])
        parts = [f"{n} {verdict(key).short}" for key, n in ordered]
        sentences.append(
            f"{title}: {plural(total, 'trend')} in {metric.title.lower()} over training, "
            f"of these {listed(parts)}."
        )
    return sentences


def warnings(trends: pd.DataFrame, runs: pd.DataFrame, given: Sequence[str]) -> list[str]:
    """Return what a reader must not overlook."""
    found = suspect_warnings(trends, "drawn hollow and left out of every fit")
    if not trends["has_items"].all():
        imported = sorted(map(str, trends.loc[~trends["has_items"], "suite"].unique()))
        found.append(
            f"Imported means ({', '.join(imported)}): no item scores are behind these numbers, so "
            "they can be neither recomputed nor paired."
        )
    if len(runs) and (n := int(runs["n_truncated"].sum())):
        found.append(f"{numbers.integer(n)} prompts were longer than the context and lost text.")
    series = ["suite", "model", "step", "task", "shots", "prompt_format", "dtype"]
    if n := int(trends.groupby(series)["n_unscored"].max().sum()):
        found.append(f"{numbers.integer(n)} items were not scored and are left out of the means.")
    return [*found, *given]


def suspect_warnings(trends: pd.DataFrame, treatment: str) -> list[str]:
    """Return which checkpoints are suspect, how they are treated and why: one per reason."""
    bad = trends[trends["suspect"].notna()].drop_duplicates(["suite", "model", "step"])
    return [
        f"Suspect checkpoints, {treatment}: {'; '.join(_places(rows))}. Reason: {why}."
        for why, rows in bad.groupby("suspect")
    ]


def _places(rows: pd.DataFrame) -> list[str]:
    return [
        f"{model} step {', '.join(numbers.integer(step) for step in sorted(steps))}"
        for model, steps in rows.groupby("model")["step"]
    ]


def methods(
    trends: pd.DataFrame,
    flips: pd.DataFrame,
    metrics: Sequence[MetricChoice],
    settings: Sequence[SettingChoice],
) -> list[str]:
    """Return how the numbers came about, in paragraphs."""
    shots = listed([f"{n}" for n in sorted({s.shots for s in settings})])
    formats = listed([f"“{f}”" for f in sorted({s.prompt_format for s in settings})])
    described = [f"{m.title}: {m.description}" for m in metrics if m.description]
    named = listed([m.title.lower() for m in metrics])
    paragraphs = [
        f"Every checkpoint read the same prompts ({shots} shots, format {formats}). The log "
        "likelihood of each given choice was kept per item, and the metrics here are means over "
        f"items: {named}. Bands are 1.96 standard errors over items; they do not hold the noise "
        "that all items of a checkpoint share. Chance is what a uniform guess over the choices "
        "gets; the constant-label line is what answering the commonest label throughout gets.",
        *described,
        "Training FLOPs are 6 × parameters × tokens, in a tuned arm those of the tuning alone. Over"
        " parameters a curve is one checkpoint: at most 8 that the sizes share, even in the "
        "logarithm of training, the last one in bold with its band. Suspect ones are left out.",
    ]
    if len(flips):
        paragraphs += _flip_methods(flips)
    if (trends["arm"] != "base").any():
        paragraphs.append(
            "Tuned arms are drawn over the tokens of their own tuning. The table of base against "
            "tuned takes the last trusted checkpoint of each. Where item scores are known, both "
            "answered the same items and the difference is paired by item: its standard error is "
            "that of the differences, p is from McNemar’s exact test where every score is 0 or 1 "
            "and from a paired t test otherwise, adjusted by Benjamini and Hochberg over the tasks "
            "and sizes of an arm. Of imported means the two errors are added as if items were not "
            "shared, which is conservative."
        )
    return paragraphs


def _flip_methods(flips: pd.DataFrame) -> list[str]:
    return [
        *(_method(str(method), rows) for method, rows in flips.groupby("method")),
        "A flip is called only where a turning point lies "
        "inside the observed range and the metric changes significantly, in opposite directions, "
        "on both sides of it, against the noise between checkpoints and not only the binomial "
        "error of the items. P values are adjusted by the procedure of Benjamini and Hochberg over "
        "the tasks and models that share a metric, arm and setting. A significant quadratic term "
        "by itself is never taken for a flip, nor is the test of slopes at the ends of a fitted "
        "parabola (Lind & Mehlum 2010): curves that merely saturate pass both. Checkpoints under "
        "suspicion carry no flip.",
        "“Flat” is a finding, not the lack of one: every change between quarters of the series is "
        "within ±0.05, in units of the metric, by two one-sided tests at level α (0.05 unless the "
        "fit was given another). “Undecided” means that the data do not tell the shapes apart: "
        "neither a change nor its absence is certain. With few checkpoints, as in most tuned arms, "
        "it is the verdict to expect.",
    ]


def _method(method: str, flips: pd.DataFrame) -> str:
    axes = listed(sorted(str(axis) for axis in flips["axis"].unique()))
    words = _METHODS.get(method, f"come from the method “{method}”")
    return f"Verdicts over {axes} {words}."


def plural(n: int, noun: str) -> str:
    """Return a count with its noun: 1 size, 3 sizes."""
    return f"{numbers.integer(n)} {noun}" + ("" if n == 1 else "s")


def listed(parts: Sequence[str]) -> str:
    """Return `parts` as a phrase: a, b and c."""
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
