"""Several stores set side by side: the own run against Pythia, two data recipes, seeds.

In: stores; the first is the reference. Out: differences of values at matched checkpoints, verdicts
side by side. This is the module that joins several stores and the statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ckpt_analyzer.analysis.fitting import fit_if_needed
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.matching import SERIES_PAIR, Match, match_points, match_series
from ckpt_analyzer.stats.paired import adjusted, paired_difference
from ckpt_analyzer.stats.shape_changes import COMPARED, compare_shapes
from ckpt_analyzer.store.store import Store

_MEASURED = (
    "n_items", "base_value", "tuned_value", "difference", "ci_lo", "ci_hi", "n_broken", "n_mended",
    "p",
)  # fmt: skip


@dataclass(frozen=True)
class Matching:
    """What to compare of several stores.

    Parameters
    ----------
    tolerance
        By which share the tokens of two matched checkpoints may differ.
    every_step
        Whether every matched checkpoint is compared, not the last alone.
    """

    metric: str = "accuracy"
    tolerance: float = 0.05
    every_step: bool = False
    alpha: float = 0.05


@dataclass(frozen=True)
class SideBySide:
    """What the other stores differ in from the first.

    Parameters
    ----------
    labels
        The names of the stores, the reference first.
    points
        One row per matched series and checkpoint: ``matching.COLUMNS``, the paired measures where
        both sides have the same items (`is_paired`), ``p_adjusted``, ``reference`` and ``store``.
        ``_base`` columns are those of the reference.
    shapes
        Verdicts over training of matched series, ``shape_changes.COMPARED``.
    notes
        What a reader must know: data that differ, dtypes that differ.
    """

    labels: tuple[str, ...]
    points: pd.DataFrame
    shapes: pd.DataFrame
    notes: tuple[str, ...]


def labels_of(stores: Sequence[Store]) -> tuple[str, ...]:
    """Return a name for each store: its folder's, with as many parents as tell them apart."""
    paths = [store.path for store in stores]
    for depth in range(1, max(len(path.parts) for path in paths)):
        labels = [str(Path(*path.parts[-depth:])) for path in paths]
        if len(set(labels)) == len(labels):
            return tuple(labels)
    raise UserError(
        "a store is given twice", where=", ".join(map(str, paths)), hint="give each store once"
    )


def compare_stores(stores: Sequence[Store], matching: Matching) -> SideBySide:
    """Compare every other store with the first; stores are fitted if they are not yet.

    p is adjusted (Benjamini-Hochberg) over all rows of one pair of stores.

    Raises
    ------
    UserError
        If a store is given twice, or a store has no series in common with the first.
    UnknownNameError
        If the metric is neither declared nor imported.
    """
    labels = labels_of(stores)
    for store in stores:
        fit_if_needed(store)
    trends = [store.trends([matching.metric]) for store in stores]
    points, shapes, notes = [], [], []
    for at in range(1, len(stores)):
        pair = (stores[0], stores[at])
        names = {"reference": labels[0], "store": labels[at]}
        match = Match(matching.tolerance, last=not matching.every_step, alpha=matching.alpha)
        found = match_points(trends[0], trends[at], match)
        if found.empty:
            raise _nothing_matches(labels, trends, at, matching)
        found = _paired_where_possible(found, pair, matching)
        points.append(found.assign(p_adjusted=adjusted(found["p"].to_numpy(float)), **names))
        shapes.append(_shapes(trends[0], trends[at], pair, matching).assign(**names))
        notes += _notes(found, pair, labels[at])
    return SideBySide(
        labels, pd.concat(points, ignore_index=True), pd.concat(shapes, ignore_index=True),
        tuple(notes),
    )  # fmt: skip


def _paired_where_possible(
    points: pd.DataFrame, pair: tuple[Store, Store], matching: Matching
) -> pd.DataFrame:
    """Return `points` with differences paired by item where both sides scored the same data."""
    same = {task for task, sha256 in _data(pair[0]).items() if _data(pair[1]).get(task) == sha256}
    rows = []
    for _, series in points.groupby(list(SERIES_PAIR), sort=False, dropna=False):
        first = series.iloc[0]
        pairable = first["task"] in same and bool(
            (series["has_items_base"] & series["has_items_tuned"]).all()
        )
        rows += list(_paired(series, pair, matching) if pairable else _unpaired(series))
    return pd.DataFrame(rows)


