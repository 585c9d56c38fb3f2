"""Whether a flip moves with the size of the model.

In: flips along tokens, several sizes of a suite. Out: per task and shape one slope: by how many
decades the turn comes later for a decade more of parameters. The flips are taken as decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ckpt_analyzer.stats.random_effects import meta_regression

if TYPE_CHECKING:
    import pandas as pd

_GROUP = ("suite", "arm", "task", "shots", "prompt_format", "dtype", "metric", "verdict")
#: The columns of the result.
COLUMNS = (
    *_GROUP,
    "n_sizes", "slope", "slope_lo", "slope_hi", "p", "tau_decades", "q_p", "n_left_out",
    "smallest", "largest", "centre", "place", "place_se", "slope_se", "covariance", "df",
)  # fmt: skip
#: Two coefficients, and a residual to spare.
LEAST_SIZES = 3
_LINE_POINTS = 17
_Z95 = 1.959964


def movement_with_size(flips: pd.DataFrame) -> pd.DataFrame:
    """Return how the turn of each task moves with size; no rows where fewer than 3 sizes turn.

    A regression of log10 of the place on log10 of the parameters, with weights from the intervals
    of the places and from the variance of the places beyond these (REML); its own interval is that
    of Knapp and Hartung. A place whose interval reaches the edge of the data (flag ``at-edge``) is
    no estimate on a line: it is left out and counted.

    Parameters
    ----------
    flips
        Rows of ``tables.FLIPS``.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``. ``slope`` is in decades of tokens per decade of parameters,
        ``tau_decades`` the spread of the places about the line, ``q_p`` the p of no such spread.
        The sizes that turn go from ``smallest`` to ``largest`` (parameters). At ``centre`` (log10
        parameters) the line is at ``place`` (log10 tokens); ``place_se``, ``slope_se``, their
        ``covariance`` and ``df`` are what its band needs (``lines``).
    """
    import pandas as pd

    turning = flips[(flips["axis"] == "tokens") & flips["verdict"].isin(["U", "inverted_U"])]
    rows = [
        _row(dict(zip(_GROUP, key, strict=True)), part)
        for key, part in turning.groupby(list(_GROUP))
        if _usable(part)["parameters"].nunique() >= LEAST_SIZES
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _usable(flips: pd.DataFrame) -> pd.DataFrame:
    at_edge = flips["flags"].map(lambda flags: "at-edge" in flags).astype(bool)
    usable: pd.DataFrame = flips[~at_edge & flips["flip_at"].notna()]
    return usable


def _row(key: dict[str, Any], flips: pd.DataFrame) -> dict[str, Any]:
    import numpy as np

    used = _usable(flips)
    place_K = np.log10(used["flip_at"].to_numpy(float))
    width_K = np.log10(used["ci_hi"].to_numpy(float)) - np.log10(used["ci_lo"].to_numpy(float))
    size_K = np.log10(used["parameters"].to_numpy(float))
    design_K2 = np.column_stack([np.ones_like(size_K), size_K - size_K.mean()])
    error_K = np.maximum(width_K / (2 * _Z95), 1e-3)  # an interval of one point is not certainty
    fit = meta_regression(place_K, error_K, design_K2)
    low, high = fit.interval(1)
    return key | {
        "n_sizes": len(used),
        "slope": float(fit.coefficient_P[1]),
        "slope_lo": low,
        "slope_hi": high,
        "p": fit.p(1),
        "tau_decades": float(np.sqrt(fit.tau2)),
        "q_p": fit.q_p,
        "n_left_out": len(flips) - len(used),
        "smallest": float(used["parameters"].min()),
        "largest": float(used["parameters"].max()),
        "centre": float(size_K.mean()),
        "place": float(fit.coefficient_P[0]),
        "place_se": float(np.sqrt(fit.covariance_PP[0, 0])),
        "slope_se": float(np.sqrt(fit.covariance_PP[1, 1])),
        "covariance": float(fit.covariance_PP[0, 1]),
        "df": fit.df,
    }


def lines(movement: pd.DataFrame) -> pd.DataFrame:
    """Return the line of each row of ``movement_with_size``, with its pointwise 95 % band.

    Returns
    -------
    pandas.DataFrame
        What names a row, ``parameters``, and ``at``, ``lo``, ``hi`` in tokens: 17 points from the
        smallest to the largest size that turns.
    """
    import pandas as pd

    columns = [*_GROUP, "parameters", "at", "lo", "hi"]
    found = [pd.DataFrame(columns=columns)]
    for row in movement.to_dict("records"):
        points = _line({str(name): cell for name, cell in row.items()})
        found.append(points.assign(**{name: row[name] for name in _GROUP})[columns])
    return pd.concat(found[1:] or found, ignore_index=True)


def _line(row: Mapping[str, Any]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    from scipy import stats

    size_K = np.linspace(np.log10(row["smallest"]), np.log10(row["largest"]), _LINE_POINTS)
    away_K = size_K - row["centre"]
    at_K = row["place"] + row["slope"] * away_K
    variance_K = (
        row["place_se"] ** 2 + 2 * row["covariance"] * away_K + (row["slope_se"] * away_K) ** 2
    )
    # Rounding may leave a variance of nothing below zero.
    half_K = stats.t.ppf(0.975, row["df"]) * np.sqrt(np.maximum(variance_K, 0.0))
    bounds = {"at": at_K, "lo": at_K - half_K, "hi": at_K + half_K}
    return pd.DataFrame({"parameters": 10.0**size_K, **{k: 10.0**v for k, v in bounds.items()}})
