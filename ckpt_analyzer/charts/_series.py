"""Names and places of the curves of a chart: which size, which panel, where on the axis.

In: ``tables.TRENDS`` and ``tables.FLIPS`` as frames. Out: labelled sizes, panels, rows to draw. It
knows nothing of altair; the report uses it for its tables too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ckpt_analyzer.suite import ARMS
from ckpt_analyzer.tables import SERIES

#: The verdicts that carry one turning point.
FLIP_VERDICTS = ("U", "inverted_U")
#: The verdicts with at least one.
TURNING = (*FLIP_VERDICTS, "other")
#: The axis of training time: tokens of the arm, so a tuned arm counts from its own step 0.
TIME_AXIS = "tokens"
#: What a panel can be drawn over.
Axis = Literal["tokens", "flops", "parameters", "shots"]
#: Columns that, besides the task, choose what one chart shows.
SETTING = ("shots", "prompt_format", "dtype")


@dataclass(frozen=True)
class Reach:
    """How far a panel goes along an axis: its smallest and largest positive place."""

    first: float
    last: float
    starts_at_zero: bool = False


@dataclass(frozen=True)
class Panel:
    """One small chart: all models of one suite and arm.

    Parameters
    ----------
    sizes
        Labels of all sizes of the whole page, so that colours agree between panels.
    tokens, flops
        How far training goes, that of the arm alone where it is tuned.
    is_dense
        Whether points would hide the curves.
    has_base_end
        Whether the end of the base model is known, from which tuning started; it lies at 0.
    parameters
        Each size of the panel with its parameters, the smallest first.
    steps, step_tokens
        The checkpoints that are drawn over parameters, and their tokens.
    shots
        The numbers of examples before a prompt, where there are several.
    """

    suite: str
    arm: str
    title: str
    sizes: tuple[str, ...]
    tokens: Reach
    flops: Reach
    is_dense: bool
    has_base_end: bool
    parameters: tuple[tuple[str, int], ...]
    steps: tuple[int, ...]
    step_tokens: tuple[float, ...]
    shots: tuple[int, ...] = ()

    def reach(self, axis: Axis) -> Reach:
        """Return how far the panel goes along `axis`."""
        if axis == "parameters":
            return Reach(self.parameters[0][1], self.parameters[-1][1])
        if axis == "shots":  # as fits take it: the logarithm of one more than the shots
            return Reach(2.0, float(self.shots[-1]), starts_at_zero=True)
        return self.tokens if axis == "tokens" else self.flops

    def axis_title(self, axis: Axis = "tokens") -> str:
        """Return what the horizontal axis counts."""
        if axis == "parameters":
            return "parameters"
        if axis == "shots":
            return "examples before each prompt"
        unit = "tokens" if axis == "tokens" else "FLOPs"
        return f"training {unit}" if self.arm == "base" else f"{unit} of {self.arm} tuning"


def size_labels(frame: pd.DataFrame) -> pd.Series:
    """Return one label per row: the size, the suite where there are several, the model if need be.

    Two models of one suite and arm may share a size; then their names tell them apart.
    """
    models = frame[["suite", "arm", "size", "model"]].drop_duplicates()
    per_size = models.groupby(["suite", "arm", "size"], observed=True)["model"].nunique()
    if (per_size > 1).any():
        return frame["model"].astype(str)
    if frame["suite"].nunique() > 1:
        return frame["suite"].astype(str) + " " + frame["size"].astype(str)
    return frame["size"].astype(str)


def sizes_of(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the labels of all sizes, fewest parameters first."""
    order = frame.assign(label=size_labels(frame)).groupby("label")["parameters"].min()
    ordered = sorted(order.items(), key=lambda pair: (pair[1], str(pair[0])))
    return tuple(str(label) for label, _ in ordered)


def axis_tokens(trends: pd.DataFrame) -> pd.Series:
    """Return each row's place on its panel's axis: tokens, or the arm's own tokens when tuned."""
    return trends["tokens"].where(trends["arm"] == "base", trends["arm_tokens"])


def axis_places(trends: pd.DataFrame, axis: Axis) -> pd.Series:
    """Return each row's place on `axis` of its panel; training counts that of the arm alone."""
    if axis in ("parameters", "shots"):
        return trends[axis]
    tokens = axis_tokens(trends)
    return tokens if axis == "tokens" else 6.0 * trends["parameters"] * tokens


