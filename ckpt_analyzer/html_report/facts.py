"""The head of a page: what was run, and whether it can be trusted, in a few words each.

In: trends and units. Out: short texts under names; the template escapes them. What a reader must
be warned of is told at length by ``prose.warnings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.charts._series import SETTING, axis_tokens, sizes_of
from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.prose import listed, plural
from ckpt_analyzer.html_report.run_rows import days

#: The dtype of imported means whose source names none.
_UNSTATED = "unstated"
#: What stands where there is nothing to doubt.
_SOUND = ("no checkpoint is suspect", "every item scored, no prompt cut")


@dataclass(frozen=True)
class Fact:
    """What is known of one thing; a doubt stands out."""

    name: str
    words: tuple[str, ...]
    is_doubt: bool = False


def facts(trends: pd.DataFrame, runs: pd.DataFrame) -> list[Fact]:
    """Return what was run: models, tasks, how it was scored, and what speaks against it."""
    doubts = _doubts(trends, runs)
    return [
        *(_models(str(name), rows) for name, rows in trends.groupby("suite", sort=False)),
        _asked(trends),
        _scored(trends, runs),
        Fact("Doubts", doubts, is_doubt=True) if doubts else Fact("Doubts", _SOUND),
    ]


def _models(name: str, rows: pd.DataFrame) -> Fact:
    sizes = [str(size) for size in rows.groupby("size")["parameters"].min().sort_values().index]
    counted = plural(len(sizes), "size")
    if (n_curves := len(sizes_of(rows))) > len(sizes):  # seeds, or recipes of data
        counted = f"{n_curves} models of {counted}"
    arms = []
    for arm, mine in rows.groupby("arm", sort=False):
        places = axis_tokens(mine)
        reach = f"{_span([numbers.count(places.min()), numbers.count(places.max())])} tokens"
        arms.append(f"{arm}: {plural(mine['step'].nunique(), 'checkpoint')}, {reach}")
    return Fact(f"Models: {name}", (f"{counted}, {_span(sizes)}", *arms))


def _span(ends: Sequence[str]) -> str:
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def _asked(trends: pd.DataFrame) -> Fact:
    items = trends.groupby("task")["n_items"].max().dropna().sum()
    tasks = plural(trends["task"].nunique(), "task")
    counted = f", {numbers.integer(items)} items" if items else ""
    found = trends[list(SETTING)].drop_duplicates()
    shots = listed([f"{n}" for n in sorted(found["shots"].unique())])
    formats = listed([f"“{name}”" for name in sorted(found["prompt_format"].unique())])
    return Fact("Tasks", (f"{tasks}{counted}", f"{shots}-shot, format {formats}"))


def _scored(trends: pd.DataFrame, runs: pd.DataFrame) -> Fact:
    words = [_weights(trends)]
    if len(runs):
        when = f" {days(runs)}" if days(runs) else ""
        on = ", ".join(sorted(map(str, runs["device"].dropna().unique())))
        versions = ", ".join(sorted(map(str, runs["scorer_version"].dropna().unique())))
        words += [f"scored{when} on {on}", f"scorer version {versions}"]
    else:
        words.append("imported, not scored here")
    return Fact("Scores", tuple(words))


def _weights(trends: pd.DataFrame) -> str:
    stated = sorted(set(trends["dtype"]) - {_UNSTATED})
    if not stated:
        return "dtype not stated by the source"
    words = f"weights in {listed(stated)}"
    return words if _UNSTATED not in set(trends["dtype"]) else f"{words}, or not stated"


def _doubts(trends: pd.DataFrame, runs: pd.DataFrame) -> tuple[str, ...]:
    """Return what speaks against the numbers, counted."""
    found = []
    suspects = trends[trends["suspect"].notna()].drop_duplicates(["suite", "model", "step"])
    if len(suspects):
        found.append(f"{plural(len(suspects), 'suspect checkpoint')}")
    if not trends["has_items"].all():
        found.append("means only, no item scores")
    if len(runs) and (n := int(runs["n_truncated"].sum())):
        found.append(f"{plural(n, 'prompt')} cut")
    if n := unscored(trends):
        found.append(f"{plural(n, 'item')} not scored")
    if n := missing(trends):
        found.append(f"{plural(n, 'score')} missing")
    return tuple(found)


def unscored(trends: pd.DataFrame) -> int:
    """Return how many items were not scored, over all checkpoints and tasks."""
    series = ["suite", "model", "step", "task", *SETTING]
    return int(trends.groupby(series)["n_unscored"].max().sum())


def missing(trends: pd.DataFrame) -> int:
    """Return how many tasks lack a checkpoint that their model has for other tasks."""
    steps = trends.groupby(["suite", "model", *SETTING])["step"].nunique().rename("wanted")
    cells = trends.drop_duplicates(["suite", "model", "step", "task", *SETTING])
    scored = cells.groupby(["suite", "model", "task", *SETTING]).size().rename("scored")
    both = scored.reset_index().merge(steps.reset_index(), on=["suite", "model", *SETTING])
    return int((both["wanted"] - both["scored"]).sum())
