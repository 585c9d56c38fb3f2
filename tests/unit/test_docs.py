import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from ckpt_analyzer.cli import app
from command_line import SUITE, environment
from docs.generate import PAGES
from required import required

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PROSE = [
    *sorted(DOCS.rglob("*.md")), REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md",
]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_not_stale(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


#: Pages whose commands are run one after the other, in a folder with the files that they show.
PAGES_WITH_COMMANDS = {
    "quick-start.md": None,
    "importing-and-exporting.md": None,
    "lm-evaluation-harness.md": "lm_eval",
}
_FILE = re.compile(r"^`([\w/.-]+)`:\n\n```\w+\n(.*?)```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES_WITH_COMMANDS)
def test_the_commands_of_a_page_work_in_their_order(name, tmp_path):
    needed = PAGES_WITH_COMMANDS[name]
    if needed:
        required(needed)
    page = (DOCS / name).read_text(encoding="utf-8")
    for path, content in _FILE.findall(page):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    shutil.copytree(SUITE / "toy-neox-36k" / "step4096", tmp_path / "my-run" / "step4096")
    commands = [shlex.split(line) for line in _COMMAND.findall(page)]
    assert len(commands) > 1
    for words in commands:
        module = words[2:] if words[0] == "python" else ["ckpt_analyzer", *words[1:]]
        done = subprocess.run(
            [sys.executable, "-m", *module],
            capture_output=True, text=True, env=environment(), cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"


_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_SHELL = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def of_repository(path):
    return str(path.relative_to(REPOSITORY))


def anchors(path):
    """The names that GitHub gives to the headings of a page."""
    headings = _HEADING.findall(_BLOCK.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PROSE, ids=of_repository)
def test_every_relative_link_of_a_page_leads_somewhere(page):
    for link in _LINK.findall(_BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_in_the_table_of_contents():
    listed = _LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} | {"notebook.ipynb"}
    assert pages - {"README.md"} == set(listed)


def shell_lines(page):
    for block in _SHELL.findall(page.read_text(encoding="utf-8")):
        is_console = block.startswith("$ ")
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ ") or not is_console:
                yield line.removeprefix("$ ").strip()


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param(page, line, id=f"{of_repository(page)}: {line}")
        for page in PROSE
        if page.name not in PAGES
        for line in shell_lines(page)
        if re.match(r"(\S+/)?ckpt-analyzer ", line)
    ],
)
def test_every_command_of_a_page_is_one_that_the_command_line_knows(page, line):
    words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and words:
        name, *words = words
        assert name in command.commands, f"no verb {name}"
        command = command.commands[name]
    if "--help" not in words:
        command.make_context(line, words, resilient_parsing=False).close()
