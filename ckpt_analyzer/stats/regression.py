"""The published regression of a task's score on model size and training tokens.

In: a table of trends. Out: one row per task and effect with t and p. It asks whether a score goes
up or down on average over a grid of sizes and steps; it cannot see a turning point, and the module
does not look for one (``flips.py`` does).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ckpt_analyzer.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: The columns of the result.
COLUMNS = (
    "suite", "arm", "task", "shots", "prompt_format", "dtype", "metric",
    "effect", "coefficient", "t", "df", "p", "p_adjusted", "n",
)  # fmt: skip
EFFECTS = ("parameters", "tokens", "interaction")
_GROUP = COLUMNS[:7]

#: The least that a group needs: three effects and a residual, over a grid.
MIN_VALUES, MIN_SIZES, MIN_TOKEN_COUNTS = 5, 2, 2
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmb])")
_SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9}


def size_tokens_regression(
    trends: pd.DataFrame, *, metrics: Sequence[str] = ("accuracy", "mc1", "mc2")
) -> pd.DataFrame:
    r"""Return t and p of size, tokens and their interaction, for each task.

    Ordinary least squares of the standardised value, within each group of series that differ in
    their model only:
    ``z(value) ~ z(log10 size) * z(log10 tokens)`` with z by the sample standard deviation
    (``ddof=1``; it scales coefficients, not t). Size is the *nominal* one, read from the size
    label: ``1.4b`` is 1.4e9.

    Parameters
    ----------
    trends
        Rows of ``tables.TRENDS``. Rows at zero tokens have no logarithm and are left out, as are
        those without a value.
    metrics
        Those that enter. All their p-values form one family for the correction.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``, one row per group and effect. ``p_adjusted`` is corrected by
        Benjamini and Hochberg over all rows.

    Raises
    ------
    UserError
        If no rows of these metrics are there, or a task has fewer than 5 rows or one size only.

    References
    ----------
    Michaelov and Bergen (2023), "Emergent Inabilities? Inverse Scaling Over the Course of
    Pretraining", table 1. With their results all 36 t and p agree with the published ones.
    """
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    rows = _of_metrics(trends, metrics)
    if rows.empty:
        raise UserError(
            f"no rows of the metrics {', '.join(metrics)} to regress",
            hint=f"the table has: {', '.join(sorted(trends['metric'].unique()))}",
        )
    groups = rows.groupby(list(_GROUP))
    parts = [_regress(dict(zip(_GROUP, key, strict=True)), part) for key, part in groups]
    table = pd.concat(parts, ignore_index=True)
    table["p_adjusted"] = multipletests(table["p"], method="fdr_bh")[1]
    return table[list(COLUMNS)]


def regressable(
    trends: pd.DataFrame, *, metrics: Sequence[str] = ("accuracy", "mc1", "mc2")
) -> pd.DataFrame:
    """Return the rows of `trends` that `size_tokens_regression` can take: none of one model alone.

    Left out are groups with fewer than 5 values, one size, one token count, or a size label that
    is no number. No rows come back where no group is left.
    """
    rows = _of_metrics(trends, metrics)
    groups = rows.groupby(list(_GROUP))
    enough = (
        (groups["value"].transform("size") >= MIN_VALUES)
        & (groups["size"].transform("nunique") >= MIN_SIZES)
        & (groups["tokens"].transform("nunique") >= MIN_TOKEN_COUNTS)
        & groups["size"].transform(_are_numbers).astype(bool)
    )
    kept: pd.DataFrame = rows[enough]
    return kept


def _of_metrics(trends: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of `metrics` that have a value and a logarithm of their tokens."""
    placed = (trends["tokens"] > 0) & trends["value"].notna()
    rows: pd.DataFrame = trends[trends["metric"].isin(list(metrics)) & placed]
    return rows


def _are_numbers(labels: pd.Series[str]) -> bool:
    return all(_SIZE.fullmatch(label.lower()) for label in labels)


def nominal_size(label: str) -> float:
    """Return the number that a size label such as ``1.4b`` stands for.

    Raises
    ------
    UserError
        If `label` is not a number followed by k, m or b.
    """
    match = _SIZE.fullmatch(label.lower())
    if match is None:
        raise UserError(f"the size label {label!r} is not a number", hint="such as 70m or 1.4b")
    return float(match[1]) * _SUFFIX[match[2]]


def _regress(group: dict[str, object], rows: pd.DataFrame) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm

    n_sizes = rows["size"].nunique()
    n_token_counts = rows["tokens"].nunique()
    if len(rows) < MIN_VALUES or n_sizes < MIN_SIZES or n_token_counts < MIN_TOKEN_COUNTS:
        raise UserError(
            "the regression needs 5 values or more, over 2 sizes and 2 token counts or more",
            where=f"{group['task']} ({group['metric']}): {len(rows)} values, {n_sizes} sizes",
        )
    size_z = _standardised(np.log10(rows["size"].map(nominal_size).to_numpy(float)))
    tokens_z = _standardised(np.log10(rows["tokens"].to_numpy(float)))
    design = np.column_stack([np.ones(len(rows)), size_z, tokens_z, size_z * tokens_z])
    value_z = _standardised(rows["value"].to_numpy(float))
    fit = sm.OLS(value_z, design).fit()
    moves = bool(value_z.any())  # a score that never moves has a residual, and an error, of zero
    return pd.DataFrame(
        {
            **group,
            "effect": list(EFFECTS),
            "coefficient": fit.params[1:],
            "t": fit.tvalues[1:] if moves else 0.0,
            "df": int(fit.df_resid),
            "p": fit.pvalues[1:] if moves else 1.0,
            "n": len(rows),
        }
    )


def _standardised(values: np.ndarray) -> np.ndarray:
    centred: np.ndarray = values - values.mean()
    spread = centred.std(ddof=1)
    return centred / spread if spread > 0 else centred
