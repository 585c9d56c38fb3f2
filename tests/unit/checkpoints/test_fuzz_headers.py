"""A short run of ``tests/fuzz/headers.py``: its corpus, and some inputs of the day."""

import importlib.util
import sys

import pytest

from command_line import REPOSITORY


@pytest.fixture(scope="module")
def headers():
    path = REPOSITORY / "tests" / "fuzz" / "headers.py"
    spec = importlib.util.spec_from_file_location("fuzz_headers", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_altered_files_of_checkpoints_are_read_rightly_or_refused_clearly(headers):
    tally = headers.fuzz(3000, seed=1)
    assert tally.failures == []
    assert all(tally.read[kind] for kind in ("safetensors", "index", "config"))
    assert all(tally.refused[kind] for kind in ("safetensors", "index", "model"))


def test_a_wrong_reader_is_found(headers, monkeypatch):
    def careless(chunks, shard):
        for piece in tensor_slices(chunks, shard):
            piece.data[:1] = b"\1"
            yield piece

    tensor_slices = headers.tensor_slices
    monkeypatch.setattr(headers, "tensor_slices", careless)
    kind = headers.KINDS[0]
    monkeypatch.setattr(headers, "KINDS", (kind,))
    monkeypatch.setattr(headers, "CORPUS", REPOSITORY / "docs" / "none")
    monkeypatch.setattr(type(headers.CORPUS), "iterdir", lambda _: iter(()))
    with pytest.raises(headers.WrongError):
        headers.fuzz(10, seed=0)


def test_a_crash_and_a_hang_are_found(headers, monkeypatch, tmp_path):
    def crash(content, chance, folder):
        raise KeyError(content)

    def hang(content, chance, folder):
        while True:
            pass

    monkeypatch.setattr(headers, "MOST_SECONDS", 1)
    for read, name in ((crash, "KeyError"), (hang, "SlowError")):
        kind = headers.Kind("x", 1.0, (), lambda _: slice(0), read)
        tally = headers.Tally()
        with headers._alarm():
            assert not headers._try(kind, b"", headers.random.Random(0), tmp_path, tally)
        assert name in tally.failures[0]
