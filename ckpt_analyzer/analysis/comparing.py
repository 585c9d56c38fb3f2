"""From a store to what two sides of it differ in: arms, stages of tuning, prompt formats.

In: a store and what to compare. Out: the tables of a comparison. This is the module that joins the
store and the statistics of paired items; the verb ``compare`` and the report show what it returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import pandas as pd

from ckpt_analyzer import metrics, tasks
from ckpt_analyzer.analysis.fitting import fit_if_needed
from ckpt_analyzer.analysis.questions import Answer, Evidence, answers
from ckpt_analyzer.errors import UnknownNameError, UserError
from ckpt_analyzer.stats import changed_items, group_differences
from ckpt_analyzer.stats.after_tuning import COLUMNS as SHAPE_COLUMNS
from ckpt_analyzer.stats.after_tuning import after_tuning
from ckpt_analyzer.stats.compare import compare_sides
from ckpt_analyzer.stats.group_differences import Draws
from ckpt_analyzer.stats.shape_changes import compare_shapes
from ckpt_analyzer.stats.sides import FAMILY, PAIR, format_sides, stage_pairs, tuning_sides
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.suite import ARMS

By = Literal["arm", "prompt_format"]
#: The columns of `Comparison.groups`.
GROUP_COLUMNS = ("by", *FAMILY, *group_differences.COLUMNS)
#: What verdicts of two sides along an axis other than training share.
_SHAPE = ("suite", "task", "shots", "prompt_format", "dtype", "metric")


@dataclass(frozen=True)
class Asked:
    """What to compare.

    Parameters
    ----------
    by
        Whether the sides are arms or prompt formats.
    sides
        Arms in order (two or more), or two prompt formats; empty for those that the store holds.
    every_step
        Whether every checkpoint of the second arm is compared, not the last alone.
    draws
        How items are drawn for the intervals of groups; the seed is kept in the tables.
    """

    metric: str = "accuracy"
    by: By = "arm"
    sides: tuple[str, ...] = ()
    every_step: bool = False
    draws: Draws = field(default_factory=Draws)


@dataclass(frozen=True)
class Comparison:
    """What the sides differ in.

    Parameters
    ----------
    tasks
        One row per pair of models, task, setting and step: ``sides.PAIR`` and
        ``compare.MEASURED``.
    groups
        One row per group of tasks and sizes: ``group_differences.COLUMNS``, ``by``, and what names
        the pair of sides.
    shapes
        What the end of tuning makes of the shape of training: ``after_tuning.COLUMNS``.
    moves
        What became of verdicts along the axes that both sides share, with ``axis``.
    items
        The items that changed, with their texts where the store keeps them.
    """

    asked: Asked
    tasks: pd.DataFrame
    groups: pd.DataFrame
    shapes: pd.DataFrame
    moves: pd.DataFrame
    items: pd.DataFrame


def compare(store: Store, asked: Asked) -> Comparison:
    """Compare the sides of `store` item by item; the store is fitted if it is not yet.

    Peak memory: the items of one metric at the last checkpoints, 200 bytes each; of all checkpoints
    of the tuned arms with `every_step`.

    Raises
    ------
    NothingToCompareError
        If the store holds no two sides with the same items.
    UnknownNameError
        If a side is not in the store, or the metric is not declared.
    """
    metric = metrics.load(asked.metric)
    asked = replace(asked, sides=_sides(store, asked))
    items = _items(store, asked)
    make = tuning_sides if asked.by == "arm" else format_sides
    paired = make(items, asked.sides)
    if paired.empty:
        raise _nothing(store, asked)
    fit_if_needed(store)
    flips = store.flips()
    flips = flips[flips["metric"] == asked.metric]
    steps = tuning_sides(items, asked.sides, every_step=True) if asked.every_step else paired
    table = compare_sides(steps, PAIR, FAMILY, alpha=asked.draws.alpha)
    ends = compare_sides(paired, PAIR, FAMILY, alpha=asked.draws.alpha)
    changed = changed_items.changed_items(paired, higher_is_better=metric.higher_is_better)
    return Comparison(
        asked=asked,
        tasks=table,
        groups=_groups(paired, asked),
        shapes=after_tuning(ends if asked.by == "arm" else ends.iloc[:0], flips),
        moves=_moves(flips, asked),
        items=_with_texts(store, changed),
    )


def over_tuning(store: Store, metric: str) -> pd.DataFrame:
    """Return what each checkpoint of every tuned arm differs in from its base model.

    p is adjusted over the tasks, sizes and checkpoints of an arm.

    Returns
    -------
    pandas.DataFrame
        ``sides.PAIR`` and ``compare.MEASURED``; no rows where no two arms share items.
    """
    arms = present_sides(store, "arm")
    items = _items(store, Asked(metric=metric, sides=arms, every_step=True)) if arms else None
    found = [
        compare_sides(tuning_sides(items, (arms[0], arm), every_step=True), PAIR, FAMILY)
        for arm in arms[1:]
        if items is not None
    ]
    known = [table for table in found if len(table)]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=list(PAIR))


def answers_of(
    store: Store,
    metric: str,
    comparisons: Sequence[Comparison],
    titles: Mapping[str, str] | None = None,
) -> list[Answer]:
    """Return the answers to the questions of the literature: numbers, or what must be scored.

    They call tasks by their names, or by `titles` where these are given.
    """
    fit_if_needed(store)
    trends, flips = store.trends([metric]), store.flips()
    no_groups = pd.DataFrame(columns=list(GROUP_COLUMNS))
    no_shapes = pd.DataFrame(columns=list(SHAPE_COLUMNS))
    return answers(
        Evidence(
            metric=metrics.load(metric),
            trends=trends,
            flips=flips[flips["metric"] == metric],
            groups=pd.concat([no_groups, *(each.groups for each in comparisons)]),
            shapes=pd.concat([no_shapes, *(each.shapes for each in comparisons)]),
            causes=causes_of(trends["task"].unique()),
            titles=titles or {},
        )
    )


def possible(store: Store, metric: str, draws: Draws) -> list[Comparison]:
    """Return the comparisons of all arms in order, and of two prompt formats, where there are."""
    found = []
    for by in ("arm", "prompt_format"):
        try:
            found.append(compare(store, Asked(metric=metric, by=by, draws=draws)))
        except NothingToCompareError:
            continue
    return found


def causes_of(names: Iterable[object]) -> dict[str, str | None]:
    """Return the cause of each task; None for one's own."""
    known = set(tasks.names())
    return {name: tasks.load(name).cause if name in known else None for name in map(str, names)}


