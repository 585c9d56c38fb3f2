"""Damaged inputs from a small corpus, and the count of what a reader makes of them.

In: a ``Target`` (seeds, words of its language, a reader), a number of inputs and a seed. Out: how
many were accepted and how many refused with a clear error; any other exception, and any input that
takes more than a second of CPU time, is a failure, is shown and is written into the corpus, whose
files are tried first in every run. A seed gives the same inputs again.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import hashlib
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_analyzer.errors import UserError

LIMIT_SECONDS = 1.0
LARGEST_BYTES = 20_000
CORPUS = Path(__file__).parent / "corpus"
#: How often an input is made of a seed that is well formed: of the others most are refused at once.
_SOUND_SHARE = 0.85

#: What breaks readers of numbers, texts and nested data, whatever the language.
WORDS = (
    "0", "-1", "--1", "1e999", "-1e-999", "NaN", "Infinity", "9" * 30, "9" * 5000, "0x10", "1_0",
    "null", "true", "", " ", "\t", "\r", "\r\n", "\n", "\x00", "\x1b", "\ufeff", "\u2028", "\x85",
    "٣", "é", "\U0001f600", '"', "'", "\\", "\\u0000", "\\ud800", "[", "]", "{", "}", ":", ",",
    "[" * 2000, "{" * 500, '{"a":' * 1500, "-" * 3000, "((" * 400, "x" * 3000, "../../etc/passwd",
    "%s%n", "$(id)", "<script>", "=1+1",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 2**31, 2**63, 10**30, -(2**70), 0.5, 1e308, float("nan"),
    float("inf"), "", " ", "x", "\x00", "\ud800", "é", "1", "-", "x" * 3000, [], {}, [[]], [None],
    ["", ""], [" a", " a"], {"": None}, {"a": {"a": {}}},
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A reader under test.

    Parameters
    ----------
    seeds
        Inputs that are well formed.
    broken
        Inputs that are not, and once broke the reader.
    words
        Pieces of its language that are put in at random places.
    read
        Takes the bytes; raises a UserError, or returns having checked what it got.
    as_json
        The JSON lines or document of a seed can be changed as data, too.
    """

    name: str
    seeds: Sequence[bytes]
    words: Sequence[str]
    read: Callable[[bytes], None]
    as_json: bool = False
    broken: Sequence[bytes] = ()

    @property
    def corpus(self) -> Path:
        """The folder of inputs that once failed, in any run."""
        return CORPUS / self.name.replace(" ", "-")

    @property
    def known(self) -> tuple[bytes, ...]:
        """All inputs that are tried as they are, before any is altered."""
        kept = sorted(self.corpus.iterdir()) if self.corpus.is_dir() else []
        return (*self.seeds, *self.broken, *(path.read_bytes() for path in kept))


class TooSlowError(BaseException):
    """An input that is not read within its time; no reader may catch it."""


def inputs(target: Target, n: int, seed: int) -> Iterator[bytes]:
    """Yield the known inputs, then `n` inputs made of them."""
    rng = random.Random(seed)
    known = target.known
    yield from known
    for _ in range(n):
        content = rng.choice(target.seeds if rng.random() < _SOUND_SHARE else known)
        as_data = target.as_json and rng.random() < 0.7
        for _ in range(rng.choice((1, 1, 2, 4)) if as_data else 0):
            content = _changed_data(content, rng)
        # Most bytes put in at random end a document of JSON: what lies behind the parser is
        # reached through its data.
        for _ in range(rng.choice((0, 0, 0, 1) if as_data else (0, 1, 1, 2, 3, 8))):
            content = _changed_bytes(content, target, rng)
        yield content[:LARGEST_BYTES]


