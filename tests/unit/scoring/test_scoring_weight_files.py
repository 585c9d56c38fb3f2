from __future__ import annotations

import json
import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring import weight_files
from ckpt_analyzer.scoring.weight_files import read_into, read_rows, stored_tensors

TENSORS = {
    "a": torch.arange(40, dtype=torch.float32).view(10, 4) / 7,
    "half": torch.arange(30, dtype=torch.float16).view(10, 3) / 7,
    "one": torch.tensor(3.0, dtype=torch.bfloat16),
    "empty": torch.empty(0, 4),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    save_file(TENSORS, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def stored(folder):
    return stored_tensors(folder)


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("piece_bytes", [8, 2**20])
def test_tensors_are_read_and_converted(monkeypatch, stored, name, dtype, piece_bytes):
    monkeypatch.setattr(weight_files, "PIECE_BYTES", piece_bytes)
    out = torch.full(TENSORS[name].shape, torch.nan, dtype=dtype)
    read_into(out, stored[name])
    assert torch.equal(out, TENSORS[name].to(dtype))


@given(rows=st.sets(st.integers(0, 9)), dtype=st.sampled_from([torch.float32, torch.float16]))
def test_rows_are_read_without_the_others(stored, rows, dtype):
    rows = torch.tensor(sorted(rows), dtype=torch.int64)
    for name in ("a", "half"):
        found = read_rows(stored[name], rows, dtype)
        assert torch.equal(found, TENSORS[name][rows].to(dtype))


def test_shards_are_found_by_their_index(tmp_path):
    save_file({"a": TENSORS["a"]}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"half": TENSORS["half"]}, tmp_path / "model-00002-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "half": "model-00002-of-00002.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}))
    assert stored_tensors(tmp_path).keys() == {"a", "half"}
    (tmp_path / names["half"]).unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-00002"):
        stored_tensors(tmp_path)
    index.write_text("[]")
    with pytest.raises(CheckpointError, match="no index"):
        stored_tensors(tmp_path)


@pytest.mark.parametrize("n_bytes", [0, 4, 8, 60, -1])
def test_a_file_that_is_cut_is_refused(folder, tmp_path, n_bytes):
    content = (folder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(content[:n_bytes])
    with pytest.raises(CheckpointError, match="cannot be read"):
        stored_tensors(tmp_path)


def test_a_header_that_lies_is_refused(tmp_path):
    for entry in (
        {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F4", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32"},
    ):
        header = json.dumps({"a": entry}).encode()
        content = len(header).to_bytes(8, "little") + header + bytes(8)
        (tmp_path / "model.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match="cannot be read"):
            stored_tensors(tmp_path)


def test_a_file_that_shrank_since_is_an_error(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": TENSORS["a"]}, path)
    stored = stored_tensors(tmp_path)
    os.truncate(path, path.stat().st_size - 8)
    with pytest.raises(CheckpointError, match="ends too early"):
        read_into(torch.empty(10, 4), stored["a"])
