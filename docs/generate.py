"""Write the generated pages of the documentation; a test fails when one is stale.

Run: make docs
"""

from __future__ import annotations

from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

from ckpt_analyzer.cli import app

HERE = Path(__file__).parent


def command_line() -> str:
    """Return ``command-line.md``: the help of every verb."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="ckpt-analyzer")
    text = get_docs_for_click(obj=command, ctx=context, name="ckpt-analyzer", title="Command line")
    note = (
        "Generated from `--help` by `make docs`. Data goes to stdout, talk to stderr. "
        "Exit codes: 0 done, 1 some units failed, some audited checkpoints are suspect or some "
        "files of a store are wrong, 2 a mistake that you can mend, 130 Ctrl-C.\n"
    )
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{note}{rest.rstrip()}\n"


PAGES = {"command-line.md": command_line}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
