import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import SUITE, environment
from docs.generate import PAGES

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_not_stale(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


#: Pages whose commands are run one after the other, in a folder with the files that they show.
PAGES_WITH_COMMANDS = {"lm-evaluation-harness.md": "lm_eval", "importing-and-exporting.md": None}
_FILE = re.compile(r"^`([\w/.-]+)`:\n\n```\w+\n(.*?)```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES_WITH_COMMANDS)
def test_the_commands_of_a_page_work_in_their_order(name, tmp_path):
    needed = PAGES_WITH_COMMANDS[name]
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
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
