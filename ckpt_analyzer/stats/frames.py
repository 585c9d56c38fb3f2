"""The door for tables of other libraries.

In: a frame of pandas, polars, pyarrow or any other that narwhals knows. Out: the same as pandas.
"""

from __future__ import annotations

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrame

from ckpt_analyzer.errors import UserError


def as_pandas(table: IntoFrame) -> pd.DataFrame:
    """Return `table` as a pandas frame; one of pandas is returned as it is.

    Raises
    ------
    UserError
        If it is no table that narwhals knows.
    """
    if isinstance(table, pd.DataFrame):
        return table
    try:
        frame = nw.from_native(table)
    except TypeError as error:
        raise UserError(
            f"a table is needed, and this is a {type(table).__name__}",
            hint="give a frame of pandas, polars or pyarrow",
        ) from error
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return eager.to_pandas()
