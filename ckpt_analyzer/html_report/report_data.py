"""Everything that a page shows, as its caller hands it over.

Pure records: what is made of them is ``page.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from ckpt_analyzer.html_report.beside import Beside
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.items import ItemTask
from ckpt_analyzer.html_report.run_rows import RUN_COLUMNS
from ckpt_analyzer.html_report.tuned import Question, TuningTables
from ckpt_analyzer.metric import Metric


@dataclass(frozen=True)
class ReportData:
    """Everything that a page shows.

    Parameters
    ----------
    trends, flips
        ``tables.TRENDS`` and ``tables.FLIPS``; flips of all metrics and axes. A place on the axis
        ``tokens`` counts the arm's own tokens.
    regression
        Size-by-tokens regression: task, effect (parameters, tokens, interaction), t, df, p,
        p_adjusted, and where there are several of them suite, arm, shots, metric.
    runs
        One row per unit with the columns of ``run_rows.RUN_COLUMNS``; empty for imported means.
    sweep_yaml
        The sweep file as it ran.
    curves
        Fitted curves: the columns of ``tables.SERIES``, ``at`` (tokens of the arm) and
        ``fitted``.
    comparisons
        Tuned models against their base models, paired by item: ``tuning.COMPARISON_COLUMNS``. A
        pair that it lacks is compared by its means.
    metrics
        Records of the metrics; the first one opens. A metric without record shows its bare name.
    items
        The items of the tasks that the explorer shows; the largest tasks need not be among them.
    doubts
        What an audit found: model, standing, steps, finding, reason, link; a row per finding.
    command
        What to type to make the page again.
    movement, surface
        How flips move with size, and surfaces over size and tokens: descriptions of the store.
    movement_lines
        The lines of `movement` with their bands, in tokens: the key of a series, ``verdict``,
        ``parameters``, ``at``, ``lo``, ``hi``.
    over_tuning
        The difference from the base model at each checkpoint of tuning: the columns of
        `comparisons`, ``arm``, ``step`` and ``arm_tokens``.
    beside
        What other stores differ in from the first: ``beside.COLUMNS``.
    tuned, questions
        What tuning changed beyond single tasks, and answers to the questions of the literature.
    """

    title: str
    trends: pd.DataFrame
    flips: pd.DataFrame
    regression: pd.DataFrame | None = None
    runs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(RUN_COLUMNS)))
    tasks: Sequence[TaskCard] = ()
    sweep_yaml: str | None = None
    warnings: Sequence[str] = ()
    curves: pd.DataFrame | None = None
    comparisons: pd.DataFrame | None = None
    metrics: Sequence[Metric] = ()
    items: Sequence[ItemTask] = ()
    doubts: pd.DataFrame | None = None
    command: str = "ckpt-analyzer run sweep.yaml"
    movement: pd.DataFrame | None = None
    movement_lines: pd.DataFrame | None = None
    surface: pd.DataFrame | None = None
    over_tuning: pd.DataFrame | None = None
    beside: Beside | None = None
    tuned: TuningTables | None = None
    questions: Sequence[Question] = ()
