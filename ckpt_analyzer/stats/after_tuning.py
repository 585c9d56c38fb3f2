"""What tuning makes of the shape that training gave: does it undo a flip.

In: the verdicts of base models over training, and the paired differences that tuning made at the
end. Out: one row per tuned model. A tuned arm counts its own tokens from 0, so its turning points
cannot be set against those of training; its end can be set against the end of training.
"""

from __future__ import annotations

import pandas as pd

#: The direction in which a curve of each shape ends.
_ENDS = {"U": 1, "inverted_U": -1, "monotone_up": 1, "monotone_down": -1, "flat": 0}
_LEVEL = 0.05
_KEYS = ("suite", "task", "shots", "prompt_format", "dtype", "metric")
#: The columns of the table that ``after_tuning`` returns, in order.
COLUMNS = (
    *_KEYS, "base", "tuned", "base_model", "model", "size", "verdict_base", "flip_at_base",
    "difference", "ci_lo", "ci_hi", "p_adjusted", "change",
)  # fmt: skip


def after_tuning(tasks: pd.DataFrame, flips: pd.DataFrame) -> pd.DataFrame:
    """Return what each paired difference makes of the shape of its base model's training.

    Parameters
    ----------
    tasks
        Rows of ``compare_sides`` over ``sides.PAIR``; those that start from ``base`` count.
    flips
        ``tables.FLIPS``.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``. ``change``: ``undone`` where training turned and tuning goes back the
        way before the turn; ``reversed`` where training went one way and tuning the other;
        ``carried on`` where both go the same way; ``kept`` where the difference is not certain at
        5 %, adjusted; ``changed`` after a flat training; ``undecided`` where the shape is.
    """
    training = flips[(flips["axis"] == "tokens") & (flips["arm"] == "base")]
    training = training[[*_KEYS, "model", "verdict", "flip_at"]].rename(
        columns={"model": "base_model", "verdict": "verdict_base", "flip_at": "flip_at_base"}
    )
    rows = tasks[tasks["base"] == "base"].merge(training, on=[*_KEYS, "base_model"])
    rows["change"] = [
        _change(str(row["verdict_base"]), row["difference"], row["p_adjusted"])
        for row in rows.to_dict("records")
    ]
    return rows[list(COLUMNS)]


def _change(verdict: str, difference: float, p_adjusted: float) -> str:
    end = _ENDS.get(verdict)
    if end is None:
        return "undecided"
    if not p_adjusted < _LEVEL:
        return "kept"
    if end == 0:
        return "changed"
    if (difference > 0) == (end > 0):
        return "carried on"
    return "undone" if verdict in ("U", "inverted_U") else "reversed"
