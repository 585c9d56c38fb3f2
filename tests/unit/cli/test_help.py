import json
import subprocess
import sys

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
