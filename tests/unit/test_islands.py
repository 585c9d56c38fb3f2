"""The three islands meet through tables only, and heavy imports stay in their own island."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "ckpt_analyzer"

# Which files may import which heavy library.
HOME = {
    "torch": ("scoring", "demo", "unit"),
    "transformers": ("scoring", "demo", "unit"),
    "statsmodels": ("stats",),
    "scipy": ("stats",),
    "altair": ("charts", "html_report"),
    "lm_eval": ("harness",),
    "datasets": ("harness",),
}
ISLANDS = {
    "scoring": ("stats", "charts", "html_report", "store", "checkpoints", "sweep", "suites"),
    "stats": ("scoring", "charts", "html_report", "store", "checkpoints", "sweep", "suites"),
    "charts": ("scoring", "stats", "store", "checkpoints", "sweep"),
    "html_report": ("scoring", "stats", "store", "checkpoints", "sweep"),
    "store": ("scoring", "stats", "charts", "html_report", "checkpoints", "sweep"),
    "checkpoints": ("scoring", "stats", "charts", "html_report", "store", "sweep"),
}


def imported(path):
    """Return the dotted names that a file imports when it runs, wherever in the file."""
    pending = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        pending.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("library", HOME)
def test_a_heavy_library_stays_in_its_island(library):
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == library for name in imported(path))
        and path.relative_to(PACKAGE).parts[0] not in HOME[library]
    ]
    assert strangers == []


@pytest.mark.parametrize("island", ISLANDS)
def test_islands_do_not_import_each_other(island):
    bridges = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in (PACKAGE / island).rglob("*.py")
        for name in imported(path)
        if name.startswith(tuple(f"ckpt_analyzer.{other}" for other in ISLANDS[island]))
    ]
    assert bridges == []


#: The parts that only joining modules may bring together; the last two are one island.
PART_OF = {
    "scoring": "scoring", "stats": "stats", "store": "store", "charts": "charts",
    "html_report": "charts",
}  # fmt: skip
ON_TOP = {"cli", "demo"}


def joins(path):
    """The parts that a module outside of them imports."""
    names = (name.split(".") for name in imported(path) if name.startswith("ckpt_analyzer."))
    return {PART_OF[words[1]] for words in names if words[1] in PART_OF}


def table_of_joins():
    """The modules and folders that docs/architecture.md says join islands."""
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| module | joins | for |")[2].partition("\n\n")[0]
    rows = (row.split("|")[1] for row in table.splitlines()[2:])
    return {name for row in rows for name in re.findall(r"`([\w/.]+)`", row)}


def test_the_table_of_what_joins_islands_is_whole_and_up_to_date():
    told = table_of_joins()
    assert len(told) > 5
    assert [name for name in told if not (PACKAGE / name).exists()] == []
    bridges = set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        if place.parts[0] not in {*PART_OF, *ON_TOP} and len(joins(path)) > 1:
            is_told = str(place) in told or f"{place.parts[0]}/" in told
            bridges |= set() if is_told else {str(place)}
    assert bridges == set()
