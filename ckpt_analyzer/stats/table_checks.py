"""Whether the columns of a table hold what a series needs, and where they do not.

In: a table and the name of a column. Out: its numbers, or an error that names the column, the first
row at fault and what to do. The module does not know what the numbers are for.

Shape legend: R rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from ckpt_analyzer.errors import UserError

#: The columns that say which row is meant, where a table has them.
_NAMES_A_ROW = ("task", "metric", "model", "size", "shots", "step", "item")


def with_plain_index(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the named levels of its index as columns, unless it has them already.

    Raises
    ------
    UserError
        If two columns have one name.
    """
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UserError(
            f"the table has two columns named {twice[0]!r}", hint="keep or rename one of them"
        )
    levels = [name for name in table.index.names if name is not None and name not in table.columns]
    return (table.reset_index(levels) if levels else table).reset_index(drop=True)


def measure_of(rows: pd.DataFrame) -> Literal["score", "value"]:
    """Return the column that is measured: scores of items, else means.

    Raises
    ------
    UserError
        If the table has neither.
    """
    if "score" in rows.columns and "item" in rows.columns:
        return "score"
    if "value" in rows.columns:
        return "value"
    raise UserError(
        "the table has neither item scores nor means",
        where=f"columns: {', '.join(map(str, rows.columns))}",
        hint="give the columns item and score, or value and stderr",
    )


def numbers(rows: pd.DataFrame, column: str) -> np.ndarray:
    """Return the numbers of `column`, shape (R,), float64; NaN where there is none.

    Raises
    ------
    UserError
        If a cell is no number, or infinite.
    """
    try:
        number_R: np.ndarray = rows[column].to_numpy(float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        read = pd.to_numeric(rows[column], errors="coerce")
        wrong = (read.isna() & rows[column].notna()).to_numpy(bool)
        raise UserError(
            f"the column {column!r} holds {rows[column][wrong].iloc[0]!r}, which is no number"
            if wrong.any()
            else f"the column {column!r} holds what is no number",
            where=_where(rows, wrong),
            hint="give numbers, such as 0.25 or 2.1e9; leave a cell empty where there is none",
        ) from error
    infinite = np.isinf(number_R)
    if infinite.any():
        raise UserError(
            f"the column {column!r} holds infinite numbers",
            where=_where(rows, infinite),
            hint="give finite numbers, or NaN where there is none",
        )
    return number_R


def no_gap(rows: pd.DataFrame, column: str) -> None:
    """Refuse `rows` of which some have nothing in `column`.

    Raises
    ------
    UserError
        If a cell is empty.
    """
    empty = rows[column].isna().to_numpy(bool)
    if empty.any():
        raise UserError(
            f"the column {column!r} is empty in some rows",
            where=_where(rows, empty),
            hint="fill it in, or leave these rows out",
        )


def _where(rows: pd.DataFrame, wrong: np.ndarray) -> str:
    if not wrong.any():
        return f"{len(rows)} rows"
    first = rows.loc[wrong].iloc[0]
    names = [f"{name} {first[name]}" for name in _NAMES_A_ROW if name in rows.columns]
    return f"{int(wrong.sum())} of {len(rows)} rows, first: {', '.join(names)}"


def none_below_zero(rows: pd.DataFrame, column: str) -> None:
    """Refuse `rows` with a negative number in `column`.

    Raises
    ------
    UserError
        If there is one.
    """
    negative = numbers(rows, column) < 0
    if negative.any():
        raise UserError(
            f"the column {column!r} holds numbers below 0",
            where=_where(rows, negative),
            hint="leave these rows out",
        )


def suspected(rows: pd.DataFrame) -> np.ndarray:
    """Return which rows are under suspicion, shape (R,): a reason is given, or True."""
    if "suspect" not in rows.columns:
        return np.zeros(len(rows), bool)
    trusted = rows["suspect"].isna() | rows["suspect"].isin([False, ""])
    return ~trusted.to_numpy(bool)


def steps_known(rows: pd.DataFrame) -> None:
    """Refuse `rows` of which not all have a step, or none where a model has several checkpoints.

    Raises
    ------
    UserError
        If a step is missing or no number, or the column is missing and a model has more than one
        number of tokens.
    """
    if "step" in rows.columns:
        no_gap(rows, "step")
        numbers(rows, "step")
    elif {"model", "tokens"} <= set(rows.columns):
        n_checkpoints = rows.groupby("model", observed=True)["tokens"].nunique()
        if n_checkpoints.max() > 1:
            raise UserError(
                "the table has no column 'step', and its models have several checkpoints",
                where=f"model {n_checkpoints.idxmax()}: {n_checkpoints.max()} numbers of tokens",
                hint="such a curve is one of a checkpoint: give the column step",
            )


def names_of(rows: pd.DataFrame, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `rows` of one series have in the columns of `defaults`, or those without one.

    Names are texts, whatever they were: a size may be given as 70.

    Raises
    ------
    UserError
        If the rows have such a column and nothing in it, or no number where one must be.
    """
    key = {}
    for name, default in defaults.items():
        value = rows[name].iloc[0] if name in rows.columns else default
        if name in rows.columns and pd.isna(value):
            no_gap(rows, name)
        if name in rows.columns and not isinstance(default, str):
            numbers(rows, name)
        key[name] = str(value) if isinstance(default, str) else value
    return key
