"""A model that is built once and filled again and again equals what transformers loads."""

from __future__ import annotations

import io
import itertools
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from ckpt_analyzer.errors import CheckpointError, ScoringError
from ckpt_analyzer.scoring import in_place
from ckpt_analyzer.scoring.in_place import InPlaceModel
from ckpt_analyzer.scoring.load import load_model
from ckpt_analyzer.weights import FileStarted, FileVerified, PickledFile, TensorSlice

FAMILIES = (
    "gpt_neox", "llama", "olmo", "olmo2", "olmoe", "mistral", "qwen2", "gpt2", "opt", "bloom",
    "gemma2", "cohere",
)  # fmt: skip
#: As GPT-NeoX stores its head; transformers calls it lm_head.
HEAD = "embed_out.weight"
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int8: "I8"}


def slices(name, tensor, step=700):
    """The elements of a tensor in runs of at most `step`."""
    flat = tensor.contiguous().view(-1)
    for first in range(0, max(flat.numel(), 1), step):
        run = flat[first : first + step].clone()
        data = memoryview(run.view(torch.uint8).numpy())
        yield TensorSlice(name, NAMES[tensor.dtype], tuple(tensor.shape), first, data)


def file_of(tensors, file="model.safetensors"):
    """The pieces of one file."""
    yield FileStarted(file)
    for name, tensor in tensors.items():
        yield from slices(name, tensor)
    yield FileVerified(file)


@pytest.fixture
def saved(tmp_path, make_model):
    """Two checkpoints of one small GPT-NeoX in half precision: the folder, and their tensors."""
    make_model("gpt_neox", 1).half().save_pretrained(tmp_path)
    first = load_file(tmp_path / "model.safetensors")
    second = {name: tensor + 1 for name, tensor in first.items()}
    return tmp_path, first, second


def assert_same(model, plain):
    for (name, ours), (other, theirs) in zip(
        itertools.chain(model.named_parameters(), model.named_buffers()),
        itertools.chain(plain.named_parameters(), plain.named_buffers()),
        strict=True,
    ):
        assert (name, ours.dtype) == (other, theirs.dtype)
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize(
    ("family", "dtype"),
    [*itertools.product(FAMILIES, ("fp32", "bf16")), ("gpt_neox", "fp16")],
)
def test_a_filled_model_equals_what_transformers_loads(tmp_path, make_model, family, dtype):
    make_model(family).save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    model = InPlaceModel(dtype, "cpu").load(tmp_path, file_of(tensors))
    assert_same(model, load_model(tmp_path, dtype=dtype, device="cpu"))
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    assert (head.weight is embedding.weight) == bool(model.all_tied_weights_keys)


def test_the_next_checkpoint_of_the_same_configuration_fills_the_same_memory(saved):
    folder, first, second = saved
    memory = InPlaceModel("fp32", "cpu")
    model = memory.load(folder, file_of(first))
    address = model.lm_head.weight.data_ptr()
    again = memory.load(folder, file_of(second))
    assert again is model
    assert again.lm_head.weight.data_ptr() == address
    assert torch.equal(again.lm_head.weight, second[HEAD].float())
    save_file(second, folder / "model.safetensors", metadata={"format": "pt"})
    assert_same(again, load_model(folder, dtype="fp32", device="cpu"))


def test_another_configuration_builds_another_model(saved):
    folder, first, _ = saved
    memory = InPlaceModel("fp32", "cpu")
    model = memory.load(folder, file_of(first))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"use_parallel_residual": False}))
    assert memory.load(folder, file_of(first)) is not model
    assert memory.load(folder, file_of(first)).config.use_parallel_residual is False


def test_a_model_whose_making_was_given_up_fills_no_checkpoint_of_another(saved, monkeypatch):
    folder, first, _ = saved
    memory = InPlaceModel("fp32", "cpu")
    memory.load(folder, file_of(first))
    config = (folder / "config.json").read_text()
    changed = json.loads(config) | {"use_parallel_residual": False}
    (folder / "config.json").write_text(json.dumps(changed))

    def given_up(_):
        raise ScoringError("took longer than its time")  # --unit-timeout, wherever it strikes

    with monkeypatch.context() as patch:
        patch.setattr(in_place, "ParameterNames", given_up)
        with pytest.raises(ScoringError, match="took longer"):
            memory.load(folder, file_of(first))
    (folder / "config.json").write_text(config)
    assert memory.load(folder, file_of(first)).config.use_parallel_residual is True


