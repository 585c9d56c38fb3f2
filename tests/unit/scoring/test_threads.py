import pytest
import torch
from transformers import GPTNeoXConfig

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.scoring.in_place import InPlaceModel
from ckpt_analyzer.scoring.threads import SMALL_PARAMETERS, threads_for


def test_a_small_model_gets_one_thread_and_the_number_is_restored():
    before = torch.get_num_threads()
    with threads_for(SMALL_PARAMETERS - 1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_large_model_keeps_all_threads():
    before = torch.get_num_threads()
    with threads_for(SMALL_PARAMETERS):
        assert torch.get_num_threads() == before


def test_weights_are_converted_by_one_thread(tmp_path):
    seen = []

    def pieces():
        seen.append(torch.get_num_threads())
        yield from ()

    before = torch.get_num_threads()
    config = GPTNeoXConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=4,
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    torch.set_num_threads(2)
    try:
        with pytest.raises(CheckpointError, match="embed_in"):
            InPlaceModel("fp32", "cpu").load(tmp_path, pieces())
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)
