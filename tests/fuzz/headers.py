"""Files of checkpoints, altered at random: each is read rightly, or refused with a clear error.

In: a seed and a number of inputs. Out: a table and one last line of JSON; status 1 if an input
crashed a reader, was read wrongly, or took too long. What fails is written into the corpus, whose
files are tried first in every run.

Kinds of input: whole safetensors files, indices of shards, and configurations, these also up to the
modules of the model they describe (slow, so one in a thousand).

    python tests/fuzz/headers.py [--inputs 400000] [--seed 0]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import safetensors.numpy as rival  # noqa: E402
from safetensors import SafetensorError  # noqa: E402

import toy_checkpoint  # noqa: E402
from ckpt_analyzer import suites  # noqa: E402
from ckpt_analyzer.checkpoints.audit.reading import parsed_config  # noqa: E402
from ckpt_analyzer.checkpoints.config_size import count_from_config  # noqa: E402
from ckpt_analyzer.checkpoints.safetensors_header import count_parameters, read_entries  # noqa: E402
from ckpt_analyzer.checkpoints.shard_index import tensors_by_shard  # noqa: E402
from ckpt_analyzer.checkpoints.tensor_stream import Shard, tensor_slices  # noqa: E402
from ckpt_analyzer.errors import CkptAnalyzerError  # noqa: E402

CORPUS = Path(__file__).parent / "corpus" / "headers"
INDEX = "model.safetensors.index.json"
MOST_SECONDS = 5
#: What lies in wait in a field of JSON.
NASTY: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 2**31, 2**32, 2**53, 2**60, 2**63 - 1, 2**63, 2**64, -(2**63),
    10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), "", "a", "F16", "BF16", "F4", "\0",
    "\ud800", "../x", "/x", "x" * 5000, [], {}, [0], [-1], [2**63], [1.5], [[]], [None], [0, 0],
    [2**62, 4], {"a": 1}, {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "gpt_neox",
)  # fmt: skip
NASTY_BYTES = (
    b"", b"{}", b"[]", b"null", b"0", b'"', b"{", b"[" * 20_000, b'{"a":' * 20_000, b"\xff\xfe",
    b"\xef\xbb\xbf{}", b"9" * 5000, b"1e999", b"NaN", b"{}{}", b" " * 300, b'{"a":1,"a":2}',
)  # fmt: skip


class WrongError(Exception):
    """An input that was read, and not rightly."""


class SlowError(Exception):
    """An input that took too long."""


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Parameters
    ----------
    share
        How many of all inputs are of it, in parts of 1.
    json_at
        Where the JSON of an input is.
    read
        Reads an input; `CkptAnalyzerError` is a clear refusal.
    """

    name: str
    share: float
    seeds: tuple[bytes, ...]
    json_at: Callable[[bytes], slice]
    read: Callable[[bytes, random.Random, Path], None]


@dataclass
class Tally:
    """What came of the inputs."""

    read: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0


def main() -> None:
    """Try the corpus, then as many altered inputs as are wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begin = time.process_time()
    tally = fuzz(options.inputs, options.seed, keep=True)
    for kind in KINDS:
        read, refused = tally.read[kind.name], tally.refused[kind.name]
        print(f"{kind.name:16}{read + refused:>10,}{read:>10,} read{refused:>10,} refused")
    for failure in tally.failures:
        print(failure, file=sys.stderr)
    told = {
        "fuzz": "headers", "inputs": sum(tally.read.values()) + sum(tally.refused.values()),
        "seed": options.seed, "read": tally.read, "refused": tally.refused,
        "failures": len(tally.failures), "slowest_seconds": tally.slowest_seconds,
        "cpu_seconds": time.process_time() - begin,
    }  # fmt: skip
    print(json.dumps(told))
    if tally.failures:
        sys.exit(1)


def fuzz(n_inputs: int, seed: int, *, keep: bool = False) -> Tally:
    """Try the corpus and `n_inputs` altered inputs; failures are kept in the corpus if wanted."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder, _alarm():
        for kind in KINDS:  # they are sound; and imports are not timed
            for content in kind.seeds:
                kind.read(content, random.Random(0), Path(folder))
        for path in sorted(CORPUS.iterdir()):
            kind = next(kind for kind in KINDS if path.name.startswith(kind.name))
            _try(kind, path.read_bytes(), chance, Path(folder), tally)
        shares = [kind.share for kind in KINDS]
        for kind in chance.choices(KINDS, shares, k=n_inputs):
            content = altered(chance.choice(kind.seeds), kind, chance)
            if not _try(kind, content, chance, Path(folder), tally) and keep:
                digest = hashlib.sha256(content).hexdigest()[:12]
                (CORPUS / f"{kind.name}-{digest}").write_bytes(content)
    return tally


