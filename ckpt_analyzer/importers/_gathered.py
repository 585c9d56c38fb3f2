"""What is gathered from result files: means, items, and why the rest was not read.

In: what single documents gave. Out: one table of trends and the units of items. The module knows
no format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ckpt_analyzer import tables
from ckpt_analyzer.errors import ImportFileError
from ckpt_analyzer.importers._items import ImportedUnit
from ckpt_analyzer.suite import Suite


class UnreadableError(Exception):
    """Why one document gave nothing; always caught and listed."""


@dataclass(frozen=True)
class ImportedResults:
    """What was read.

    Parameters
    ----------
    trends
        Conforms to ``tables.TRENDS``; ``has_items`` is False throughout.
    files_read
        Names of the documents that gave at least one row.
    failures
        Document, or ``document: task/metric``, → why it gave none.
    units
        Scores of single items, one unit per checkpoint and task.
    """

    trends: pd.DataFrame
    files_read: tuple[str, ...]
    failures: Mapping[str, str] = field(default_factory=dict)
    units: tuple[ImportedUnit, ...] = ()


@dataclass(frozen=True)
class ResultFormat:
    """A format of results.

    Parameters
    ----------
    read
        Takes paths and the suites in which models are looked up.
    """

    name: str
    title: str
    read: Callable[[Sequence[Path], Sequence[Suite]], ImportedResults]


@dataclass
class Gathered:
    """What was read so far."""

    rows: dict[tuple[object, ...], dict[str, Any]] = field(default_factory=dict)
    units: list[ImportedUnit] = field(default_factory=list)
    files_read: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def take_rows(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Take the rows of the document `name`, but none that contradicts one that is there."""
        if not rows:
            self.failures[name] = "there is no value of a task in it"
        added = [self._add(row, name) for row in rows]
        if any(added):
            self.files_read.append(name)

    def take_unit(self, name: str, unit: ImportedUnit) -> None:
        """Take the items of the document `name`."""
        self.units.append(unit)
        self.files_read.append(name)

    def results(self, paths: Sequence[Path], expected: str) -> ImportedResults:
        """Return all of it.

        Raises
        ------
        ImportFileError
            If nothing at all could be read.
        """
        if not self.rows and not self.units:
            raise self._nothing(paths, expected)
        trends = _frame(list(self.rows.values()))
        tables.conform(trends, tables.TRENDS)
        return ImportedResults(trends, tuple(self.files_read), self.failures, tuple(self.units))

    def _add(self, row: dict[str, Any], name: str) -> bool:
        key = tuple(row[column] for column in (*tables.SERIES, "step"))
        label = f"{name}: {row['task']}/{row['metric']}"
        if not math.isfinite(row["value"]):
            self.failures[label] = "the value is not a finite number"
            return False
        known = self.rows.get(key)
        if known is not None and known["value"] != row["value"]:
            given = known["value"]
            self.failures[label] = f"another file gives {given} for it; the first is kept"
            return False
        self.rows.setdefault(key, row)
        return True

    def _nothing(self, paths: Sequence[Path], expected: str) -> ImportFileError:
        first = next(iter(self.failures.items()), None)
        why = f"; the first of {len(self.failures)}: {first[0]}: {first[1]}" if first else ""
        return ImportFileError(
            f"no result could be read{why}",
            where=", ".join(map(str, paths)),
            hint=f"expected {expected}",
        )


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(tables.TRENDS.names))
    for column in ("n_items", "non_embedding_parameters", "seed"):
        frame[column] = frame[column].astype("Int64")
    for column in ("stderr", "chance", "constant_label"):
        frame[column] = frame[column].astype("float64")
    # A proportion of exactly 0 or 1 has no error to count items from: its neighbours tell.
    counts = frame.groupby("task")["n_items"].agg(["min", "max"])
    agreed = counts["max"].where(counts["min"] == counts["max"])
    frame["n_items"] = frame["n_items"].fillna(frame["task"].map(agreed).astype("Int64"))
    ordered: pd.DataFrame = frame.sort_values([*tables.SERIES, "step"], ignore_index=True)
    return ordered[list(tables.TRENDS.names)]
