"""Score every checkpoint of open language-model suites and locate where trends flip.

The names below are the public Python interface; each is imported when it is first used, so that
``import ckpt_analyzer`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_analyzer.analysis import fit as fit
    from ckpt_analyzer.figures import chart as chart
    from ckpt_analyzer.notebook.audits import audit as audit
    from ckpt_analyzer.notebook.comparisons import compare as compare
    from ckpt_analyzer.notebook.exchange import export as export
    from ckpt_analyzer.notebook.exchange import import_results as import_results
    from ckpt_analyzer.notebook.sweeps import plan as plan
    from ckpt_analyzer.notebook.sweeps import run as run
    from ckpt_analyzer.reporting import report as report
    from ckpt_analyzer.stats.compare import compare_arms as compare_arms
    from ckpt_analyzer.stats.flips import find_flips as find_flips
    from ckpt_analyzer.store.store import open_store as open_store

__version__ = "0.1.0"

_HOMES = {
    "audit": "ckpt_analyzer.notebook.audits",
    "chart": "ckpt_analyzer.figures",
    "compare": "ckpt_analyzer.notebook.comparisons",
    "compare_arms": "ckpt_analyzer.stats.compare",
    "export": "ckpt_analyzer.notebook.exchange",
    "find_flips": "ckpt_analyzer.stats.flips",
    "fit": "ckpt_analyzer.analysis",
    "import_results": "ckpt_analyzer.notebook.exchange",
    "open_store": "ckpt_analyzer.store.store",
    "plan": "ckpt_analyzer.notebook.sweeps",
    "report": "ckpt_analyzer.reporting",
    "run": "ckpt_analyzer.notebook.sweeps",
}

__all__ = [  # noqa: RUF100, F822
    "audit",
    "chart",
    "compare",
    "compare_arms",
    "export",
    "find_flips",
    "fit",
    "import_results",
    "open_store",
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
