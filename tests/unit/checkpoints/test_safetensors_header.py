"""A header is believed only where it holds together and is that of a file of this size."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ckpt_analyzer.checkpoints.safetensors_header import header_length, parse_header
from ckpt_analyzer.checkpoints.tensor_stream import Shard, tensor_slices
from ckpt_analyzer.errors import CheckpointError
from toy_checkpoint import SHAPES, safetensors_bytes, tensor_bytes

GOOD = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]},
}


def parsed(header, data_bytes=32):
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return parse_header(content, 8 + len(content) + data_bytes, "m.safetensors")


def changed(name, **values):
    return GOOD | {name: GOOD[name] | values}


def test_tensors_come_in_the_order_of_their_data():
    entries = parsed({"__metadata__": {"format": "pt"}, "b": GOOD["b"], "a": GOOD["a"]})
    assert [(e.name, e.dtype, e.shape, e.begin, e.end) for e in entries] == [
        ("a", "F32", (2, 3), 0, 24), ("b", "F16", (4,), 24, 32),
    ]  # fmt: skip


def test_empty_tensors_and_scalars_have_a_place():
    header = GOOD | {"e": {"dtype": "F32", "shape": [0, 7], "data_offsets": [32, 32]}}
    assert len(parsed(header)) == 3
    assert parsed({"s": {"dtype": "F64", "shape": [], "data_offsets": [0, 8]}}, 8)[0].shape == ()


@pytest.mark.parametrize(
    "header",
    [
        changed("b", data_offsets=[20, 28]),  # overlaps
        changed("b", data_offsets=[26, 34]),  # leaves a hole
        changed("b", data_offsets=[24, 40], shape=[8]),  # beyond the file
        changed("b", data_offsets=[0, 2**60], shape=[2**59]),
        changed("b", shape=[2**60, 2**60]),
        changed("b", shape=[5]),
        changed("b", shape=[-4]),
        changed("b", shape=[4.0]),
        changed("b", shape=[True, 4]),
        changed("b", shape="4"),
        changed("b", shape=[1] * 17 + [4]),
        changed("b", data_offsets=[32, 24]),
        changed("b", data_offsets=[24]),
        changed("b", data_offsets=[24, "32"]),
        changed("b", dtype="F17"),
        changed("b", dtype=[]),
        {"a": GOOD["a"]},  # bytes that nobody describes
        GOOD | {"c": 3},
        GOOD | {"c": {"dtype": "F16"}},
        [],
        b"{",
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
    ],
)
def test_a_header_that_does_not_hold_together_is_refused(header):
    with pytest.raises(CheckpointError):
        parsed(header)


@pytest.mark.parametrize("length", [0, 1, 93, 2**31, 2**60, 2**64 - 1])
def test_a_header_longer_than_its_file_is_refused_before_it_is_read(length):
    with pytest.raises(CheckpointError):
        header_length(length.to_bytes(8, "little"), 100, "m.safetensors")


def test_an_absurd_header_is_refused_though_it_fits():
    with pytest.raises(CheckpointError, match="bytes long"):
        header_length((2**40).to_bytes(8, "little"), 2**41, "m.safetensors")


@given(place=st.integers(0, 600), value=st.integers(0, 255))
def test_whatever_byte_of_a_header_changes_nothing_is_accepted_that_safetensors_refuses(
    place, value
):
    content = bytearray(safetensors_bytes(fill=3))
    length = int.from_bytes(content[:8], "little")
    content[place % (8 + length)] = value
    try:
        ours = {e.name for e in tensor_slices([bytes(content)], Shard("m", len(content)))}
    except CheckpointError:
        return
    try:
        assert ours == set(load(bytes(content)))
    except SafetensorError as error:
        raise AssertionError("accepted what safetensors refuses") from error


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_slices_do_not_depend_on_how_the_bytes_are_cut(sizes):
    content, chunks, place = safetensors_bytes(fill=7), [], 0
    while place < len(content):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(content[place : place + size])
        place += size
    slices = tensor_slices(chunks, Shard("m", len(content)))
    assert {each.name: bytes(each.data) for each in slices} == tensor_bytes(fill=7)


def test_large_tensors_come_in_slices_of_whole_elements(monkeypatch):
    monkeypatch.setattr("ckpt_analyzer.checkpoints.tensor_stream.SLICE_BYTES", 64)
    content = safetensors_bytes(fill=1)
    slices = list(tensor_slices([content], Shard("m", len(content))))
    assert max(len(each.data) for each in slices) == 64
    firsts = [each.first_element for each in slices if each.name == "gpt_neox.embed_in.weight"]
    assert firsts == [0, 32]


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"\0"])
def test_a_file_that_ends_too_early_or_goes_on_is_refused(change):
    content = safetensors_bytes()
    with pytest.raises(CheckpointError):
        list(tensor_slices([change(content)], Shard("m", len(content))))


@pytest.mark.parametrize("names", [set(SHAPES) - {"embed_out.weight"}, set(SHAPES) | {"more"}])
def test_tensors_in_another_shard_than_the_index_says_are_refused(names):
    content = safetensors_bytes()
    with pytest.raises(CheckpointError, match="index"):
        list(tensor_slices([content], Shard("m", len(content), names)))


def _one_tensor(n_bytes):
    raw = np.random.default_rng(0).integers(0, 256, n_bytes, dtype=np.uint8)
    return raw.tobytes(), save({"x": raw})


def test_a_slice_keeps_its_bytes_for_as_long_as_anybody_looks_at_it(monkeypatch):
    monkeypatch.setattr("ckpt_analyzer.checkpoints.tensor_stream.SLICE_BYTES", 64)
    raw, content = _one_tensor(640)
    kept = [piece.data for piece in tensor_slices([content], Shard("m", len(content)))]
    assert b"".join(kept) == raw


def test_memory_of_slices_that_nobody_looks_at_is_used_again(monkeypatch):
    monkeypatch.setattr("ckpt_analyzer.checkpoints.tensor_stream.SLICE_BYTES", 64)
    raw, content = _one_tensor(640)
    buffers, seen = [], b""
    for piece in tensor_slices([content], Shard("m", len(content))):
        seen += bytes(piece.data)
        if not any(piece.data.obj is buffer for buffer in buffers):
            buffers.append(piece.data.obj)
    assert seen == raw
    assert len(buffers) <= 2
