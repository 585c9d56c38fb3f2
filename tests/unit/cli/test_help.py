import json
import subprocess
import sys

import typer

HEAVY = (
    "torch", "transformers", "statsmodels", "altair", "scipy", "pandas", "duckdb", "pyarrow",
    "lm_eval", "datasets",
)  # fmt: skip


def test_help_imports_nothing_heavy():
    code = (
        "import sys, json\n"
        "sys.argv = ['ckpt-analyzer', '--help']\n"
        "from ckpt_analyzer.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as done:\n    assert not done.code\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr))
    assert "Commands" in done.stdout
    assert not loaded.intersection(HEAVY)


def test_paragraphs_of_help_have_no_line_ends_of_the_docstring():
    from ckpt_analyzer.cli.commands import app

    click_app = typer.main.get_command(app)
    texts = [text for text in _help_texts(click_app) if text]
    assert len(texts) > 20
    for text in texts:
        assert all("\n" not in paragraph for paragraph in text.split("\n\n")), text


def _help_texts(command):
    yield command.help
    for each in getattr(command, "commands", {}).values():
        yield from _help_texts(each)
