"""Two verdicts on one series compared: is a flip still there, and has it moved.

In: verdicts (``tables.FLIPS``) of two sides, and the columns that both share. Out: one row per
series with both verdicts, what became of the flip, and by how much it moved. The module decides no
shape itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

#: The verdicts with exactly one turning point.
FLIPPED = ("U", "inverted_U")
_UNDECIDED = "inconclusive"
#: The columns that ``compare_shapes`` adds to those that both sides share.
COMPARED = (
    "verdict_base", "verdict_tuned", "change", "flip_at_base", "flip_at_tuned", "ratio",
    "ratio_lo", "ratio_hi", "p_base", "p_tuned",
)  # fmt: skip
#: What may become of a shape.
CHANGES = (
    "same", "moved earlier", "moved later", "removed", "appeared", "turned over", "changed",
    "undecided",
)  # fmt: skip


def compare_shapes(base: pd.DataFrame, tuned: pd.DataFrame, on: Sequence[str]) -> pd.DataFrame:
    """Return what became of each series that both tables hold.

    Parameters
    ----------
    base, tuned
        Rows of ``tables.FLIPS`` along the same axis, with places that count the same.
    on
        The columns that name a series in both.

    Returns
    -------
    pandas.DataFrame
        Columns `on` and ``COMPARED``. ``change``: ``removed`` is a flip that is no flip any more,
        ``appeared`` the reverse, ``turned over`` a U that became an inverted U or the reverse;
        ``undecided`` where a verdict is. ``ratio`` is the tuned turning point over the base one;
        a flip has moved where its 95 % interval leaves out 1.

    References
    ----------
    Zou & Donner (2008), "Construction of confidence limits about effect measures: a general
    approach", Statistics in Medicine 27, equation 6: the interval of a difference from those of its
    parts. Here of logarithms.
    """
    on = list(on)
    columns = [*on, "verdict", "flip_at", "ci_lo", "ci_hi", "p_adjusted"]
    both = base[columns].merge(tuned[columns], on=on, suffixes=("_base", "_tuned"))
    rows = [{**{name: row[name] for name in on}, **_compared(row)} for _, row in both.iterrows()]
    return pd.DataFrame(rows, columns=[*on, *COMPARED])


def _compared(row: pd.Series) -> dict[str, Any]:
    ratio = _ratio(row)
    return {
        "verdict_base": row["verdict_base"],
        "verdict_tuned": row["verdict_tuned"],
        "change": _change(str(row["verdict_base"]), str(row["verdict_tuned"]), ratio),
        "flip_at_base": float(row["flip_at_base"]),
        "flip_at_tuned": float(row["flip_at_tuned"]),
        "ratio": ratio.centre,
        "ratio_lo": ratio.low,
        "ratio_hi": ratio.high,
        "p_base": float(row["p_adjusted_base"]),
        "p_tuned": float(row["p_adjusted_tuned"]),
    }


class _Ratio(NamedTuple):
    centre: float
    low: float
    high: float


def _ratio(row: pd.Series) -> _Ratio:
    """Return tuned over base with its interval; NaN unless both turn the same way once."""
    nan = float("nan")
    if row["verdict_base"] != row["verdict_tuned"] or row["verdict_base"] not in FLIPPED:
        return _Ratio(nan, nan, nan)
    base, base_lo, base_hi = (
        math.log(row[f"{name}_base"]) for name in ("flip_at", "ci_lo", "ci_hi")
    )
    tuned, tuned_lo, tuned_hi = (
        math.log(row[f"{name}_tuned"]) for name in ("flip_at", "ci_lo", "ci_hi")
    )
    centre = tuned - base
    low = centre - math.hypot(tuned - tuned_lo, base_hi - base)
    high = centre + math.hypot(tuned_hi - tuned, base - base_lo)
    return _Ratio(math.exp(centre), math.exp(low), math.exp(high))


def _change(base: str, tuned: str, ratio: _Ratio) -> str:
    if _UNDECIDED in (base, tuned):
        return "undecided"
    if base == tuned:
        if ratio.low > 1:
            return "moved later"
        return "moved earlier" if ratio.high < 1 else "same"
    was, is_now = base in FLIPPED, tuned in FLIPPED
    if was and is_now:
        return "turned over"
    if was:
        return "removed"
    return "appeared" if is_now else "changed"
