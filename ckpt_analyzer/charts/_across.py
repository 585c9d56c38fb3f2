"""Where trends turn along axes that join models: parameters and FLOPs.

In: flips and trends. Out: the flips with their place on the curve. It knows nothing of altair.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ckpt_analyzer.charts._pairs import PAIRED_BY, last_trusted
from ckpt_analyzer.charts._series import FLIP_VERDICTS


def place_across(flips: pd.DataFrame, trends: pd.DataFrame) -> pd.DataFrame:
    """Return the decided flips over parameters and FLOPs with their place.

    A flip over parameters belongs to one checkpoint, one over FLOPs to the last checkpoints of all
    sizes. FLOPs of a tuned arm hold those of its base model, which no panel shows; such flips are
    left out.

    Returns
    -------
    pandas.DataFrame
        `flips` with ``x``, ``lo``, ``hi`` on the axis, ``y`` in units of the metric, read off the
        curve, and ``step`` (-1 over FLOPs).
    """
    decided = flips["verdict"].isin(FLIP_VERDICTS) & flips["flip_at"].notna()
    over_flops = (flips["axis"] == "flops") & (flips["arm"] == "base")
    found = flips[decided & (over_flops | (flips["axis"] == "parameters"))]
    curves = {
        "parameters": _curves(trends[trends["suspect"].isna()], "parameters"),
        "flops": _curves(last_trusted(trends).assign(step=-1), "flops"),
    }
    steps = [_step(row) for _, row in found.iterrows()]
    heights = [
        _height(row, curves[row["axis"]].get((*(row[name] for name in _KEY), step)))
        for (_, row), step in zip(found.iterrows(), steps, strict=True)
    ]
    places = found[["flip_at", "ci_lo", "ci_hi"]].astype(float)
    return found.assign(
        x=places["flip_at"], lo=places["ci_lo"], hi=places["ci_hi"],
        y=np.array(heights, float), step=np.array(steps, int),
    )  # fmt: skip


#: ``model`` is what the key of a flip says of the models that it joins: all, or those of a seed.
_KEY = (*PAIRED_BY, "arm", "model")


def _curves(trends: pd.DataFrame, axis: str) -> dict[tuple[object, ...], pd.DataFrame]:
    named = trends.assign(model=[_joined(seed) for seed in trends["seed"]])
    sorted_rows = named.sort_values(axis).assign(at=lambda rows: rows[axis].astype(float))
    return dict(tuple(sorted_rows.groupby([*_KEY, "step"], observed=True)))


def _joined(seed: float | None) -> str:
    return "(all)" if seed is None or np.isnan(seed) else f"(seed {int(seed)})"


def _step(flip: pd.Series) -> int:
    return int(flip["size"].removeprefix("step ")) if flip["axis"] == "parameters" else -1


def _height(flip: pd.Series, curve: pd.DataFrame | None) -> float:
    if curve is None:
        return float("nan")
    place = np.log(float(flip["flip_at"]))
    return float(np.interp(place, np.log(curve["at"]), curve["value"].astype(float)))
