"""Checkpoint series with known truth, down to the single item.

In: a design (shape, grid, items, shocks, metric, number of sizes) and a random generator. Out:
runs, each of one task and several sizes, with the score of every item and the true turning points.
The module knows nothing of tests.

Shape legend: N items, K checkpoints, B sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from foreign_curves import foreign_curve
from scipy.special import ndtri

TOKENS_PER_STEP = 2_097_152
PYTHIA_STEPS = np.array([2**i for i in range(10)] + [1000 * i for i in range(1, 144)])
GRIDS = (8, 20, 153)
SHOCKS: dict[str, tuple[float, float]] = {  # standard deviation, autocorrelation
    "none": (0.0, 0.0), "0.01": (0.01, 0.0), "0.03": (0.03, 0.0), "autocorrelated": (0.02, 0.5),
}  # fmt: skip
ITEMS = (100, 300, 1000)
SIZES = (1, 5, 8)
METRICS = ("accuracy", "log_probability")
WITHOUT_FLIP = ("flat", "linear", "saturating", "plateau then rise", "step")
WITH_FLIP = ("U", "inverted U", "asymmetric", "late flip")
#: Nats of log-probability per unit of accuracy; an item's own spread is 0.4 of that.
_NATS = 4.0


@dataclass(frozen=True)
class Design:
    """One cell of the study; turns may be of the families of ``foreign_curves.py`` instead."""

    shape: str
    grid: int
    shock: str
    n_items: int
    metric: str
    n_sizes: int
    foreign: bool = False


@dataclass(frozen=True)
class Truth:
    """What is true of one series: its verdict, log10 tokens of its turns, its weaker arm.

    Parameters
    ----------
    weaker_arm_se
        Least change of an arm, in standard errors of the difference of two checkpoints: those of
        the items, as if drawn anew at each, and the shocks of both. 0 without a flip.
    """

    size: str
    verdicts: tuple[str, ...]
    turns: tuple[float, ...] = ()
    weaker_arm_se: float = 0.0
    family: str = ""


@dataclass(frozen=True)
class Run:
    """A task at several sizes: scores of shape (B, N, K), the tokens of each checkpoint, truths."""

    design: Design
    tokens_K: np.ndarray
    score_BNK: np.ndarray
    truths: tuple[Truth, ...]

    def table(self) -> pd.DataFrame:
        """Return the long table that ``find_flips`` takes."""
        n_sizes, n_items, n_points = self.score_BNK.shape
        sizes = pd.Categorical.from_codes(
            np.repeat(np.arange(n_sizes), n_items * n_points), [t.size for t in self.truths]
        )
        step_K = np.round(self.tokens_K / TOKENS_PER_STEP).astype(int)
        return pd.DataFrame(
            {
                "task": pd.Categorical.from_codes(np.zeros(len(sizes), int), ["simulated"]),
                "metric": pd.Categorical.from_codes(
                    np.zeros(len(sizes), int), [self.design.metric]
                ),
                "size": sizes,
                "step": np.tile(step_K, n_sizes * n_items),
                "tokens": np.tile(self.tokens_K, n_sizes * n_items),
                "item": np.tile(np.repeat(np.arange(n_items), n_points), n_sizes),
                "score": self.score_BNK.ravel(),
            }
        )


def simulate(design: Design, rng: np.random.Generator) -> Run:
    """Return one run; every size has its own curve of the shape, items are shared."""
    step_K = _steps(design.grid)
    tokens_K = step_K * float(TOKENS_PER_STEP)
    position_K = np.log10(tokens_K)
    x_K = (position_K - position_K[0]) / np.ptp(position_K)
    span = float(np.ptp(position_K))
    difficulty_N = rng.standard_normal(design.n_items)
    scores, truths = [], []
    for i in range(design.n_sizes):
        curve = _curve(design, rng)
        shock_sd, autocorrelation = SHOCKS[design.shock]
        shock_K = shock_sd * _autocorrelated(design.grid, autocorrelation, rng)
        mean_K = np.clip(curve.at(x_K) + shock_K, 0.005, 0.995)
        latent_NK = _latent(difficulty_N, position_K, rng)
        if design.metric == "accuracy":
            score_NK = (latent_NK < ndtri(mean_K)).astype(float)
            item_sd = float(np.sqrt(np.mean(mean_K * (1 - mean_K))))
        else:
            score_NK = _NATS * (mean_K - 1.0 - 0.4 * latent_NK)
            item_sd = 0.4
        scores.append(score_NK)
        arm_se = np.sqrt(2 * (item_sd**2 / design.n_items + shock_sd**2))
        truths.append(
            Truth(
                f"s{i}",
                curve.verdicts,
                tuple(float(position_K[0] + span * turn) for turn in curve.turns),
                curve.weaker_arm(x_K) / arm_se,
                curve.family,
            )
        )
    return Run(design, tokens_K, np.array(scores), tuple(truths))


def _steps(grid: int) -> np.ndarray:
    if grid == 153:
        return PYTHIA_STEPS
    return np.unique(np.round(np.geomspace(16, 143_000, grid)).astype(int))


def _autocorrelated(n: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    noise_K = rng.standard_normal(n)
    for k in range(1, n):
        noise_K[k] = rho * noise_K[k - 1] + np.sqrt(1 - rho**2) * noise_K[k]
    return noise_K


def _latent(
    difficulty_N: np.ndarray, position_K: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return standard normal latents: 45 % the item's own, 35 % persistent, 20 % new each time."""
    n, k = len(difficulty_N), len(position_K)
    keep_K = np.exp(-np.diff(position_K) / 0.5)
    fresh_NK = rng.standard_normal((n, k))
    drift_NK = np.empty((n, k))
    drift_NK[:, 0] = fresh_NK[:, 0]
    for j in range(1, k):
        drift_NK[:, j] = (
            keep_K[j - 1] * drift_NK[:, j - 1] + np.sqrt(1 - keep_K[j - 1] ** 2) * fresh_NK[:, j]
        )
    new_NK = rng.standard_normal((n, k))
    return np.sqrt(0.45) * difficulty_N[:, None] + np.sqrt(0.35) * drift_NK + np.sqrt(0.2) * new_NK


