"""A short soak: the benchmark's own measure says that nothing is lost, doubled or wrong."""

import json
import subprocess
import sys

from command_line import REPOSITORY, environment


def test_a_short_soak_under_faults_scores_everything_once_and_leaves_nothing_open(tmp_path):
    done = subprocess.run(
        [
            sys.executable, REPOSITORY / "benchmarks" / "soak.py",
            "--units", "30", "--faults", "0.2", "--items", "5", "--scratch", tmp_path,
        ],
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    # So few units say nothing of how memory grows.
    assert set(told["problems"]) <= {"memory grows"}, done.stderr
    assert (told["done"], told["stored"], told["failed"]) == (30, 30, 0)
    assert told["faults"] > 0
    # Metadata and weights of each; configuration and tokenizer once.
    assert told["requests"] < 30 * 2 + 3 + 3 * told["faults"] + 10
    assert list(tmp_path.iterdir()) == []
