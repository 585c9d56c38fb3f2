"""How single items fare through training: a word for each, and which of them drive a flip.

In: the values of all items of a task under one model. Out: codes and contributions. These words
describe one item and test nothing: whether a trend turns is decided on the task.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ckpt_analyzer.html_report.items import ItemSeries, Unit

#: How an item was answered; the position is its code. The last one: neither, or not known.
ANSWERS = ("always right", "always wrong", "right, then wrong", "wrong, then right", "changing")
#: How its number moved; the position is its code.
SHAPES = ("steady", "U", "inverted U", "rising", "falling")
#: The least change that is called one.
LEAST_CHANGE: dict[Unit, float] = {"probability": 0.25, "ln p": 1.0}
#: From so many checkpoints on, values are means over three neighbours.
_SMOOTHED_FROM = 9


@dataclass(frozen=True)
class Contributions:
    """What each item adds to the depth of a turn: positive where it turns the same way.

    Parameters
    ----------
    value_I
        (mean of both ends − middle of the turn), its sign that of the verdict; NaN is not scored.
    mean
        Over the scored items: the depth of the turn in the means.
    """

    value_I: np.ndarray
    mean: float


def codes(series: ItemSeries, unit: Unit) -> np.ndarray:
    """Return one code per item: position in ANSWERS times ``len(SHAPES)``, plus that in SHAPES."""
    n_items = series.value_SI.shape[1]
    answers = np.full(n_items, len(ANSWERS) - 1)
    if series.right_SI is not None:
        answers = _answers(series.right_SI)
    found: np.ndarray = answers * len(SHAPES) + _shapes(series.value_SI, LEAST_CHANGE[unit])
    return found.astype(np.uint8)


def _answers(right_SI: np.ndarray) -> np.ndarray:
    """Return the code of each item's answers; NaN makes no comparison true."""
    third = max(1, len(right_SI) // 3)
    early, late = _mean(right_SI[:third]), _mean(right_SI[-third:])
    whole = _mean(right_SI)
    tests = [
        whole == 1.0,
        whole == 0.0,
        (early > 0.5) & (late < 0.5),
        (early < 0.5) & (late > 0.5),
    ]
    return np.select(tests, range(4), default=len(ANSWERS) - 1)


def _shapes(value_SI: np.ndarray, least: float) -> np.ndarray:
    smooth_SI = smoothed(value_SI)
    drop, rise = _depth(smooth_SI), _depth(-smooth_SI)
    change = smooth_SI[-1] - smooth_SI[0]
    tests = [
        (drop >= least) & (drop >= rise),
        rise >= least,
        change >= least,
        change <= -least,
    ]
    return np.select(tests, (1, 2, 3, 4), default=0)


def smoothed(value_SI: np.ndarray) -> np.ndarray:
    """Return means over three neighbouring checkpoints, where there are enough of them.

    An item that was not scored at a checkpoint takes its mean over all others.
    """
    filled = np.where(np.isnan(value_SI), _mean(value_SI)[None], value_SI)
    if len(filled) < _SMOOTHED_FROM:
        return filled
    return (filled[:-2] + filled[1:-1] + filled[2:]) / 3


def _depth(value_SI: np.ndarray) -> np.ndarray:
    """Return how far each item falls from an earlier value and rises to a later one again."""
    before = np.maximum.accumulate(value_SI, axis=0)
    after = np.maximum.accumulate(value_SI[::-1], axis=0)[::-1]
    depth: np.ndarray = (np.minimum(before, after) - value_SI).max(axis=0)
    return depth


def contributions(series: ItemSeries, turn_tokens: float, sign: float) -> Contributions:
    """Return what each item adds to the turn of the task at `turn_tokens`.

    Parameters
    ----------
    sign
        1 for a U of the values, -1 for an inverted U.
    """
    width = 3 if len(series.steps) >= _SMOOTHED_FROM else 1
    places = np.log(np.maximum(series.places, 1.0))
    nearest = int(np.abs(places - np.log(max(turn_tokens, 1.0))).argmin())
    first = int(np.clip(nearest - width // 2, 0, len(places) - width))
    ends = (_mean(series.value_SI[:width]) + _mean(series.value_SI[-width:])) / 2
    value_I = sign * (ends - _mean(series.value_SI[first : first + width]))
    known = value_I[~np.isnan(value_I)]
    return Contributions(value_I, float(known.mean()) if len(known) else float("nan"))


def _mean(value_SI: np.ndarray) -> np.ndarray:
    """Return the mean over checkpoints, NaN where none is scored."""
    scored = ~np.isnan(value_SI)
    n = scored.sum(axis=0)
    total = np.where(scored, value_SI, 0.0).sum(axis=0)
    mean: np.ndarray = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return mean
