"""The pictures of ``docs/concepts.md``: one function each, made-up numbers, fixed seeds."""

from __future__ import annotations

import math

import numpy as np

from docs.pictures.drawing import BLUE, GOLD, INK, RED, SOFT, Plot, picture

X = np.linspace(0, 1, 41)
K = np.linspace(0.03, 0.97, 13)
_TRAINING = "training tokens (log) →"


def three_measures() -> str:
    """One change, seen by accuracy, by loss and by the probability of the right choice."""
    p = 0.06 + 0.86 / (1 + np.exp(-7 * (X - 0.5)))
    ticks = ((0, "0"), (0.5, "½"), (1, "1"))
    accuracy = Plot("Accuracy of one item", _TRAINING, y_ticks=((0, "0"), (1, "1")))
    accuracy.curve(X, (p > 0.5).astype(float), RED)
    probability = Plot("Gold probability", _TRAINING, y_ticks=ticks)
    probability.level(0.5)
    probability.curve(X, p)
    loss = Plot("Loss, nats", _TRAINING, y_range=(0, 3), y_ticks=((0, "0"), (math.log(2), "ln 2")))
    loss.level(math.log(2))
    loss.curve(X, -np.log(p), GOLD)
    return picture(
        [accuracy, probability, loss],
        "The same item: accuracy jumps once, probability and loss move throughout",
    )


def standard_error() -> str:
    """The band of a mean over 36 and over 900 items."""
    plots = []
    value = 0.35 + 0.3 * X
    for n in (36, 900):
        reach = 1.96 * np.sqrt(value * (1 - value) / n)
        plot = Plot(f"{n} items", _TRAINING, y_ticks=((0, "0"), (0.5, "½"), (1, "1")), width=220)
        plot.band(X, value - reach, value + reach)
        plot.curve(X, value)
        plots.append(plot)
    return picture(plots, "The 95 % band of a mean is five times as wide on 36 items as on 900")


def checkpoint_shock() -> str:
    """Checkpoints that scatter more than their items allow."""
    rng = np.random.default_rng(3)
    trend = 0.35 + 0.3 * K
    plots = []
    for title, spread in (("Items are the only noise", 0.015), ("Checkpoints have shocks", 0.11)):
        plot = Plot(title, _TRAINING, y_ticks=((0, "0"), (0.5, "½"), (1, "1")), width=220)
        plot.band(K, trend - 0.033, trend + 0.033)
        plot.curve(K, trend, SOFT)
        plot.dots(K, trend + rng.normal(0, spread, len(K)))
        plots.append(plot)
    return picture(plots, "Right: all items of a checkpoint move together, beyond their band")


def verdicts() -> str:
    """The shapes that a trend may have."""
    rng = np.random.default_rng(1)
    shapes = {
        "monotone_up": 0.2 + 0.6 * X,
        "monotone_down": 0.8 - 0.6 * X,
        "flat": np.full(41, 0.5),
        "U": 0.25 + 2.2 * (X - 0.5) ** 2,
        "inverted_U": 0.75 - 2.2 * (X - 0.5) ** 2,
        "other": 0.5 + 0.3 * np.sin(10 * X),
        "inconclusive": 0.5 + 0.08 * np.sin(5 * X),
    }
    plots = []
    for name, value in shapes.items():
        plot = Plot(name, width=82, height=64)
        noise = 0.16 if name == "inconclusive" else 0.02
        at = slice(1, None, 4)
        plot.curve(X, value, SOFT)
        plot.dots(X[at], value[at] + rng.normal(0, noise, len(X[at])))
        plots.append(plot)
    return picture(plots, "Seven verdicts: rising, falling, flat, U, inverted U, other, unclear")


def flip() -> str:
    """A U with its two arms, its place and the two intervals of that place."""
    rng = np.random.default_rng(7)
    value = 0.25 + 0.5 * np.abs(X - 0.45) ** 1.3 / 0.45**1.3
    dots = 0.25 + 0.5 * np.abs(K - 0.45) ** 1.3 / 0.45**1.3 + rng.normal(0, 0.02, len(K))
    plot = Plot(
        "A flip", _TRAINING, y_range=(0, 1), y_ticks=((0, "0"), (0.5, "½"), (1, "1")),
        width=440, height=170,
    )  # fmt: skip
    plot.curve(X, value, SOFT)
    plot.dots(K, dots)
    plot.label(0.1, 0.83, "first arm: certain fall", BLUE)
    plot.label(0.99, 0.4, "second arm: certain rise", BLUE, "end")
    plot.line((0.45, 0.45), (0.04, 0.36), INK)
    plot.label(0.46, 0.34, "place")
    plot.line((0.38, 0.53), (0.14, 0.14), RED, 5)
    plot.label(0.55, 0.12, "calibrated interval", RED)
    plot.line((0.24, 0.68), (0.06, 0.06), GOLD, 5)
    plot.label(0.70, 0.04, "honest interval", GOLD)
    return picture([plot], "A U: a certain fall, a certain rise, and where it turns")


