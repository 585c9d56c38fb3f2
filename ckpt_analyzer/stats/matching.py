"""Which checkpoints of two tables of trends stand for the same point of training.

In: two tables of ``tables.TRENDS``. Out: the points that both hold, side by side. It does not know
where the tables come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

#: What two series share, besides their size.
_SHARED = ("task", "metric", "arm", "shots", "prompt_format")
#: The columns that name a pair of series.
SERIES_PAIR = (
    *_SHARED, "size", "parameters", "suite_base", "model_base", "dtype_base", "suite_tuned",
    "model_tuned", "dtype_tuned",
)  # fmt: skip
_OF_POINT = ("step", "tokens", "value", "stderr", "n_items", "has_items")
#: The columns that ``match_points`` returns, in order.
COLUMNS = (
    *SERIES_PAIR,
    *(f"{name}_{side}" for name in _OF_POINT for side in ("base", "tuned")),
    "difference", "ci_lo", "ci_hi", "p",
)  # fmt: skip
#: Sizes of other names are the same where their parameters differ by less than this share.
_SAME_SIZE = 0.05


@dataclass(frozen=True)
class Match:
    """How points are matched.

    Parameters
    ----------
    tolerance
        By which share the tokens of two matched checkpoints may differ.
    last
        Whether only the last matched point of each pair of series is kept.
    """

    tolerance: float = 0.05
    last: bool = False
    alpha: float = 0.05


def match_series(base: pd.DataFrame, tuned: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of series of the same task, metric, arm, setting and size.

    A model is matched with the one of its own name; without it, with those of its size's name;
    without these, with the nearest in parameters, at most 5 % away. Series of equal dtype are
    matched; where there are none, series of any.

    Returns
    -------
    pandas.DataFrame
        Columns ``SERIES_PAIR``; ``_base`` and ``_tuned`` are the first and the second table.
    """
    models = pd.DataFrame(
        list(_model_pairs(_models(base), _models(tuned))),
        columns=["arm", "size", "parameters", "suite_base", "model_base", "suite_tuned",
                 "model_tuned"],
    )  # fmt: skip
    keys = [*_SHARED, "suite", "model", "dtype"]
    first, second = base[keys].drop_duplicates(), tuned[keys].drop_duplicates()
    pairs = (
        first.rename(columns={n: f"{n}_base" for n in ("suite", "model", "dtype")})
        .merge(models, on=["arm", "suite_base", "model_base"])
        .merge(
            second.rename(columns={n: f"{n}_tuned" for n in ("suite", "model", "dtype")}),
            on=[*_SHARED, "suite_tuned", "model_tuned"],
        )
    )
    equal = pairs["dtype_base"] == pairs["dtype_tuned"]
    names = [name for name in SERIES_PAIR if not name.startswith("dtype")]
    any_equal = equal.groupby([pairs[name] for name in names]).transform("any")
    return pairs[equal | ~any_equal][list(SERIES_PAIR)].reset_index(drop=True)


def match_points(base: pd.DataFrame, tuned: pd.DataFrame, match: Match) -> pd.DataFrame:
    """Return the matched points of all matched series that are trusted, with their difference.

    Two checkpoints match where each is the nearest to the other in tokens of its arm, and these
    differ by at most the tolerance; where an arm counts no tokens, where their steps are equal.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``. The interval and p take the two means as independent; NaN where a
        standard error is not known.
    """
    pairs = match_series(base, tuned)
    first, second = _by_series(base), _by_series(tuned)
    rows = []
    for pair in pairs.to_dict("records"):
        shared = tuple(pair[name] for name in _SHARED)
        one = first[(*shared, pair["suite_base"], pair["model_base"], pair["dtype_base"])]
        other = second[(*shared, pair["suite_tuned"], pair["model_tuned"], pair["dtype_tuned"])]
        matched = list(_nearest(one, other, match.tolerance))
        for i, j in matched[-1:] if match.last else matched:
            sides = {
                f"{name}_{side}": row[name]
                for side, row in (("base", one.iloc[i]), ("tuned", other.iloc[j]))
                for name in _OF_POINT
            }
            rows.append(dict[Any, Any](pair) | sides)
    return _with_difference(pd.DataFrame(rows, columns=list(COLUMNS)), match.alpha)


def _models(trends: pd.DataFrame) -> pd.DataFrame:
    return trends[["suite", "model", "size", "arm", "parameters"]].drop_duplicates()


def _model_pairs(base: pd.DataFrame, tuned: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    for other in tuned.itertuples(index=False):
        same_arm = base[base["arm"] == other.arm]
        apart = np.abs(np.log(same_arm["parameters"] / float(str(other.parameters))))
        near = same_arm[(apart == apart.min()) & (apart <= np.log1p(_SAME_SIZE))]
        candidates = (same_arm["model"] == other.model, same_arm["size"] == other.size)
        found = next((same_arm[chosen] for chosen in candidates if chosen.any()), near)
        for one in found.itertuples(index=False):
            yield (
                other.arm, one.size, one.parameters, one.suite, one.model, other.suite, other.model
            )  # fmt: skip


def _by_series(trends: pd.DataFrame) -> dict[object, pd.DataFrame]:
    trusted = trends[trends["suspect"].isna()].sort_values("step")
    empty = trusted.iloc[:0]
    keys = [*_SHARED, "suite", "model", "dtype"]
    found: dict[object, pd.DataFrame] = dict(iter(trusted.groupby(keys, sort=False)))
    for key in trends[keys].drop_duplicates().itertuples(index=False, name=None):
        found.setdefault(key, empty)
    return found


def _nearest(one: pd.DataFrame, other: pd.DataFrame, tolerance: float) -> Iterator[tuple[int, int]]:
    """Yield the positions of rows that are each other's nearest, in order of training."""
    if one.empty or other.empty:
        return
    counts = (one["arm_tokens"] > 0).any() and (other["arm_tokens"] > 0).any()
    column = "arm_tokens" if counts else "step"
    first_I, second_J = one[column].to_numpy(float), other[column].to_numpy(float)
    apart_IJ = np.abs(np.log1p(first_I)[:, None] - np.log1p(second_J))
    for i, j in enumerate(apart_IJ.argmin(axis=1)):
        near = apart_IJ[i, j] <= (np.log1p(tolerance) if counts else 1e-9) + 1e-12
        if near and apart_IJ[:, j].argmin() == i:
            yield i, int(j)


def _with_difference(rows: pd.DataFrame, alpha: float) -> pd.DataFrame:
    difference = (rows["value_tuned"] - rows["value_base"]).astype(float)
    stderr = np.hypot(rows["stderr_base"].astype(float), rows["stderr_tuned"].astype(float))
    reach = stats.norm.ppf(1 - alpha / 2) * stderr
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.norm.sf(np.abs(difference) / stderr)
    return rows.assign(
        difference=difference, ci_lo=difference - reach, ci_hi=difference + reach, p=p
    )
