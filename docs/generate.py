"""Write the generated pages of the documentation; a test fails when one is stale.

Run: make docs
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

from ckpt_analyzer.cli import app
from docs.pictures.concepts import PICTURES
from docs.python_reference import python_page
from docs.suite_tables import readme_table, suites_page

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
SUITES_BEGIN, SUITES_END = "<!-- suites: generated -->", "<!-- end of suites -->"


def command_line() -> str:
    """Return ``command-line.md``: the help of every verb."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="ckpt-analyzer")
    text = get_docs_for_click(obj=command, ctx=context, name="ckpt-analyzer", title="Command line")
    note = (
        "Generated from `--help` by `make docs`. Data goes to stdout, talk to stderr. "
        "Exit codes: 0 done, 1 some units failed, some audited checkpoints are suspect, some files "
        "of a store are wrong, or a suite differs from the Hub, "
        "2 a mistake that you can mend, 130 Ctrl-C.\n"
    )
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{note}{rest.rstrip()}\n"


def readme() -> str:
    """Return ``README.md`` with the table of suites as it is now; the rest stays."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(SUITES_BEGIN)
    _, end, after = rest.partition(SUITES_END)
    return f"{before}{begin}\n\n{readme_table()}\n\n{end}{after}"


#: By path from this folder.
PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "python.md": python_page,
    "suites.md": suites_page,
    "../README.md": readme,
    **{f"pictures/{name}": draw for name, draw in PICTURES.items()},
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
        print(f"wrote {(HERE / name).resolve().relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
