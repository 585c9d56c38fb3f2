"""What ``run`` refuses of its options before it does anything."""

import pytest

from command_line import run

SWEEP = """\
name: t
suites: [toy-neox]
sizes: [36k]
steps: [8]
tasks: [toy-coin]
limit: 5
device: cpu
store: store
"""


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_only_an_engine_whose_jobs_outlive_the_command_hands_units_over(tmp_path, engine):
    (tmp_path / "t.yaml").write_text(SWEEP)
    done = run("run", "t.yaml", "--engine", engine, "--detach", cwd=tmp_path)
    assert done.returncode == 2
    assert "--engine slurm" in done.stderr
    assert not (tmp_path / "store").exists()
