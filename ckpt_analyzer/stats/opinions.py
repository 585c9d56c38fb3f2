"""What other ways to look for a turn say of a series: second opinions beside the verdict.

In: flips and the table that they were found in. Out: the same flips with opinions, and a flag
where a turn lies in the noise of the first steps. Nothing here changes a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from ckpt_analyzer.stats import fits
from ckpt_analyzer.stats.fit import FittedCurve
from ckpt_analyzer.stats.series import Series
from ckpt_analyzer.stats.series_tables import KEY_DEFAULTS, Axis, Cut, cut_series

#: The columns of `second_opinions` after those that name a series.
OPINION = ("fit", "verdict", "flip_at", "ci_lo", "ci_hi", "p")
_TURNING = ("U", "inverted_U", "other")
Opinion = Literal["U", "inverted_U", "none"]

#: In so many tokens (step 512 of Pythia) scores follow the label words that a model happens to
#: prefer, and jump; a run of less than ten times as many is no such run: it is small throughout.
LABEL_BIAS_TOKENS = 512 * 2_097_152.0
LONG_RUN = 10.0


def opinion_fits() -> tuple[str, ...]:
    """Return the names of the fits that look for a turn and decide nothing."""
    loaded = {name: fits.load(name) for name in fits.names()}
    return tuple(name for name, fit in loaded.items() if fit.sees_turns and not fit.decides)


def second_opinions(
    table: pd.DataFrame,
    *,
    axis: Axis = "tokens",
    alpha: float = 0.05,
    names: Iterable[str] | None = None,
    keep_suspect: bool = False,
) -> pd.DataFrame:
    """Return one row per series and fit: whether and where that fit sees a turn.

    Parameters
    ----------
    table
        As ``find_flips`` takes it.
    names
        Of fits; None for all that look for a turn.

    Returns
    -------
    pandas.DataFrame
        The columns that name a series, and ``OPINION``. ``verdict`` is ``U`` or ``inverted_U``
        where the turn lies inside the observed range and the fit's own test, if it has one, is
        significant at `alpha`; else ``none``. Places are on the axis, not its logarithm.
    """
    chosen = opinion_fits() if names is None else tuple(names)
    rows = [
        {name: series.key[name] for name in KEY_DEFAULTS} | opinion
        for series in cut_series(table, Cut(axis, keep_suspect))
        for opinion in opinions_of(series, chosen, shock_variance=0.0, alpha=alpha)
    ]
    return pd.DataFrame(rows, columns=[*KEY_DEFAULTS, *OPINION])


def with_opinions(
    flips: pd.DataFrame,
    series: Sequence[Series],
    *,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Return `flips` with ``second_opinions`` of every series that turns, and a flag of early ones.

    Parameters
    ----------
    flips
        Verdicts along one axis, one row for each of `series`, in their order.
    """
    names = opinion_fits()
    opinions: list[list[dict[str, Any]]] = []
    flags = []
    for one, flip in zip(series, flips.to_dict("records"), strict=True):
        turns = flip["verdict"] in _TURNING
        shock_variance = float(np.nan_to_num(flip["shock_sd"])) ** 2
        asked = names if turns else ()
        opinions.append(opinions_of(one, asked, shock_variance=shock_variance, alpha=alpha))
        is_early = turns and flip["flip_at"] < early_end(one)
        flags.append([*flip["flags"], "early-steps"] if is_early else list(flip["flags"]))
    return flips.assign(
        second_opinions=pd.Series(opinions, index=flips.index, dtype=object),
        flags=pd.Series(flags, index=flips.index, dtype=object),
    )


def opinions_of(
    series: Series, names: Iterable[str], *, shock_variance: float, alpha: float
) -> list[dict[str, Any]]:
    """Return what each of the fits `names` says of `series`, as records with the keys OPINION."""
    return [
        {"fit": name} | _opinion(fits.load(name).apply(series, shock_variance), series, alpha)
        for name in names
    ]


def _opinion(curve: FittedCurve, series: Series, alpha: float) -> dict[str, Any]:
    verdict: Opinion = "none"
    at = curve.turning_point
    if at is not None and _is_inside(at, series) and (curve.p is None or curve.p < alpha):
        verdict = "U" if curve.is_u else "inverted_U"
    turns = verdict != "none"
    return {
        "verdict": verdict,
        "flip_at": _place(series, at) if turns else None,
        "ci_lo": _place(series, curve.lo) if turns else None,
        "ci_hi": _place(series, curve.hi) if turns else None,
        "p": curve.p,
    }


def _is_inside(position: float, series: Series) -> bool:
    return bool(series.position_K[0] < position < series.position_K[-1])


def _place(series: Series, position: float | None) -> float | None:
    """Return a place on the axis; an end beyond what was observed is cut there."""
    if position is None:
        return None
    return series.place(float(np.clip(position, series.position_K[0], series.position_K[-1])))


def early_end(series: Series) -> float:
    """Return the tokens before which scores follow label words; 0 where that is not known.

    Known of base models over tokens whose run is long.
    """
    is_known = series.axis == "tokens" and series.key["arm"] == "base" and len(series.position_K)
    if not is_known or series.place(float(series.position_K[-1])) < LONG_RUN * LABEL_BIAS_TOKENS:
        return 0.0
    return LABEL_BIAS_TOKENS