# --- curves ---


@dataclass(frozen=True)
class _Curve:
    at: Callable[[np.ndarray], np.ndarray]
    verdicts: tuple[str, ...]
    turns: tuple[float, ...] = ()
    family: str = ""

    def weaker_arm(self, x_K: np.ndarray) -> float:
        """Return the least change between successive turns and ends, over the range of the grid."""
        if not self.turns:
            return 0.0
        ends = np.array([x_K[0], *self.turns, x_K[-1]])
        return float(np.abs(np.diff(self.at(ends))).min())


def _curve(design: Design, rng: np.random.Generator) -> _Curve:
    if design.shape in WITHOUT_FLIP:
        return _monotone(design.shape, rng)
    if design.shape == "W":
        return _double(rng)
    return _foreign(design.shape, rng) if design.foreign else _turning(design.shape, rng)


def _monotone(shape: str, rng: np.random.Generator) -> _Curve:
    if shape == "flat":
        level = rng.uniform(0.2, 0.8)
        return _Curve(lambda x: np.full_like(x, level), ("flat", "inconclusive"))
    up = rng.random() < 0.5
    size, at, rate = rng.uniform(0.1, 0.7), rng.uniform(0.35, 0.75), rng.uniform(4, 12)
    base = rng.uniform(0.1, 0.9 - size)
    unit = {
        "linear": lambda x: x,
        "saturating": lambda x: 1 - np.exp(-rate * x),
        "plateau then rise": lambda x: np.maximum(x - at, 0) / (1 - at),
        "step": lambda x: np.where(x < at, 0.0, 1.0),
    }[shape]
    return _Curve(
        lambda x: base + size * (unit(x) if up else 1 - unit(x)),
        ("monotone_up",) if up else ("monotone_down",),
    )