def _in_memory() -> Path | None:
    """Return a folder in memory, where there is one: most time goes into files on a disk."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() else None


def _try(kind: Kind, content: bytes, chance: random.Random, folder: Path, tally: Tally) -> bool:
    begin = time.perf_counter()
    signal.alarm(MOST_SECONDS)
    try:
        kind.read(content, chance, folder)
    except CkptAnalyzerError as error:
        tally.refused[kind.name] += 1
        if not str(error).strip():
            tally.failures.append(f"{kind.name}: an error without a word")
    except Exception as error:  # noqa: BLE001 (whatever comes is what is looked for)
        shown = f"{content[:150]!r} of {len(content)} bytes"
        tally.failures.append(f"{kind.name}: {type(error).__name__}: {str(error)[:300]}: {shown}")
        return False
    else:
        tally.read[kind.name] += 1
    finally:
        signal.alarm(0)
        tally.slowest_seconds = max(tally.slowest_seconds, time.perf_counter() - begin)
    return True


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise SlowError(f"more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


# --- alterations ---


def altered(content: bytes, kind: Kind, chance: random.Random) -> bytes:
    """Return `content` with one to four things changed: bytes, or values of its JSON."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        if chance.random() < 0.5:
            content = _with_bytes_changed(content, chance)
        else:
            content = _with_json_changed(content, kind, chance)
    return content


def _with_bytes_changed(content: bytes, chance: random.Random) -> bytes:
    begin = min(int(chance.expovariate(1 / 200)), len(content))
    end = min(begin + chance.choice((0, 1, 1, 2, 8, 64)), len(content))
    new = chance.choice((
        bytes([chance.randrange(256)]), chance.randbytes(end - begin), b"",
        (2 ** chance.randrange(64)).to_bytes(8, "little"), chance.choice(NASTY_BYTES[:13]),
        content[begin : begin + 30],
    ))  # fmt: skip
    if chance.random() < 0.05:
        return content[:begin] if chance.random() < 0.8 else chance.choice(NASTY_BYTES)
    return content[:begin] + new + content[end:]


def _with_json_changed(content: bytes, kind: Kind, chance: random.Random) -> bytes:
    at = kind.json_at(content)
    try:
        tree = json.loads(content[at])
    except (ValueError, RecursionError):
        return _with_bytes_changed(content, chance)
    places = list(_places(tree))
    if not places:
        return _with_bytes_changed(content, chance)
    holder, key = chance.choice(places)
    what = chance.random()
    if what < 0.1:
        del holder[key]
    elif what < 0.3:
        other, other_key = chance.choice(places)
        holder[key] = json.loads(json.dumps(other[other_key])) if other_key in _keys(other) else 0
    elif what < 0.5 and type(holder[key]) is int:
        holder[key] += chance.choice((-1, 1, 2, 4, 2**32, -(2**40)))
    elif what < 0.6 and isinstance(holder, dict):
        holder[str(chance.choice(NASTY))[:50]] = holder.pop(key)
    else:
        holder[key] = json.loads(json.dumps(chance.choice(NASTY)))
    text = json.dumps(tree, ensure_ascii=chance.random() < 0.9)
    packed = text.encode("utf-8", "surrogatepass")
    head = content[: at.start]
    if at.start == 8 and chance.random() < 0.9:
        head = len(packed).to_bytes(8, "little")
    return head + packed + content[at.stop :]


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    stack = [tree]
    while stack:
        holder = stack.pop()
        for key in _keys(holder):
            yield holder, key
            stack.append(holder[key])


def _keys(holder: Any) -> list[Any]:
    if isinstance(holder, dict):
        return list(holder)
    return list(range(len(holder))) if isinstance(holder, list) else []


# --- safetensors ---


