"""What ran: the units of a sweep, summed up per model.

In: one row per unit. Out: one row per model, for the table at the foot of the page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from ckpt_analyzer.html_report import numbers

#: The columns of the table of units.
RUN_COLUMNS = (
    "model", "revision", "step", "dtype", "scorer_version", "created", "n_items", "n_truncated",
    "n_unscored", "seconds", "device", "packages",
)  # fmt: skip


@dataclass(frozen=True)
class RunRow:
    """All units of one model."""

    model: str
    n_units: str
    steps: str
    dtype: str
    versions: str
    created: str
    n_items: str
    n_truncated: str
    n_unscored: str
    duration: str
    device: str


def run_rows(runs: pd.DataFrame) -> list[RunRow]:
    """Return one row per model, in the order of `runs`."""
    return [_row(str(model), rows) for model, rows in runs.groupby("model", sort=False)]


def packages(runs: pd.DataFrame) -> list[str]:
    """Return the package versions under which units were scored: ``torch 2.13.0``."""
    found: dict[str, set[str]] = {}
    for text in runs["packages"].dropna().unique():
        for name, version in json.loads(text).items():
            found.setdefault(str(name), set()).add(str(version))
    return [f"{name} {', '.join(sorted(found[name]))}" for name in sorted(found)]


def days(runs: pd.DataFrame) -> str:
    """Return the days on which units were scored: 2026-11-20 to 2026-11-23."""
    dates = sorted({str(created)[:10] for created in runs["created"].dropna()})
    if not dates:
        return ""
    return dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def _row(model: str, rows: pd.DataFrame) -> RunRow:
    low, high = int(rows["step"].min()), int(rows["step"].max())
    return RunRow(
        model=model,
        n_units=numbers.integer(len(rows)),
        steps=numbers.integer(low) if low == high else
        f"{numbers.integer(low)} to {numbers.integer(high)}",
        dtype=_listed(rows["dtype"]),
        versions=_listed(rows["scorer_version"]),
        created=days(rows),
        n_items=numbers.integer(rows["n_items"].sum()),
        n_truncated=numbers.integer(rows["n_truncated"].sum()),
        n_unscored=numbers.integer(rows["n_unscored"].sum()),
        duration=numbers.duration(rows["seconds"].sum(min_count=1)),
        device=_listed(rows["device"]),
    )  # fmt: skip


def _listed(column: pd.Series) -> str:
    return ", ".join(sorted(map(str, column.dropna().unique()))) or numbers.MISSING