def test_a_file_that_begins_anew_is_taken_from_its_beginning(saved):
    folder, right, wrong = saved
    broken = itertools.takewhile(lambda piece: not isinstance(piece, FileVerified), file_of(wrong))
    model = InPlaceModel("fp32", "cpu").load(folder, [*broken, *file_of(right)])
    assert torch.equal(model.lm_head.weight, right[HEAD].float())


def test_what_a_spoilt_reading_of_a_file_said_is_forgotten(saved):
    folder, right, _ = saved
    spoilt = [
        FileStarted("model.safetensors"),
        *slices("no.such.tensor", torch.ones(3)),
        *slices(HEAD, torch.ones(3)),
        TensorSlice("x", "F8_E4M3", (1,), 0, memoryview(bytearray(1))),
    ]
    InPlaceModel("fp32", "cpu").load(folder, [*spoilt, *file_of(right)])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.pop(HEAD), r"lm_head\.weight missing"),
        (lambda t: t.update(strange=torch.ones(1)), "strange unexpected"),
        (lambda t: t.update({HEAD: torch.ones(2, 2)}), "embed_out.weight of another sh"),
        (lambda t: t.update({"lm_head.weight": t[HEAD]}), None),
        (lambda t: t.update({"lm_head.weight": t[HEAD] + 1}), "one parameter"),
    ],
)
def test_tensors_that_are_not_those_of_the_model_are_named(saved, change, problem):
    folder, tensors, _ = saved
    change(tensors)
    load = InPlaceModel("fp32", "cpu").load
    if problem is None:
        load(folder, file_of(tensors))
        return
    with pytest.raises(CheckpointError, match=problem) as caught:
        load(folder, file_of(tensors))
    assert str(folder) in caught.value.where


def test_a_tensor_that_is_cut_comes_twice_or_lies_in_two_files_is_refused(saved):
    folder, tensors, _ = saved
    pieces = list(file_of(tensors))
    one = {HEAD: tensors[HEAD]}
    of_head = [i for i, piece in enumerate(pieces) if getattr(piece, "name", "") == HEAD]
    last = of_head[-1]
    for wrong, problem in (
        ([*pieces[:last], *pieces[last + 1 :]], "is not complete"),
        ([*pieces[: last - 1], *pieces[last:]], "in order"),
        ([*pieces[:last], pieces[last], *pieces[last:]], "in order"),
        ([*pieces, *file_of(one, "other")], "is in two files"),
    ):
        with pytest.raises(CheckpointError, match=problem):
            InPlaceModel("fp32", "cpu").load(folder, wrong)


def test_nothing_is_made_of_a_file_that_was_not_verified(saved):
    folder, tensors, _ = saved
    with pytest.raises(CheckpointError, match="missing"):
        InPlaceModel("fp32", "cpu").load(folder, list(file_of(tensors))[:-1])


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_file_fills_a_model_with_tied_weights_stored_twice(tmp_path, make_model, zipped):
    saved = make_model("gpt2")
    saved.save_pretrained(tmp_path)
    content = io.BytesIO()
    torch.save(saved.state_dict(), content, _use_new_zipfile_serialization=zipped)
    content.seek(0)
    pieces = [FileStarted("b"), PickledFile(content), FileVerified("b")]
    assert_same(InPlaceModel("fp32", "cpu").load(tmp_path, pieces), saved)


def test_tied_weights_that_hold_nan_are_the_same(tmp_path, make_model):
    model = make_model("gpt2")
    model.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["transformer.wte.weight"][0, 0] = torch.nan
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
    loaded = InPlaceModel("fp32", "cpu").load(tmp_path, file_of(tensors))
    assert loaded.lm_head.weight[0, 0].isnan()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_pickled_bytes_that_hold_no_checkpoint_are_refused(saved, content):
    folder, *_ = saved
    pieces = [FileStarted("b"), PickledFile(io.BytesIO(content)), FileVerified("b")]
    with pytest.raises(CheckpointError):
        InPlaceModel("fp32", "cpu").load(folder, pieces)


def test_a_broken_configuration_is_told(saved):
    folder, tensors, _ = saved
    for text in ("{", "{}", '{"model_type": "none"}', '{"model_type": "gpt_neox", "num_hidden'):
        (folder / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"config\.json"):
            InPlaceModel("fp32", "cpu").load(folder, file_of(tensors))


def test_building_a_model_leaves_the_random_state_and_the_default_type_alone(saved):
    folder, tensors, _ = saved
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    InPlaceModel("bf16", "cpu").load(folder, file_of(tensors))
    assert torch.equal(torch.rand(3), expected)
    model = AutoModelForCausalLM.from_config(load_model(folder, dtype="fp32").config)
    assert not torch.equal(model.lm_head.weight, torch.zeros_like(model.lm_head.weight))
