"""Which metrics and cells a question is about.

In: stored cells and the names that a caller gave. Out: metrics and questions. A metric is declared
by a file of ``metrics/``, or given: the rules of some task gave its values with the scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from ckpt_analyzer import metrics as declared
from ckpt_analyzer.metric import Metric
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.queries import Question
from ckpt_analyzer.store.selection import StoredCell


def given_metrics(cells: Iterable[StoredCell]) -> set[str]:
    """Return the metrics of which the rules of some task gave values."""
    return {name for found in cells for name in found.cell.values}


def known_metrics(cells: Iterable[StoredCell]) -> set[str]:
    """Return the names of all metrics that can be asked of `cells`."""
    return {*declared.names(), *given_metrics(cells)}


def metric_called(name: str, given: Set[str]) -> Metric:
    """Return the metric called `name`, declared or among `given`."""
    return declared.given(name) if name in given - {*declared.names()} else declared.load(name)


def question_about(units: Place, cells: Sequence[StoredCell], names: Iterable[str]) -> Question:
    """Return the question for those metrics among `names` that apply to some of `cells`."""
    kinds, given = {found.cell.kind for found in cells}, given_metrics(cells)
    wanted = sorted(set(names) & known_metrics(cells))
    records = [metric_called(name, given) for name in wanted]
    asked = [metric for metric in records if metric.name in given or kinds & set(metric.kinds)]
    return Question(units, cells, asked)


def cells_like(
    cells: Iterable[StoredCell], wanted: Mapping[str, str | int | None]
) -> list[StoredCell]:
    """Return the cells of the `wanted` task, model, arm and shots; None leaves one open."""
    return [found for found in cells if _matches(found, wanted)]


def _matches(found: StoredCell, wanted: Mapping[str, str | int | None]) -> bool:
    key, unit = found.cell.key, found.unit
    known = {"task": key.task, "model": unit.model, "arm": unit.arm, "shots": key.shots}
    return all(value is None or known[name] == value for name, value in wanted.items())
