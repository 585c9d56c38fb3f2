"""The metrics that are known by name: one file each, exporting ``METRIC``.

A metric's name is its file's name, underscores and all: it is a value in tables and sweep files.
"""

from __future__ import annotations

from ckpt_analyzer import plugins
from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.metric import Metric


def names() -> tuple[str, ...]:
    """Return the names of all declared metrics."""
    return tuple(key.replace("-", "_") for key in plugins.names(__name__))


def load(name: str) -> Metric:
    """Return the metric called `name`.

    Raises
    ------
    UnknownNameError
        If there is none; it names the nearest.
    """
    if name not in names():
        raise UnknownNameError("metric", name, names())
    metric: Metric = plugins.load(__name__, name.replace("_", "-"), "METRIC")
    return metric


def given(name: str) -> Metric:
    """Return the record of a metric that a task's own rules compute when its items are scored."""
    return Metric(
        name=name,
        title=name,
        kinds=(),
        value="NULL",
        chance=None,
        higher_is_better=True,
        unit="value",
        description=f"{name}, as the task's own rules in lm-evaluation-harness give it to an item.",
    )