def _changed_bytes(content: bytes, target: Target, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    end = min(len(content), at + rng.choice((0, 1, 1, 4, 16, 64)))
    word = rng.choice((*WORDS, *target.words)).encode("utf-8", "surrogatepass")
    other = rng.choice(target.seeds)
    begin = rng.randrange(len(other) + 1)
    change = rng.randrange(7)
    if change == 0:
        return content[:at] + content[end:]
    if change == 1:
        return content[:at] + word + content[at:]
    if change == 2:
        return content[:at] + word + content[end:]
    if change == 3:
        return content[:at] + content[at:end] * rng.choice((2, 3, 50)) + content[end:]
    if change == 4:
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if change == 5:
        return content[:at] + other[begin : begin + rng.randrange(200)] + content[end:]
    return content[:at]


def _changed_data(content: bytes, rng: random.Random) -> bytes:
    """Return `content` with a value of its JSON replaced, removed or nested."""
    lines = content.split(b"\n")
    i = rng.randrange(len(lines))
    for j in (i, None):
        text = content if j is None else lines[j]
        with contextlib.suppress(ValueError, RecursionError):
            changed = json.dumps(_changed(json.loads(text), rng)).encode()
            if j is None:
                return changed
            lines[j] = changed
            return b"\n".join(lines)
    return content


def _changed(value: Any, rng: random.Random) -> Any:
    keys = list(value) if isinstance(value, dict) else None
    indices = range(len(value)) if isinstance(value, list) else keys
    if not indices or rng.random() < 0.15:
        return rng.choice((*VALUES, [value], {"x": value}))
    place = rng.choice(list(indices))
    copy = dict(value) if keys is not None else list(value)
    if rng.random() < 0.1:
        del copy[place]
    elif keys is not None and rng.random() < 0.1:
        copy[rng.choice(("", "x", "id", "é", "a,b", *keys))] = copy.pop(place)
    else:
        copy[place] = _changed(value[place], rng)
    return copy


def fuzz(target: Target, n: int, seed: int, *, keep: bool = False) -> Counter[str]:
    """Return how many inputs came to which end; failures are named by what went wrong.

    The first two failures of a name are shown, and written into the corpus with `keep`.
    """
    counts: Counter[str] = Counter()
    for content in inputs(target, n, seed):
        end = _end(target, content)
        counts[end] += 1
        if end not in ("accepted", "clear error") and counts[end] <= 2:
            sys.stderr.write(f"{target.name}: {end}\n  {content[:600]!r}\n")
            if keep:
                _keep(target, content)
    return counts


def _keep(target: Target, content: bytes) -> None:
    target.corpus.mkdir(parents=True, exist_ok=True)
    (target.corpus / hashlib.sha256(content).hexdigest()[:12]).write_bytes(content)


def scratch() -> Path:
    """Return a new folder, in memory where it can be: to make a file on a disk takes longest."""
    in_memory = Path("/dev/shm")
    made = tempfile.mkdtemp(prefix="fuzz-", dir=in_memory if in_memory.is_dir() else None)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def _end(target: Target, content: bytes) -> str:
    begun = time.process_time()
    try:
        with _alarm(5 * LIMIT_SECONDS):
            target.read(content)
        end = "accepted"
    except UserError as error:
        end = "clear error" if error.problem.strip() and _is_printable(error) else "unclear error"
    except TooSlowError:
        return "a hang"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {str(error)[:120]!r}"
    return end if time.process_time() - begun < LIMIT_SECONDS else "slower than a second"


def _is_printable(error: UserError) -> bool:
    try:
        return bool(str(error).encode())
    except UnicodeEncodeError:
        return False


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def main(target: Target) -> None:
    """Run `target` as a program; exit code 1 if anything failed."""
    parser = argparse.ArgumentParser(description=f"Fuzz {target.name}.")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun = time.process_time()
    counts = fuzz(target, options.inputs, options.seed, keep=True)
    told = {"target": target.name, "seed": options.seed, "inputs": sum(counts.values()), **counts}
    told["cpu_seconds"] = round(time.process_time() - begun, 1)
    sys.stdout.write(json.dumps(told) + "\n")
    sys.exit(any(end not in ("accepted", "clear error") for end in counts))
