"""Results that others computed, read into the same tables as our own: one file per format.

Each file exports ``FORMAT``; its name is the key (``lm_eval.py`` → ``lm-eval``).
"""

from __future__ import annotations

from ckpt_analyzer import plugins
from ckpt_analyzer.importers._gathered import ResultFormat


def names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return plugins.names(__name__)


def load(name: str) -> ResultFormat:
    """Return the format called `name`.

    Raises
    ------
    UnknownNameError
        If there is none; it names the nearest.
    """
    found: ResultFormat = plugins.load(__name__, name, "FORMAT")
    return found
