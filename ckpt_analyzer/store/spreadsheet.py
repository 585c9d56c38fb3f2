"""Texts that a spreadsheet would run, disarmed before they are written as CSV.

In: a table. Out: the same with an apostrophe before every text that begins as a formula does.
Names of models, tasks and items come from others; Parquet keeps them as they are.

References
----------
OWASP, "CSV Injection": a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab, a carriage
return or a line feed (or the wide forms of the first four) is prefixed with an apostrophe.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

#: How a formula begins.
FORMULA = "^[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]"


def disarmed(table: pa.Table) -> pa.Table:
    """Return `table` in which no text begins as a formula."""
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            texts = table.column(index)
            armed = pc.match_substring_regex(texts, FORMULA)
            marked = pc.binary_join_element_wise(
                pa.scalar("'", field.type), texts, pa.scalar("", field.type)
            )
            table = table.set_column(index, field, pc.if_else(armed, marked, texts))
    return table
