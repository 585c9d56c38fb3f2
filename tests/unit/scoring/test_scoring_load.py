from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring.load import load_model, load_tokenizer


@pytest.fixture
def folder(tmp_path, make_model) -> Path:
    make_model("gpt_neox").half().save_pretrained(tmp_path)
    return tmp_path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def replace(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def as_bin(folder: Path) -> Path:
    torch.save(weights(folder), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder / "pytorch_model.bin"


def test_half_precision_files_load_as_single_precision(folder):
    model = load_model(folder, dtype="fp32", device="cpu")
    stored = weights(folder)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    loaded = model.state_dict()["gpt_neox.embed_in.weight"]
    assert torch.equal(loaded, stored["gpt_neox.embed_in.weight"].float())
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_rotary_frequencies_stay_in_single_precision(folder, name, dtype):
    model = load_model(folder, dtype=name, device="cpu")
    assert model.dtype == dtype
    assert model.gpt_neox.rotary_emb.inv_freq.dtype == torch.float32


@pytest.mark.parametrize("family", ["llama", "gpt2", "opt", "bloom", "gemma2"])
def test_models_of_each_family_load_as_they_were_saved(tmp_path, make_model, family):
    saved = make_model(family)
    saved.save_pretrained(tmp_path)
    loaded = load_model(tmp_path, dtype="fp32", device="cpu")
    for name, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_files_without_the_prefix_of_the_head_model_load(tmp_path, make_model):
    # The published files of BLOOM and GPT-2 are those of the model without its head.
    saved = make_model("bloom")
    saved.save_pretrained(tmp_path)
    bare = {name.removeprefix("transformer."): t for name, t in weights(tmp_path).items()}
    replace(tmp_path, bare)
    loaded = load_model(tmp_path, dtype="fp32", device="cpu")
    assert torch.equal(loaded.lm_head.weight, saved.lm_head.weight)


def test_a_missing_tensor_is_an_error_that_names_it(folder):
    stored = weights(folder)
    del stored["gpt_neox.layers.1.mlp.dense_h_to_4h.weight"]
    replace(folder, stored)
    with pytest.raises(CheckpointError, match=r"layers\.1\.mlp\.dense_h_to_4h\.weight missing"):
        load_model(folder, dtype="fp32", device="cpu")


def test_an_unexpected_tensor_is_an_error_that_names_it(folder):
    replace(folder, weights(folder) | {"gpt_neox.adapter.weight": torch.ones(2)})
    with pytest.raises(CheckpointError, match=r"adapter\.weight unexpected"):
        load_model(folder, dtype="fp32", device="cpu")


@pytest.mark.parametrize(
    "name",
    ["attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq"],
)
def test_tensors_that_old_releases_stored_are_let_pass(folder, name):
    replace(folder, weights(folder) | {f"gpt_neox.layers.0.{name}": torch.ones(2)})
    load_model(folder, dtype="fp32", device="cpu")


def test_a_tensor_of_another_shape_is_an_error(folder):
    stored = weights(folder)
    stored["gpt_neox.embed_in.weight"] = torch.ones(3, 3)
    replace(folder, stored)
    with pytest.raises(CheckpointError):
        load_model(folder, dtype="fp32", device="cpu")


@pytest.mark.parametrize("n_bytes", [0, 4, 200, 10_000])
def test_a_cut_file_is_an_error(folder, n_bytes):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_model(folder, dtype="fp32", device="cpu")


@pytest.mark.parametrize("n_bytes", [0, 4, 200, 10_000])
def test_a_cut_bin_is_an_error(folder, n_bytes):
    path = as_bin(folder)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_model(folder, dtype="fp32", device="cpu")


def test_a_bin_of_tensors_loads(folder):
    expected = weights(folder)["gpt_neox.embed_in.weight"].float()
    as_bin(folder)
    model = load_model(folder, dtype="fp32", device="cpu")
    assert torch.equal(model.gpt_neox.embed_in.weight, expected)


class _Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bin_that_holds_code_is_refused_and_does_not_run(folder, zipped):
    trace = folder / "code-ran"
    path = as_bin(folder)
    holder = {"x": _Payload(trace)}
    if zipped:
        torch.save(holder, path)
    else:
        path.write_bytes(pickle.dumps(holder, protocol=2))
    with pytest.raises(CheckpointError):
        load_model(folder, dtype="fp32", device="cpu")
    assert not trace.exists()
    pickle.loads(pickle.dumps(holder))
    assert trace.exists(), "the payload is live"


def test_missing_things_are_named(folder, tmp_path):
    with pytest.raises(CheckpointError, match="no such folder"):
        load_model(tmp_path / "nowhere", dtype="fp32", device="cpu")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        load_model(folder, dtype="fp32", device="cpu")
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_model(folder, dtype="fp32", device="cpu")


def test_a_missing_shard_is_an_error(tmp_path, make_model):
    make_model("gpt_neox").save_pretrained(tmp_path, max_shard_size="50KB")
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 1
    shards[0].unlink()
    with pytest.raises(CheckpointError):
        load_model(tmp_path, dtype="fp32", device="cpu")


def test_code_in_the_folder_does_not_run(folder):
    trace = folder / "code-ran"
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "mine"
    config["auto_map"] = {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(f"import os\nos.mkdir({str(trace)!r})\n")
    with pytest.raises(CheckpointError):
        load_model(folder, dtype="fp32", device="cpu")
    assert not trace.exists()


def test_loading_is_silent(folder, capfd):
    load_model(folder, dtype="fp32", device="cpu")
    assert capfd.readouterr() == ("", "")


def test_a_tokenizer_loads_as_it_was_saved(tmp_path, tokenizer):
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    text = "The cat\r\n sat é"
    assert loaded.encode(text) == tokenizer.encode(text)
    assert loaded.eos_token_id == tokenizer.eos_token_id


def test_a_missing_or_broken_tokenizer_is_an_error(tmp_path, folder):
    with pytest.raises(CheckpointError, match="no such folder"):
        load_tokenizer(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="folder above the checkpoints: merges"):
        load_tokenizer(folder)
    for content in ("", "{", "{}", '{"model": 3}'):
        (folder / "tokenizer.json").write_text(content)
        with pytest.raises(CheckpointError, match="tokenizer cannot be loaded"):
            load_tokenizer(folder)


@pytest.mark.shared_data
def test_pythias_tokenizer_loads_as_its_file_says(shared_data, tmp_path):
    from tokenizers import Tokenizer

    source = shared_data / "tokenizers/pythia/tokenizer.json"
    (tmp_path / "tokenizer.json").write_bytes(source.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({
            "add_prefix_space": False, "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
            "tokenizer_class": "GPTNeoXTokenizer", "unk_token": "<|endoftext|>",
        })
    )  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt_neox"}))
    loaded = load_tokenizer(tmp_path)
    text = "e\u0301 caf\u00e9\r\n  x   y \ufb01 ends 3.14"
    assert loaded.encode(text) == Tokenizer.from_file(str(source)).encode(text).ids
    assert loaded.bos_token_id == 0
