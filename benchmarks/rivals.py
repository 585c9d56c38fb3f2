"""The usual ways to call a flip, as they are used: no item covariance, no shocks.

In: positions and means of one series. Out: whether a flip is called, and its place with a 95 %
interval where the method gives one. The quadratic comes from the fits of the package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ckpt_analyzer.stats.fits import load
from ckpt_analyzer.stats.series import Series

ALPHA = 0.05
NAMES = ("quadratic u-test", "two lines", "segmented", "BIC breakpoints")


@dataclass(frozen=True)
class Call:
    """What a rival says of one series."""

    flips: bool
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True)
class _Lines:
    """Least-squares fit of a straight line up to a break and another after it."""

    rss: float
    slopes_2: np.ndarray
    errors_2: np.ndarray


def call(name: str, series: Series) -> Call:
    """Return what the rival called `name` says."""
    if name == "quadratic u-test":
        fit = load("quadratic").apply(series, 0.0)
        return Call(fit.p is not None and fit.p < ALPHA, fit.lo, fit.hi)
    x_K, y_K = series.position_K, series.value_K
    if name == "two lines":
        at = _quadratic_turn(x_K, y_K)
        return Call(at is not None and _opposite(_lines(x_K, y_K, at, jump=True), x_K))
    breaks = np.linspace(x_K[1], x_K[-2], 40)
    fits = [_lines(x_K, y_K, at, jump=False) for at in breaks]
    best = min(fits, key=lambda fit: fit.rss)
    if name == "segmented":
        df = max(len(x_K) - 4, 1)
        reach = best.rss * (1 + stats.f.ppf(1 - ALPHA, 1, df) / df)
        kept = [at for at, fit in zip(breaks, fits, strict=True) if fit.rss <= reach]
        return Call(_opposite(best, x_K), min(kept), max(kept))
    n = len(x_K)
    straight = float(np.polyfit(x_K, y_K, 1, full=True)[1].sum())
    better = n * np.log(max(best.rss, 1e-300)) + 4 * np.log(n) < (
        n * np.log(max(straight, 1e-300)) + 2 * np.log(n)
    )
    return Call(bool(better and np.prod(best.slopes_2) < 0))


def _quadratic_turn(x_K: np.ndarray, y_K: np.ndarray) -> float | None:
    square, linear, _ = np.polyfit(x_K, y_K, 2)
    at = -linear / (2 * square) if square else np.inf
    return float(at) if x_K[1] < at < x_K[-2] else None


def _lines(x_K: np.ndarray, y_K: np.ndarray, at: float, *, jump: bool) -> _Lines:
    before_K, after_K = np.minimum(x_K - at, 0), np.maximum(x_K - at, 0)
    columns = [np.ones_like(x_K), before_K, after_K, *([x_K >= at] if jump else [])]
    design = np.column_stack(columns).astype(float)
    coefficients, *_ = np.linalg.lstsq(design, y_K, rcond=None)
    rss = float(((y_K - design @ coefficients) ** 2).sum())
    variance = rss / max(len(x_K) - design.shape[1], 1)
    covariance = variance * np.linalg.pinv(design.T @ design)
    return _Lines(rss, coefficients[1:3], np.sqrt(np.maximum(np.diag(covariance)[1:3], 0)))


def _opposite(lines: _Lines, x_K: np.ndarray) -> bool:
    """Return whether both slopes are significant and of opposite signs."""
    critical = stats.t.ppf(1 - ALPHA / 2, max(len(x_K) - 4, 1))
    significant = np.abs(lines.slopes_2) > critical * np.maximum(lines.errors_2, 1e-12)
    return bool(significant.all() and np.prod(lines.slopes_2) < 0)
