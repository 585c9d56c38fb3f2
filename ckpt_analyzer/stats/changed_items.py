"""The items that a second side breaks and mends, those that change at most models first.

In: the paired items of one metric. Out: one row per item that changed. Texts are not known here.
"""

from __future__ import annotations

import pandas as pd

#: The columns of the table that ``changed_items`` returns, in order.
COLUMNS = (
    "suite", "base", "tuned", "task", "shots", "prompt_format", "dtype", "metric", "item", "change",
    "n_broken", "n_mended", "n_models", "base_score", "tuned_score", "difference",
)  # fmt: skip
_ITEM = ("suite", "base", "tuned", "task", "shots", "prompt_format", "dtype", "metric", "item")


def changed_items(sides: pd.DataFrame, *, higher_is_better: bool = True) -> pd.DataFrame:
    """Return a row per item whose score changed at one model or more, in ``sides.PAIR``'s tables.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``: ``n_broken`` and ``n_mended`` count the models at which the item became
        worse and better, ``n_models`` those that both sides scored; ``change`` is ``broken`` or
        ``mended``, whichever is commoner (broken where they tie). Scores are means over models. The
        items that change at the largest share of the models come first, of equal ones those that
        change most.
    """
    pairs = sides.pivot_table(
        index=[*_ITEM, "base_model", "model"], columns="side", values="score"
    ).reindex(columns=["base", "tuned"])
    pairs = pairs.dropna().rename(columns={"base": "base_score", "tuned": "tuned_score"})
    if pairs.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    pairs["difference"] = pairs["tuned_score"] - pairs["base_score"]
    better = pairs["difference"] if higher_is_better else -pairs["difference"]
    pairs["n_broken"], pairs["n_mended"], pairs["n_models"] = better < 0, better > 0, True
    items = pairs.groupby(level=list(_ITEM), sort=False).agg(
        {
            "n_broken": "sum", "n_mended": "sum", "n_models": "sum",
            "base_score": "mean", "tuned_score": "mean", "difference": "mean",
        }
    )  # fmt: skip
    items = items[(items["n_broken"] > 0) | (items["n_mended"] > 0)].reset_index()
    items["change"] = (items["n_broken"] >= items["n_mended"]).map(
        {True: "broken", False: "mended"}
    )
    share = items[["n_broken", "n_mended"]].max(axis=1) / items["n_models"]
    order = items.assign(_share=-share, _far=-items["difference"].abs()).sort_values(
        ["suite", "base", "tuned", "task", "change", "_share", "_far", "item"], kind="stable"
    )
    return order[list(COLUMNS)].reset_index(drop=True)