def flat_and_inconclusive() -> str:
    """Two curves without a certain change, which do not say the same."""
    plots = []
    rng = np.random.default_rng(5)
    for title, spread in (("flat", 0.008), ("inconclusive", 0.05)):
        plot = Plot(
            title, _TRAINING, y_range=(0.2, 0.8), y_ticks=((0.45, "−.05"), (0.55, "+.05")),
            width=220,
        )  # fmt: skip
        plot.level(0.45)
        plot.level(0.55)
        for x, y in zip(K, 0.5 + rng.normal(0, spread, len(K)), strict=True):
            plot.line((x, x), (y - 1.96 * spread, y + 1.96 * spread))
            plot.dots([x], [y])
        plots.append(plot)
    return picture(plots, "Flat: any change is smaller than 0.05. Inconclusive: nothing is known")


def quadratic() -> str:
    """A curve that rises and levels out, and the parabola that seems to turn."""
    value = 0.2 + 0.6 * (1 - np.exp(-6 * K))
    best = np.polyfit(K, value, 2)
    plot = Plot(
        "A curve that levels out", _TRAINING, y_ticks=((0, "0"), (0.5, "½"), (1, "1")), width=440,
        height=150,
    )  # fmt: skip
    plot.curve(X, np.polyval(best, X), RED, "5 4")
    plot.dots(K, value)
    top = float(-best[1] / (2 * best[0]))
    plot.line((top, top), (0, float(np.polyval(best, top))), RED)
    plot.label(top, 0.06, "where the parabola turns ", RED, "end")
    return picture([plot], "The fitted parabola turns inside the range; the curve never does")


def adjusted_p() -> str:
    """Twenty sorted p values under the lines of both corrections."""
    n, alpha = 20, 0.05
    rank = np.arange(1, n + 1)
    p = np.array([0.0005, 0.001, 0.0018, 0.006, 0.009, 0.0125, 0.03, 0.045,
                  *np.linspace(0.07, 0.098, n - 8)])  # fmt: skip
    harmonic = float(np.sum(1 / rank))
    plot = Plot(
        "20 series, the smallest p first", "rank →", y_range=(0, 0.1), x_range=(0, n + 1),
        y_ticks=((0, "0"), (0.05, ".05"), (0.1, ".1")), width=440, height=150,
    )  # fmt: skip
    plot.level(alpha, "0.05, uncorrected")
    plot.line((0, n), (0, alpha), RED, 1.5)
    plot.line((0, n), (0, alpha / harmonic), GOLD, 1.5)
    plot.label(15.2, 0.029, "Benjamini–Hochberg", RED)
    plot.label(15.2, 0.016, "Benjamini–Yekutieli", GOLD)
    found = p <= alpha * rank / n
    last = int(np.flatnonzero(found)[-1])
    plot.dots(rank[: last + 1], p[: last + 1], BLUE)
    plot.dots(rank[last + 1 :], p[last + 1 :], SOFT)
    return picture(
        [plot], "Eight p lie below 0.05: six pass Benjamini-Hochberg, three Benjamini-Yekutieli"
    )


def paired() -> str:
    """The same items before and after tuning."""
    rng = np.random.default_rng(11)
    before = rng.uniform(0.15, 0.9, 14)
    after = np.clip(before - rng.normal(0.12, 0.06, 14), 0.03, 0.97)
    apart, pairs = (
        Plot(title, y_range=(-0.15, 1), y_ticks=((0, "0"), (1, "1")), width=220)
        for title in ("Two means, items forgotten", "The same items, paired")
    )
    for x, values in ((0.25, before), (0.75, after)):
        error = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
        mean = float(values.mean())
        apart.line((x, x), (mean - error, mean + error), BLUE, 2)
        apart.dots([x], [mean])
    for one, other in zip(before, after, strict=True):
        pairs.line((0.25, 0.75), (one, other), RED if other < one else BLUE)
    for plot in (apart, pairs):
        plot.label(0.25, -0.11, "base", SOFT, "middle")
        plot.label(0.75, -0.11, "tuned", SOFT, "middle")
    return picture([apart, pairs], "The two intervals overlap; nearly every item fell")


#: By name of the file in ``docs/pictures``.
PICTURES = {
    f"{draw.__name__.replace('_', '-')}.svg": draw
    for draw in (
        three_measures, standard_error, checkpoint_shock, verdicts, flip, flat_and_inconclusive,
        quadratic, adjusted_p, paired,
    )
}  # fmt: skip
