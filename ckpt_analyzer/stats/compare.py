"""Two sides compared item by item: base against tuned, raw against chat, one store against another.

In: a table with a row per item and side (``sides.py`` makes them). Out: one row per comparison.
The module does not know where scores come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from narwhals.typing import IntoFrame

from ckpt_analyzer.stats.frames import as_pandas
from ckpt_analyzer.stats.paired import adjusted, paired_difference

#: The columns of the table that ``compare_arms`` returns, in order.
COLUMNS = (
    "task", "size", "metric", "base", "tuned", "base_step", "tuned_step", "n_items",
    "base_value", "tuned_value", "difference", "stderr", "ci_lo", "ci_hi",
    "n_broken", "n_mended", "test", "p", "p_adjusted",
)  # fmt: skip

#: The columns that each comparison adds to those that name it.
MEASURED = (
    "n_items", "base_value", "tuned_value", "difference", "stderr", "ci_lo", "ci_hi",
    "n_broken", "n_mended", "test", "p", "p_adjusted",
)  # fmt: skip


def compare_sides(
    sides: pd.DataFrame, by: Sequence[str], family: Sequence[str], *, alpha: float = 0.05
) -> pd.DataFrame:
    """Return one row per comparison: what the second side changed, paired by item.

    Parameters
    ----------
    sides
        Columns `by`, ``side`` (base or tuned), ``item``, ``score``; NaN scores leave the pair out.
    by
        The columns that name a comparison, among them those of `family`.
    family
        The columns that its family of tests shares: p is adjusted (Benjamini-Hochberg) over all
        rows of a family. None means that all rows are one family.
    alpha
        One minus the level of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns `by` and ``MEASURED``. A comparison with fewer than two pairs has no row.
    """
    rows = list(_compared(sides, list(by), alpha))
    if not rows:
        return pd.DataFrame(columns=[*by, *MEASURED])
    table = pd.DataFrame(rows)
    if family:
        table["p_adjusted"] = table.groupby(list(family), dropna=False)["p"].transform(_adjusted)
    else:
        table["p_adjusted"] = _adjusted(table["p"])
    return table[[*by, *MEASURED]]


def paired_scores(sides: pd.DataFrame) -> pd.DataFrame:
    """Return a row per item of one comparison with both scores, ``base`` and ``tuned``."""
    of = {
        side: sides[sides["side"] == side].set_index("item")["score"].astype(float)
        for side in ("base", "tuned")
    }
    return pd.concat(of, axis=1).dropna()


def _compared(sides: pd.DataFrame, by: list[str], alpha: float) -> Iterator[dict[str, Any]]:
    for key, group in sides.groupby(by, sort=False, dropna=False):
        pairs = paired_scores(group)
        if len(pairs) >= 2:
            found = paired_difference(pairs["base"].to_numpy(), pairs["tuned"].to_numpy(), alpha)
            yield {**dict(zip(by, key, strict=True)), **asdict(found)}


def _adjusted(p: pd.Series) -> pd.Series:
    return pd.Series(adjusted(p.to_numpy(float)), index=p.index)


def compare_arms(
    scores: IntoFrame, *, base: str = "base", tuned: str = "instruct", alpha: float = 0.05
) -> pd.DataFrame:
    """Return what tuning changed, per task, size and metric, at the last checkpoint of each arm.

    Intervals and p are those of ``paired.paired_difference``; `p_adjusted` is Benjamini-Hochberg
    over all rows of the same metric.

    Parameters
    ----------
    scores
        A frame of pandas, or of a library that narwhals knows, with the columns task, metric, size,
        arm, step, item, score. NaN scores leave the pair out.
    base, tuned
        The arms to compare; `difference` is tuned minus base.
    alpha
        One minus the level of the interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``; `n_broken` counts items whose score fell, `n_mended` those whose score
        rose. Empty if no task has both arms.
    """
    rows = as_pandas(scores)
    of = {"base": rows[rows["arm"] == base], "tuned": rows[rows["arm"] == tuned]}
    by = ["task", "size", "metric"]
    ends = {side: rows[rows["step"] == _last(rows, by)] for side, rows in of.items()}
    steps = [
        rows.groupby(by, sort=False)["step"].first().rename(f"{side}_step").reset_index()
        for side, rows in ends.items()
    ]
    sides = pd.concat(rows.assign(side=side) for side, rows in ends.items())
    table = compare_sides(sides, by, ["metric"], alpha=alpha)
    for each in steps:
        table = table.merge(each, on=by)
    return table.assign(base=base, tuned=tuned)[list(COLUMNS)]


def _last(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    return rows.groupby(by)["step"].transform("max")
