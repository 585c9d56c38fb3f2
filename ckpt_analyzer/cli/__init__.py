"""The command line: one file per verb, and nothing heavy imported before a verb runs.

stdout is data, stderr is talk. A mistake that the user can mend ends with exit code 2 and three
lines: what, where, next. Ctrl-C ends with 130, also while the verbs are still being imported: this
file itself imports only what says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ckpt_analyzer.cli import interrupt

if TYPE_CHECKING:
    from ckpt_analyzer.cli.commands import app as app


def main() -> None:
    """Run the command line and exit.

    0 done, 1 units failed, checkpoints are suspect or files wrong, 2 a mistake, 130 Ctrl-C.
    """
    interrupt.end_at_once()
    from ckpt_analyzer.cli.commands import run_app

    run_app()


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "app":
        from ckpt_analyzer.cli.commands import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