def _read_safetensors(content: bytes, chance: random.Random, folder: Path) -> None:
    size = len(content)
    if chance.random() < 0.1:  # published and served lengths may differ
        size = chance.choice((0, size - 1, size + 1, size * 2, 2**40, 2**62))
    found: dict[str, bytearray] = {}
    shapes = {}
    for piece in tensor_slices(_chunks(content, chance), Shard("m.safetensors", size)):
        found.setdefault(piece.name, bytearray()).extend(piece.data)
        shapes[piece.name] = piece.shape
    if size != len(content):
        raise WrongError("a file of another length was taken")
    _compare(content, found, shapes)
    path = folder / "m.safetensors"
    path.write_bytes(content)
    if {entry.name: entry.shape for entry in read_entries(path)} != shapes:
        raise WrongError("a file on disk has other tensors than the same on its way")
    count = count_parameters([path])
    if not 0 <= count.non_embedding_parameters <= count.parameters:
        raise WrongError(f"{count}")


def _compare(content: bytes, found: Mapping[str, bytes], shapes: Mapping[str, Any]) -> None:
    try:
        expected = dict(rival_entries(content))
    except SafetensorError as error:
        raise WrongError("taken, though safetensors refuses it") from error
    if {name: (tuple(each["shape"]), bytes(each["data"])) for name, each in expected.items()} != {
        name: (tuple(shapes[name]), bytes(data)) for name, data in found.items()
    }:
        raise WrongError("other tensors than safetensors reads")


def rival_entries(content: bytes) -> list[tuple[str, Any]]:
    """Return what the safetensors library reads."""
    from safetensors import deserialize

    return deserialize(content)


def _chunks(content: bytes, chance: random.Random) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        size = chance.choice((1, 7, 8, 100, 4096))
        yield content[place : place + size]
        place += size


def _json_of_safetensors(content: bytes) -> slice:
    length = int.from_bytes(content[:8], "little")
    return slice(8, min(8 + length, len(content)))


# --- indices and configurations ---


def _read_index(content: bytes, chance: random.Random, folder: Path) -> None:
    (folder / INDEX).write_bytes(content)
    shards = tensors_by_shard(folder, [INDEX, "config.json"])
    stored = json.loads(content)["weight_map"]
    if sorted((n, f) for f, names in shards.items() for n in names) != sorted(stored.items()):
        raise WrongError("not every tensor is in its shard")


def _read_config(content: bytes, chance: random.Random, folder: Path) -> None:
    config = parsed_config(content)
    count = count_from_config(config or {})
    if count is None:
        return
    if type(count) is not int or not 0 < count < 2**200:
        raise WrongError(f"a model of {count} parameters")
    f"{count:,}"  # as a finding shows it


def _read_model(content: bytes, chance: random.Random, folder: Path) -> None:
    import torch

    from ckpt_analyzer.scoring.load import quiet
    from ckpt_analyzer.scoring.skeleton import config_in, skeleton_of
    from ckpt_analyzer.scoring.window import max_length_tokens

    (folder / "config.json").write_bytes(content)
    with quiet():
        config = config_in(folder)
        length = max_length_tokens(config)
        if type(length) is not int or length <= 0:
            raise WrongError(f"a window of {length} tokens")
        skeleton_of(config, torch.float32)


def _whole(_content: bytes) -> slice:
    return slice(0, len(_content))


def _configs() -> tuple[bytes, ...]:
    toy = Path(suites.load("toy-neox").root) / "toy-neox-36k" / "step8" / "config.json"  # type: ignore[arg-type]
    llama = {
        "model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 100,
        "num_key_value_heads": 2, "intermediate_size": 128, "num_hidden_layers": 2,
        "max_position_embeddings": 64, "tie_word_embeddings": True, "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    }  # fmt: skip
    others = [{**llama, "model_type": kind} for kind in ("olmo2", "qwen2", "mistral", "qwen3")]
    return (toy.read_bytes(), *(json.dumps(each).encode() for each in (llama, *others)))


def _safetensors() -> tuple[bytes, ...]:
    mixed = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4), np.float16),
        "c": np.ones((), np.int64), "d": np.array([True, False]),
    }  # fmt: skip
    return (
        toy_checkpoint.safetensors_bytes(fill=3),
        rival.save(mixed),
        rival.save({"x": mixed["a"]}, metadata={"format": "pt"}),
    )


_INDEX = toy_checkpoint.sharded_files()[INDEX]
KINDS = (
    Kind("safetensors", 0.599, _safetensors(), _json_of_safetensors, _read_safetensors),
    Kind("index", 0.2, (_INDEX,), _whole, _read_index),
    Kind("config", 0.2, _configs(), _whole, _read_config),
    Kind("model", 0.001, _configs(), _whole, _read_model),
)


if __name__ == "__main__":
    main()