def panels_of(trends: pd.DataFrame, sizes: Iterable[str], dense_above: int = 40) -> list[Panel]:
    """Return the panels of `trends`, suite by suite, the base arm first."""
    sizes = tuple(sizes)
    rank = {str(arm): i for i, arm in enumerate(ARMS)}
    trends = trends.assign(label=size_labels(trends))
    keys = trends[["suite", "arm"]].drop_duplicates().itertuples(index=False)
    ordered = sorted(keys, key=lambda key: (str(key.suite), rank[str(key.arm)]))
    several = trends["suite"].nunique() > 1
    panels = []
    for key in ordered:
        of_suite = trends[trends["suite"] == key.suite]
        rows = of_suite[of_suite["arm"] == key.arm]
        base_models = set(of_suite.loc[of_suite["arm"] == "base", "model"])
        has_base_end = bool(key.arm != "base" and rows["base_model"].isin(base_models).any())
        panels.append(
            Panel(
                suite=str(key.suite),
                arm=str(key.arm),
                title=f"{key.suite} · {key.arm}" if several else str(key.arm).capitalize(),
                sizes=sizes,
                tokens=_reach(axis_places(rows, "tokens"), has_base_end),
                flops=_reach(axis_places(rows, "flops"), has_base_end),
                is_dense=axis_tokens(rows).nunique() > dense_above,
                has_base_end=has_base_end,
                parameters=_parameters(rows),
                steps=(steps := spread_steps(rows)),
                step_tokens=tuple(_tokens_at(rows, step) for step in steps),
                shots=_several(rows["shots"]),
            )
        )
    return panels


def _reach(places: pd.Series, has_base_end: bool) -> Reach:
    positive = places[places > 0]
    if positive.empty:
        return Reach(1.0, 10.0, starts_at_zero=True)
    starts_at_zero = has_base_end or bool((places == 0).any())
    return Reach(float(positive.min()), float(positive.max()), starts_at_zero)


def _several(shots: pd.Series) -> tuple[int, ...]:
    found = tuple(sorted(int(n) for n in shots.unique()))
    return found if len(found) > 1 else ()


def _parameters(rows: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    sizes = rows[["label", "parameters"]].drop_duplicates("label").sort_values("parameters")
    return tuple(zip(sizes["label"], sizes["parameters"].map(int), strict=True))


def _tokens_at(rows: pd.DataFrame, step: int) -> float:
    return float(axis_tokens(rows[rows["step"] == step]).median())


def spread_steps(rows: pd.DataFrame, n_steps: int = 8) -> tuple[int, ...]:
    """Return at most `n_steps` trained checkpoints, even in the logarithm, the last among them.

    Only checkpoints that the most sizes share are taken; none if there is one size alone.
    """
    trusted = rows[rows["suspect"].isna()].assign(place=axis_tokens(rows))
    n_models = trusted[trusted["place"] > 0].groupby("step")["model"].nunique()
    if n_models.empty or n_models.max() < 2:
        return ()
    steps = n_models.index[n_models == n_models.max()].to_numpy()
    targets = np.geomspace(steps[0], steps[-1], n_steps)
    nearest = np.abs(np.log(steps[:, None] / targets)).argmin(axis=0)
    return tuple(int(step) for step in np.unique(steps[nearest]))


def round_places(first: float, last: float) -> list[float]:
    """Return round places from `first` to `last`: decades, or 1, 2, 5 if few."""
    low, high = math.log10(first) - 1e-9, math.log10(last) + 1e-9
    for digits in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        places = [d * 10.0**k for k in range(math.floor(low), math.ceil(high)) for d in digits]
        ticks = [place for place in places if low <= math.log10(place) <= high]
        if len(ticks) >= 3:
            return ticks
    return sorted({float(f"{place:.1e}") for place in (first, last)})


def time_flips(flips: pd.DataFrame) -> pd.DataFrame:
    """Return the decided flips over training time."""
    decided = flips["verdict"].isin(FLIP_VERDICTS) & flips["flip_at"].notna()
    return flips[decided & (flips["axis"] == TIME_AXIS)]


def place_flips(flips: pd.DataFrame, trends: pd.DataFrame) -> pd.DataFrame:
    """Return the decided flips with their place on the panel's axis and on the curve.

    Returns
    -------
    pandas.DataFrame
        `flips` with ``x``, ``lo``, ``hi`` in tokens of the panel's axis and ``y`` in units of the
        metric, read off the curve.
    """
    found = time_flips(flips)
    trusted = trends[trends["suspect"].isna()].sort_values("tokens")
    curves = dict(tuple(trusted.groupby(list(SERIES), observed=True)))
    heights = [
        _height(float(row["flip_at"]), curves.get(tuple(row[name] for name in SERIES)))
        for _, row in found.iterrows()
    ]
    places = found[["flip_at", "ci_lo", "ci_hi"]].astype(float)
    return found.assign(
        x=places["flip_at"], lo=places["ci_lo"], hi=places["ci_hi"], y=np.array(heights, float)
    )


def _height(place_tokens: float, curve: pd.DataFrame | None) -> float:
    """Return the value of `curve` at a place between its checkpoints; NaN without a curve."""
    if curve is None:
        return float("nan")
    along = axis_tokens(curve).to_numpy(float)
    return float(np.interp(place_tokens, along, curve["value"].to_numpy(float)))