def _foreign(shape: str, rng: np.random.Generator) -> _Curve:
    down_first = {"U": True, "inverted U": False}.get(shape, rng.random() < 0.5)
    span = {"late flip": (0.7, 0.88), "asymmetric": (0.2, 0.8)}.get(shape, (0.3, 0.7))
    left = float(np.exp(rng.uniform(np.log(0.05), np.log(0.5))))
    right = left * float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))
    curve = foreign_curve(span, (left, min(right, 0.7)), rng)
    base = rng.uniform(0.08, 0.92 - max(left, min(right, 0.7)))
    sign, low = (1.0, base) if down_first else (-1.0, 1 - base)
    verdict = "U" if down_first else "inverted_U"
    return _Curve(lambda x: low + sign * curve.unit(x), (verdict,), (curve.turn,), curve.family)


def _turning(shape: str, rng: np.random.Generator) -> _Curve:
    down_first = {"U": True, "inverted U": False}.get(shape, rng.random() < 0.5)
    turn = {"late flip": rng.uniform(0.7, 0.88), "asymmetric": rng.uniform(0.25, 0.75)}.get(
        shape, rng.uniform(0.35, 0.65)
    )
    left = np.exp(rng.uniform(np.log(0.05), np.log(0.5)))
    right = left * (rng.uniform(0.25, 4) if shape == "asymmetric" else rng.uniform(0.7, 1.4))
    right = min(right, 0.7)
    family = str(rng.choice(["piecewise linear", "quadratic", "logistic", "gamma"]))
    unit = _family(family, turn, left, right, rng)
    base = rng.uniform(0.08, 0.92 - max(left, right))
    sign = 1.0 if down_first else -1.0
    low = base if down_first else 1 - base
    return _Curve(
        lambda x: low + sign * unit(x),
        ("U",) if down_first else ("inverted_U",),
        (turn,),
        family,
    )


def _family(
    family: str, turn: float, left: float, right: float, rng: np.random.Generator
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a curve that is 0 at `turn`, `left` at 0 and `right` at 1, and turns only there."""
    if family == "piecewise linear":
        return lambda x: np.interp(x, [0, turn, 1], [left, 0, right])
    if family == "quadratic":
        return lambda x: np.where(
            x < turn, left * (1 - x / turn) ** 2, right * ((x - turn) / (1 - turn)) ** 2
        )
    if family == "gamma":  # t exp(1 - t) about its top at t = 1, stretched to both ends
        power = rng.uniform(1, 3)
        before = lambda x: 1 - (np.maximum(x, 0) / turn * np.exp(1 - x / turn)) ** power  # noqa: E731
        end = (1 / turn * np.exp(1 - 1 / turn)) ** power
        return lambda x: np.where(x < turn, left * before(x), right * before(x) / (1 - end))
    steep = rng.uniform(4, 10)

    def logistic(t: np.ndarray) -> np.ndarray:
        """Return an S from 0 at t = 0 to 1 at t = 1."""
        s = lambda v: 1 / (1 + np.exp(-steep * (v - 0.5)))  # noqa: E731
        return (s(t) - s(0.0)) / (s(1.0) - s(0.0))

    return lambda x: np.where(
        x < turn,
        left * logistic(np.clip(1 - x / turn, 0, 1)),
        right * logistic(np.clip((x - turn) / (1 - turn), 0, 1)),
    )


def _double(rng: np.random.Generator) -> _Curve:
    turns = np.cumsum(rng.uniform(0.7, 1.3, size=4))
    turns = turns[:3] / turns[3]
    arm = np.exp(rng.uniform(np.log(0.1), np.log(0.5)))
    base = rng.uniform(0.08, 0.92 - arm)
    down_first = rng.random() < 0.5
    heights = [1.0, 0, 1, 0, 1] if down_first else [0.0, 1, 0, 1, 0]
    return _Curve(
        lambda x: base + arm * np.interp(x, [0, *turns, 1], heights),
        ("other",),
        tuple(float(t) for t in turns),
        "piecewise linear",
    )
