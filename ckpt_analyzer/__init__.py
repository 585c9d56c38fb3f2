"""Score every checkpoint of open language-model suites and locate where trends flip.

The names below are the public Python interface; each is imported when it is first used, so that
``import ckpt_analyzer`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_analyzer.analysis.fitting import fit as fit
    from ckpt_analyzer.notebook.comparisons import compare as compare
    from ckpt_analyzer.notebook.exchange import export as export
    from ckpt_analyzer.notebook.exchange import import_results as import_results
    from ckpt_analyzer.notebook.stores import open_store as open_store
    from ckpt_analyzer.notebook.suites import catalog as catalog
    from ckpt_analyzer.notebook.suites import open_suite as open_suite
    from ckpt_analyzer.notebook.sweeps import plan as plan
    from ckpt_analyzer.notebook.sweeps import run as run
    from ckpt_analyzer.reporting.figures import chart as chart
    from ckpt_analyzer.reporting.report import report as report
    from ckpt_analyzer.stats.flips import find_flips as find_flips

__version__ = "0.1.0"

_HOMES = {
    "catalog": "ckpt_analyzer.notebook.suites",
    "chart": "ckpt_analyzer.reporting.figures",
    "compare": "ckpt_analyzer.notebook.comparisons",
    "export": "ckpt_analyzer.notebook.exchange",
    "find_flips": "ckpt_analyzer.stats.flips",
    "fit": "ckpt_analyzer.analysis.fitting",
    "import_results": "ckpt_analyzer.notebook.exchange",
    "open_store": "ckpt_analyzer.notebook.stores",
    "open_suite": "ckpt_analyzer.notebook.suites",
    "plan": "ckpt_analyzer.notebook.sweeps",
    "report": "ckpt_analyzer.reporting.report",
    "run": "ckpt_analyzer.notebook.sweeps",
}

__all__ = [  # noqa: RUF100, F822
    "catalog",
    "chart",
    "compare",
    "export",
    "find_flips",
    "fit",
    "import_results",
    "open_store",
    "open_suite",
    "plan",
    "report",
    "run",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
