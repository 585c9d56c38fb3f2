"""What a report says of tuning beyond single tasks, and the questions of the literature.

In: a store and metrics. Out: the tables and sentences of two sections. It joins the comparison of a
store and the report; what is compared is ``analysis/comparing.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from ckpt_analyzer import tasks
from ckpt_analyzer.analysis.comparing import Comparison, answers_of, over_tuning, possible
from ckpt_analyzer.html_report.tuned import Question, TuningTables
from ckpt_analyzer.stats.group_differences import Draws
from ckpt_analyzer.store.store import Store


@dataclass(frozen=True)
class ReportedTuning:
    """The tables of the section on tuning (None if no two arms share items), and the questions.

    `steps` has the difference from the base model at each checkpoint of tuning.
    """

    tables: TuningTables | None
    steps: pd.DataFrame | None
    questions: list[Question]


def read_tuning(store: Store, metrics: Sequence[str]) -> ReportedTuning:
    """Return what tuning changed in each of `metrics`, and the answers in the first of them."""
    if not metrics:
        return ReportedTuning(None, None, [])
    found = {metric: possible(store, metric, Draws()) for metric in metrics}
    titles = {name: tasks.load(name).title for name in tasks.names()}
    answers = answers_of(store, metrics[0], found[metrics[0]], titles)
    return ReportedTuning(
        tables=(tables := _tables([each for made in found.values() for each in made])),
        steps=None if tables is None else _steps(store, metrics),
        questions=[Question(**asdict(answer)) for answer in answers],
    )


def _tables(found: Sequence[Comparison]) -> TuningTables | None:
    tuned = [each for each in found if each.asked.by == "arm"]
    if not tuned:
        return None
    return TuningTables(
        groups=pd.concat([each.groups for each in tuned], ignore_index=True),
        shapes=pd.concat([each.shapes for each in tuned], ignore_index=True),
        items=pd.concat([each.items for each in tuned], ignore_index=True),
    )


def _steps(store: Store, metrics: Sequence[str]) -> pd.DataFrame | None:
    found = [over_tuning(store, metric) for metric in metrics]
    known = [table for table in found if len(table)]
    return pd.concat(known, ignore_index=True) if known else None
