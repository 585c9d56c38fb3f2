"""A surface over size and tokens: one turn per task that may move with size. A description.

In: a table of trends. Out: per task where the surface turns and how that moves. It assumes that
the score is a quadratic in log tokens whose slope changes with log size, which a saturating curve
also resembles; whether anything turns is decided by ``flips.py``.

Shape legend: V values; P = 5 coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_GROUP = ("suite", "arm", "task", "shots", "prompt_format", "dtype", "metric")
#: The columns of the result.
COLUMNS = (*_GROUP, "is_u", "turn_at", "movement", "movement_se", "r2", "n")
#: Five coefficients and a residual; a line over sizes, a quadratic over tokens.
LEAST_VALUES, LEAST_SIZES, LEAST_TOKEN_COUNTS = 8, 3, 4


@dataclass(frozen=True)
class Surface:
    """``a + b s + c t + d t² + e s t`` over centred log10 size s and log10 tokens t.

    Parameters
    ----------
    coefficient_P
        a to e.
    turn_at_mean
        log10 tokens of the turn at the mean log size.
    movement, movement_se
        Of the turn, in decades of tokens per decade of parameters, by the delta method.
    """

    coefficient_P: np.ndarray
    turn_at_mean: float
    movement: float
    movement_se: float
    r2: float


def fit_surface(size_V: np.ndarray, tokens_V: np.ndarray, value_V: np.ndarray) -> Surface:
    """Fit the surface by least squares; `size_V` and `tokens_V` are logarithms."""
    import numpy as np
    import statsmodels.api as sm

    s_V, t_V = size_V - size_V.mean(), tokens_V - tokens_V.mean()
    design_VP = np.column_stack([np.ones_like(s_V), s_V, t_V, t_V**2, s_V * t_V])
    fit = sm.OLS(value_V, design_VP).fit()
    _, _, slope, curve, tilt = fit.params
    gradient_P = np.array([0.0, 0.0, 0.0, tilt / (2 * curve**2), -1 / (2 * curve)])
    return Surface(
        coefficient_P=np.asarray(fit.params),
        turn_at_mean=float(tokens_V.mean() - slope / (2 * curve)),
        movement=float(-tilt / (2 * curve)),
        movement_se=float(np.sqrt(gradient_P @ fit.cov_params() @ gradient_P)),
        r2=float(fit.rsquared),
    )


def size_tokens_surface(trends: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task: where its surface over size and tokens turns.

    Left out are tasks with fewer than 8 values, 3 sizes or 4 token counts, values at zero tokens
    (no logarithm), those under suspicion, and surfaces that turn outside the tokens observed.
    ``turn_at`` is in tokens.
    """
    import pandas as pd

    rows = trends[(trends["tokens"] > 0) & trends["suspect"].isna() & trends["value"].notna()]
    found = [
        _row(dict(zip(_GROUP, key, strict=True)), part)
        for key, part in rows.groupby(list(_GROUP))
        if _is_grid(part)
    ]
    return pd.DataFrame([row for row in found if row], columns=list(COLUMNS))


def _is_grid(rows: pd.DataFrame) -> bool:
    return bool(
        len(rows) >= LEAST_VALUES
        and rows["parameters"].nunique() >= LEAST_SIZES
        and rows["tokens"].nunique() >= LEAST_TOKEN_COUNTS
        and rows["value"].nunique() > 1
    )


def _row(key: dict[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    import numpy as np

    tokens_V = np.log10(rows["tokens"].to_numpy(float))
    size_V = np.log10(rows["parameters"].to_numpy(float))
    surface = fit_surface(size_V, tokens_V, rows["value"].to_numpy(float))
    if not tokens_V.min() < surface.turn_at_mean < tokens_V.max():
        return {}
    return key | {
        "is_u": bool(surface.coefficient_P[3] > 0),
        "turn_at": 10.0**surface.turn_at_mean,
        "movement": surface.movement,
        "movement_se": surface.movement_se,
        "r2": surface.r2,
        "n": len(rows),
    }
