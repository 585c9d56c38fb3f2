"""The record of a metric: one number per item, computed from the item's scores by SQL.

Metrics are declared in ``ckpt_analyzer/metrics``, one file each. Each is an expression of DuckDB
SQL over the columns of ``tables.ITEM_SCORES``, so that a query over 60 million rows stays in the
database. NULL or NaN means *not scored*.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.task import Kind


@dataclass(frozen=True)
class Metric:
    """A number per item; its mean over items is the value of a trend.

    Parameters
    ----------
    kinds
        The task kinds that it applies to; empty where items hold its value (``task_values``).
    value
        SQL for the number of one item.
    chance
        SQL for what a uniform guess gets on the item; None where chance is not defined.
    constant_label
        Whether answering the same label throughout is a meaningful baseline (accuracies).
    is_proportion
        Whether the value is 0 or 1 per item, so that its standard error is binomial.
    """

    name: str
    title: str
    kinds: tuple[Kind, ...]
    value: str
    chance: str | None
    higher_is_better: bool
    unit: str
    description: str
    constant_label: bool = False
    is_proportion: bool = False
