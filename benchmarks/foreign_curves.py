"""Curves that turn once, of families that ``simulated_series.py`` does not have.

In: where the turn may lie, and a random generator. Out: a curve, 0 at its turn and of known size at
both ends. They tell whether a place is as good where
the simulator never was. One number of the package was chosen with them in view, the share of the
posterior in an interval. The module knows nothing of items, noise or tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import expit

FAMILIES = (
    "Gompertz and decay", "difference of logistics", "power laws", "monotone spline",
    "unequal bell", "delayed arm",
)  # fmt: skip
_FINE = np.linspace(0.0, 1.0, 2001)
Unit = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Foreign:
    """A curve over 0 to 1 that is 0 at `turn` and above it elsewhere."""

    family: str
    turn: float
    unit: Unit


def foreign_curve(
    span: tuple[float, float], arms: tuple[float, float], rng: np.random.Generator
) -> Foreign:
    """Return a curve that turns within `span`.

    Parameters
    ----------
    arms
        Its rise from the turn to 0, and from the turn to 1. Families that have one formula for both
        sides keep their own ratio of arms, from 1/4 to 4, and the larger arm is that of `arms`.
    """
    family = str(rng.choice(FAMILIES))
    two_sided = {"power laws": _powers, "monotone spline": _spline, "delayed arm": _delayed}
    if family in two_sided:
        turn = float(rng.uniform(*span))
        left, right = two_sided[family](rng), two_sided[family](rng)
        return Foreign(family, turn, lambda x: np.where(
            x < turn,
            arms[0] * left(np.clip(1 - x / turn, 0, 1)),
            arms[1] * right(np.clip((x - turn) / (1 - turn), 0, 1)),
        ))  # fmt: skip
    one_formula = {
        "Gompertz and decay": _gompertz, "difference of logistics": _logistics,
        "unequal bell": _bell,
    }[family]  # fmt: skip
    while True:
        height = one_formula(span, rng)
        value = height(_FINE)
        top = int(value.argmax())
        drop = value[top] - value[[0, -1]]
        if span[0] <= _FINE[top] <= span[1] and 0.25 * drop.max() <= drop.min():
            scale, best = max(arms) / float(drop.max()), float(value[top])
            return Foreign(family, float(_FINE[top]), _below(best, scale, height))


def _below(best: float, scale: float, height: Unit) -> Unit:
    return lambda x: scale * (best - height(x))


def _powers(rng: np.random.Generator) -> Unit:
    power = np.exp(rng.uniform(np.log(0.5), np.log(3.5)))
    return lambda u: u**power


def _spline(rng: np.random.Generator) -> Unit:
    """Return a smooth rise from 0 to 1 through random heights at random places."""
    n = int(rng.integers(2, 5))
    at = np.concatenate([[0], np.cumsum(rng.uniform(0.5, 1.5, n))])
    height = np.concatenate([[0], np.cumsum(rng.exponential(1.0, n) + 0.05)])
    return PchipInterpolator(at / at[-1], height / height[-1])  # type: ignore[no-any-return]


def _delayed(rng: np.random.Generator) -> Unit:
    """Return a rise that is slow at first, then steep, then slow: none of it symmetric."""
    middle, width = rng.uniform(0.2, 0.7), rng.uniform(0.08, 0.3)
    low, high = expit(-middle / width), expit((1 - middle) / width)
    return lambda u: (expit((u - middle) / width) - low) / (high - low)


def _gompertz(span: tuple[float, float], rng: np.random.Generator) -> Unit:
    delay, speed, decay = rng.uniform(1, 6), rng.uniform(3, 14), rng.uniform(0.2, 3)
    return lambda x: np.exp(-np.exp(delay - speed * x)) * np.exp(-decay * x)


def _logistics(span: tuple[float, float], rng: np.random.Generator) -> Unit:
    first = rng.uniform(0.05, span[1])
    second = rng.uniform(first, 1.1)
    early, late, share = rng.uniform(0.03, 0.15), rng.uniform(0.03, 0.15), rng.uniform(0.5, 1.5)
    return lambda x: expit((x - first) / early) - share * expit((x - second) / late)


def _bell(span: tuple[float, float], rng: np.random.Generator) -> Unit:
    turn, left, right = rng.uniform(*span), *np.exp(rng.uniform(np.log(0.1), np.log(0.6), 2))
    return lambda x: np.exp(-0.5 * ((x - turn) / np.where(x < turn, left, right)) ** 2)
