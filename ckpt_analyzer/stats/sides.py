"""Which scores are paired: base with tuned, one stage with the next, raw with chat.

In: the long item table of a store (``task``, ``model``, ``base_model``, ``arm``, ``step``,
``item``, ``part``, ``score`` and the setting). Out: the same rows with a ``side`` and the names of
their pair, for ``compare.compare_sides``. What comes out of a pair is not decided here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pandas as pd

#: The columns that name one comparison.
PAIR = (
    "suite", "base", "tuned", "base_model", "model", "size", "parameters", "task", "shots",
    "prompt_format", "dtype", "metric", "base_step", "tuned_step", "tuned_tokens",
)  # fmt: skip
#: The columns that one family of tests shares: its rows are the tasks, models and steps of a pair
#: of arms.
FAMILY = ("suite", "base", "tuned", "shots", "prompt_format", "dtype", "metric")
#: What both sides of a pair share.
_SHARED = ("task", "shots", "prompt_format", "dtype", "metric")


def tuning_sides(
    items: pd.DataFrame, stages: Sequence[str], *, every_step: bool = False
) -> pd.DataFrame:
    """Return the items of each tuned model beside those of the model that it is compared with.

    Of three stages or more, each is compared with the one before, and the last with the first. A
    tuned model is paired with its base model; two tuned models where they share it.

    Parameters
    ----------
    items
        Rows of checkpoints that are trusted; the last of each model stands for it.
    stages
        Arms in order, two or more.
    every_step
        Whether every checkpoint of the second arm is compared, not the last alone.

    Returns
    -------
    pandas.DataFrame
        Columns ``PAIR``, ``side``, ``item``, ``score``; `base` and `tuned` are arms, ``size`` is
        that of the tuned model, ``tuned_tokens`` counts those of its own tuning.
    """
    return _joined(
        _paired(first, second)
        for base, tuned in stage_pairs(stages)
        for first, second in _models(items, base, tuned, every_step=every_step)
    )


def stage_pairs(stages: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of arms to compare: neighbours, and the ends where there is one between."""
    neighbours = list(itertools.pairwise(stages))
    return neighbours if len(stages) < 3 else [*neighbours, (stages[0], stages[-1])]


def format_sides(items: pd.DataFrame, formats: Sequence[str]) -> pd.DataFrame:
    """Return the items of each model in the second of two prompt formats beside those in the first.

    Returns
    -------
    pandas.DataFrame
        As ``tuning_sides``, with the formats in `base` and `tuned`, and ``prompt_format`` naming
        both.
    """
    first, second = formats
    both = f"{first} → {second}"
    models = items[items["prompt_format"].isin(formats)].groupby(["suite", "model", "arm"])
    pairs = []
    for _, rows in models:
        of = {
            name: _last(rows[rows["prompt_format"] == name]).assign(
                prompt_format=both, arm=name, base_model=rows["model"].iloc[0]
            )
            for name in formats
        }
        if len(of[first]) and len(of[second]):
            pairs.append(_paired(of[first], of[second]))
    return _joined(iter(pairs))


def _models(
    items: pd.DataFrame, base: str, tuned: str, *, every_step: bool
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    of_base, of_tuned = items[items["arm"] == base], items[items["arm"] == tuned]
    for (suite, _), second in of_tuned.groupby(["suite", "model"], sort=False):
        origin, size = second["base_model"].iloc[0], second["size"].iloc[0]
        candidates = of_base[of_base["suite"] == suite]
        if pd.isna(origin):
            candidates = candidates[candidates["size"] == size]
        else:
            name = "model" if base == "base" else "base_model"
            candidates = candidates[candidates[name] == origin]
        for _, first in candidates.groupby("model", sort=False):
            yield _last(first), second if every_step else _last(second)


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the last checkpoint of every task and setting."""
    if rows.empty:
        return rows
    return rows[rows["step"] == rows.groupby(list(_SHARED))["step"].transform("max")]


def _paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both sides once per checkpoint of the second, with the pair's names."""
    names = second[["suite", *_SHARED, "model", "size", "parameters", "arm", "step", "arm_tokens"]]
    names = names.drop_duplicates().rename(
        columns={"arm": "tuned", "step": "tuned_step", "arm_tokens": "tuned_tokens"}
    )
    ends = first[[*_SHARED, "arm", "step", "model"]].drop_duplicates()
    ends = ends.rename(columns={"arm": "base", "step": "base_step", "model": "base_model"})
    names = names.merge(ends, on=list(_SHARED))
    scores = {
        "base": _scores(first)[[*_SHARED, "item", "score"]],
        "tuned": _scores(second).rename(columns={"step": "tuned_step"})[
            [*_SHARED, "tuned_step", "item", "score"]
        ],
    }
    return pd.concat(rows.merge(names).assign(side=side) for side, rows in scores.items())


def _scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with ids that are unique within a task: its parts count their rows anew."""
    return rows.assign(item=rows["part"].astype(str) + ":" + rows["item"].astype(str))


def _joined(pairs: Iterator[pd.DataFrame]) -> pd.DataFrame:
    columns = [*PAIR, "side", "item", "score"]
    found = list(pairs)
    if not found:
        return pd.DataFrame(columns=columns)
    joined = pd.concat(found, ignore_index=True)[columns]
    return joined.sort_values(["parameters", "task", "model"], kind="stable", ignore_index=True)