def present_sides(store: Store, by: By) -> tuple[str, ...]:
    """Return the arms, or the prompt formats, that `store` holds items of, in their order."""
    chosen = store.selection().chosen
    if by == "prompt_format":
        formats = {found.cell.key.prompt_format for found in chosen}
        return tuple(sorted(formats, key=lambda name: (name != "raw", name)))
    arms = {found.unit.arm for found in chosen}
    return tuple(arm for arm in ARMS if arm in arms)


def _sides(store: Store, asked: Asked) -> tuple[str, ...]:
    if asked.by not in get_args(By):
        raise UnknownNameError("kind of sides", asked.by, get_args(By))
    present = present_sides(store, asked.by)
    kind = "arm" if asked.by == "arm" else "prompt format"
    for name in asked.sides:
        if name not in present:
            raise UnknownNameError(f"{kind} with item scores", name, present, where=str(store.path))
    sides = asked.sides or present
    if len(sides) < 2 or (asked.by == "prompt_format" and len(sides) != 2):
        raise _nothing(store, asked)
    return sides


class NothingToCompareError(UserError):
    """A store without two sides that have the same items."""


def _nothing(store: Store, asked: Asked) -> NothingToCompareError:
    present = present_sides(store, asked.by)
    more = "choose two of them" if len(present) > 1 else "score another one"
    kind = "arms" if asked.by == "arm" else "prompt formats"
    wanted = f" {' and '.join(asked.sides)}" if asked.sides else ""
    return NothingToCompareError(
        f"there are no two {kind}{wanted} with scores of the same items in {asked.metric}",
        where=str(store.path),
        hint=f"{kind} with item scores: {', '.join(present)}; {more}"
        if present
        else "compare pairs item scores, and there are none: imported means have no items",
    )


def _items(store: Store, asked: Asked) -> pd.DataFrame:
    if not asked.every_step:
        return store.items(metric=asked.metric, last=True)
    first = store.items(metric=asked.metric, arm=asked.sides[0], last=True)
    later = [store.items(metric=asked.metric, arm=arm) for arm in asked.sides[1:]]
    items = pd.concat([first, *later], ignore_index=True)
    return items[items["suspect"].isna()]


def _groups(paired: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    causes = causes_of(paired["task"].unique())
    found = []
    for key, sides in paired.groupby(list(FAMILY), sort=False):
        table = group_differences.group_differences(sides, causes, asked.draws)
        names: dict[str, Any] = dict(zip(FAMILY, key, strict=True))
        found.append(table.assign(by=asked.by, **names))
    return pd.concat(found, ignore_index=True)[list(GROUP_COLUMNS)]


def _moves(flips: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """Return what became of the verdicts along the axes on which both sides count the same."""
    axes = ["parameters"] if asked.by == "arm" else ["tokens", "parameters"]
    column = "arm" if asked.by == "arm" else "prompt_format"
    more = [] if asked.by == "arm" else ["model", "arm"]
    keys = [name for name in _SHAPE if name != column] + more
    moves = []
    for axis in axes:
        ends = _at_end(flips[flips["axis"] == axis], axis)
        for base, tuned in stage_pairs(asked.sides):
            first, second = ends[ends[column] == base], ends[ends[column] == tuned]
            moves.append(
                compare_shapes(first, second, keys).assign(axis=axis, base=base, tuned=tuned)
            )
    return pd.concat(moves, ignore_index=True)


def _at_end(flips: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return `flips`; along parameters, where each step has one, those of the last step."""
    if axis != "parameters" or flips.empty:
        return flips
    steps = flips["size"].str.removeprefix("step ").astype(int)
    return flips[
        steps == steps.groupby([flips[name] for name in (*_SHAPE, "arm")]).transform("max")
    ]


def _with_texts(store: Store, items: pd.DataFrame) -> pd.DataFrame:
    """Return `items` with ``context``, ``choices`` and ``gold``; None where no texts are kept."""
    columns = ["task", "item", "context", "choices", "gold"]
    known = [pd.DataFrame(columns=columns)]
    for task in items["task"].unique():
        texts = store.item_texts(task)
        names = texts["part"].astype(str) + ":" + texts["item_id"].astype(str)
        known.append(texts.assign(task=task, item=names)[columns])
    return items.merge(pd.concat(known), on=["task", "item"], how="left")
