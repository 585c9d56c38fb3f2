"""The safetensors header under atheris, which alters inputs so that they reach further code.

In: a number of seconds, and atheris (``pip install atheris``; no part of the project). Out: what
libFuzzer prints; status 1, and the input in the corpus of ``headers.py``, if a reader crashed or
read wrongly. The checks are those of ``headers.py``.

    python tests/fuzz/guided.py [--seconds 300] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

with atheris.instrument_imports(include=["ckpt_analyzer.checkpoints", "json"]):
    import headers

    from ckpt_analyzer.errors import CkptAnalyzerError
    from mutation import scratch

_FOLDER = scratch()
(_KIND,) = (kind for kind in headers.KINDS if kind.name == "safetensors")


def read(content: bytes) -> None:
    """Read an input, and the same with a length of its header that fits into the file."""
    _read(content)
    body = content[8:]
    length = int.from_bytes(content[:8], "little") % (len(body) + 1)
    _read(length.to_bytes(8, "little") + body)


def _read(content: bytes) -> None:
    """Read one file; what is no clear refusal ends the run."""
    try:
        _KIND.read(content, random.Random(len(content)), _FOLDER)
    except CkptAnalyzerError as error:
        if not str(error).strip():
            raise headers.WrongError("an error without a word") from error


def main() -> None:
    """Fuzz for so many seconds, from the seeds and the corpus on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seeds = Path(tempfile.mkdtemp(dir=_FOLDER))
    for i, content in enumerate(_KIND.seeds):
        (seeds / f"seed-{i}").write_bytes(content)
    for path in headers.CORPUS.glob("safetensors-*"):
        (seeds / path.name).write_bytes(path.read_bytes())
    flags = [
        f"-max_total_time={options.seconds}", f"-seed={options.seed}", "-max_len=4096",
        f"-artifact_prefix={headers.CORPUS}/safetensors-", "-print_final_stats=1", "-timeout=5",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(seeds)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