def _paired(
    series: pd.DataFrame, pair: tuple[Store, Store], matching: Matching
) -> Iterator[dict[str, Any]]:
    first = series.iloc[0]
    sides = [
        _items(store, first, side, matching.metric)
        for store, side in zip(pair, ("base", "tuned"), strict=True)
    ]
    for row in _records(series):
        scores = [
            items[items["step"] == row[f"step_{side}"]].set_index("name")["score"]
            for items, side in zip(sides, ("base", "tuned"), strict=True)
        ]
        both = pd.concat(scores, axis=1, keys=("base", "tuned")).dropna()
        if len(both) < 2:
            yield from _unpaired(pd.DataFrame([row]))
            continue
        found = asdict(
            paired_difference(both["base"].to_numpy(), both["tuned"].to_numpy(), matching.alpha)
        )
        measured = {name: found[name] for name in _MEASURED}
        values = {
            "value_base": measured.pop("base_value"),
            "value_tuned": measured.pop("tuned_value"),
        }
        yield {**row, **values, **measured, "is_paired": True}


def _unpaired(series: pd.DataFrame) -> Iterator[dict[str, Any]]:
    nothing = {"n_items": None, "n_broken": None, "n_mended": None, "is_paired": False}
    for row in _records(series):
        yield {**row, **nothing}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]


def _items(store: Store, series: pd.Series, side: str, metric: str) -> pd.DataFrame:
    items = store.items(
        task=str(series["task"]),
        model=str(series[f"model_{side}"]),
        metric=metric,
        arm=str(series["arm"]),
        shots=int(series["shots"]),
    )
    chosen = (items["prompt_format"] == series["prompt_format"]) & (
        items["dtype"] == series[f"dtype_{side}"]
    )
    of_series: pd.DataFrame = items[chosen & (items["suite"] == series[f"suite_{side}"])]
    names = of_series["part"].astype(str) + ":" + of_series["item"].astype(str)
    return of_series.assign(name=names)


def _data(store: Store) -> dict[str, str]:
    """Return the digest of the data of each task that `store` scored itself."""
    return {each.cell.key.task: each.cell.key.task_sha256 for each in store.selection().chosen}


def _shapes(
    base: pd.DataFrame, tuned: pd.DataFrame, pair: tuple[Store, Store], matching: Matching
) -> pd.DataFrame:
    series = match_series(base, tuned)
    keys = ["task", "metric", "arm", "shots", "prompt_format"]
    sides = []
    for store, side in zip(pair, ("base", "tuned"), strict=True):
        flips = store.flips()
        flips = flips[(flips["axis"] == "tokens") & (flips["metric"] == matching.metric)]
        own = ["suite", "model", "dtype"]
        flips = flips[[*keys, *own, "verdict", "flip_at", "ci_lo", "ci_hi", "p_adjusted"]]
        flips = flips.rename(columns={name: f"{name}_{side}" for name in own})
        sides.append(series.merge(flips, on=[*keys, *(f"{name}_{side}" for name in own)]))
    return compare_shapes(sides[0], sides[1], SERIES_PAIR)[[*SERIES_PAIR, *COMPARED]]


def _notes(points: pd.DataFrame, pair: tuple[Store, Store], label: str) -> list[str]:
    notes = []
    dtypes = points[points["dtype_base"] != points["dtype_tuned"]]
    if len(dtypes):
        differ = dtypes[["dtype_base", "dtype_tuned"]].drop_duplicates().to_numpy().tolist()
        words = "; ".join(f"{one} against {other}" for one, other in differ)
        notes.append(f"{label}: computed in other dtypes ({words}); small differences may be that.")
    ours, theirs = _data(pair[0]), _data(pair[1])
    altered = [task for task in sorted(ours) if theirs.get(task, ours[task]) != ours[task]]
    if altered:
        notes.append(
            f"{label}: the data of {', '.join(altered)} differ, so they are not paired by item."
        )
    return notes


def _nothing_matches(
    labels: Sequence[str], trends: Sequence[pd.DataFrame], at: int, matching: Matching
) -> UserError:
    series = match_series(trends[0], trends[at])
    holds = "; ".join(f"{labels[i]} holds {_held(trends[i])}" for i in (0, at))
    if len(series):
        return UserError(
            f"{labels[at]} shares {len(series)} series with {labels[0]}, but no checkpoint of them",
            where=holds,
            hint=f"allow tokens to differ by more than {matching.tolerance:g}: --tolerance 0.2",
        )
    return UserError(
        f"{labels[at]} has no series in common with {labels[0]}",
        where=holds,
        hint="a series is matched by task, metric, arm, shots, prompt format and size; "
        "choose another metric with --metric",
    )


def _held(trends: pd.DataFrame) -> str:
    if trends.empty:
        return "nothing in this metric"
    lists = [
        f"{word} {_few(trends[column])}"
        for word, column in (
            ("tasks", "task"), ("sizes", "size"), ("arms", "arm"), ("shots", "shots"),
            ("formats", "prompt_format"),
        )
    ]  # fmt: skip
    tokens = trends["arm_tokens"]
    return f"{', '.join(lists)}, tokens {tokens.min():,} to {tokens.max():,}"


def _few(column: pd.Series) -> str:
    names = list(dict.fromkeys(map(str, column)))
    return "/".join(names[:6]) + ("/…" if len(names) > 6 else "")
