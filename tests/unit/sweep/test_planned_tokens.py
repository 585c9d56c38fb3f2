"""What a plan states before anything is read, beside what is then computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from transformers import GPTNeoXConfig, PreTrainedTokenizerFast

from ckpt_analyzer import suites, tasks
from ckpt_analyzer.scoring.encode import EncodedItems, encode_items
from ckpt_analyzer.scoring.estimate import flops_of, peak_bytes
from ckpt_analyzer.scoring.model_shape import shape_of
from ckpt_analyzer.scoring.plan import prepare
from ckpt_analyzer.sweep.config import parse_sweep, prize_tasks
from ckpt_analyzer.sweep.cost import forward_flops, memory_bytes_of
from ckpt_analyzer.sweep.plan import Unit
from ckpt_analyzer.sweep.prepare import plan_tasks
from ckpt_analyzer.sweep.sample import sample_items
from ckpt_analyzer.sweep.tree_size import relative_size
from ckpt_analyzer.task import Item
from ckpt_analyzer.task_data import TaskItems, load_items

#: The most that a plan may be off.
TOLERANCE = 0.15

SWEEP = """\
name: tokens
suites: [pythia]
sizes: [70m]
steps: [143000]
tasks: TASKS
store: stores/tokens
"""

#: Half of the text of all tasks: as a whole it takes longer to tokenize than all other tests.
LARGEST = "sig-figs"


def test_a_draw_of_long_texts_is_larger_than_others():
    short = [Item(str(k), f"{k} cat", (" a",), 0) for k in range(50)]
    long = [Item(str(k), f"{k} cat" * 9, (" a",), 0) for k in range(50, 100)]
    both = [*short, *long]

    def draw(seed):
        return sample_items(both, 10, seed, "cats")

    assert relative_size(short[:10], draw) < 0.5 < 1.5 < relative_size(long[:10], draw)
    assert relative_size(both * 4, draw) == 1.0


@dataclass(frozen=True)
class Official:
    """The official tasks, and Pythia's tokenizer."""

    tokenizer: PreTrainedTokenizerFast
    folder: Path
    tasks: dict[str, TaskItems]

    def drawn(self, name: str, limit: int | None) -> EncodedItems:
        chosen = sample_items(self.tasks[name].items, limit, 0, name)
        return encode_items(self.tokenizer, chosen, max_length_tokens=2048)


@pytest.fixture(scope="module")
def official(shared_data):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(shared_data / "tokenizers" / "pythia" / "tokenizer.json"),
        eos_token="<|endoftext|>",
    )
    folder = shared_data / "inverse_scaling"
    loaded = {name: load_items(tasks.load(name), data_dir=folder) for name in prize_tasks()}
    return Official(tokenizer, folder, loaded)


def stated_tokens(limit: int | None, folder: Path | None, *names: str) -> dict[str, int]:
    sweep = parse_sweep(SWEEP.replace("TASKS", f"[{', '.join(names)}]"), "tokens.yaml")
    sweep = sweep.model_copy(update={"limit": limit, "data": folder})
    return {planned.task.name: planned.tree_tokens for planned in plan_tasks(sweep)}


@pytest.mark.shared_data
@pytest.mark.parametrize("limit", [10, 30, 100, 300, None])
def test_stated_tokens_are_those_of_the_tree(official, limit):
    names = [name for name in prize_tasks() if limit or name != LARGEST]
    stated = stated_tokens(limit, official.folder, *names)
    drawn = {name: official.drawn(name, limit) for name in names}
    off = {name: stated[name] / prepare([drawn[name]]).n_tokens - 1 for name in names}
    assert {name: each for name, each in off.items() if abs(each) > TOLERANCE} == {}
    together = prepare(list(drawn.values())).n_tokens
    assert sum(stated.values()) == pytest.approx(together, rel=TOLERANCE)


@pytest.mark.shared_data
@pytest.mark.parametrize("limit", [10, 30, 100])
def test_without_the_items_a_plan_states_the_tokens_of_a_usual_draw(official, limit):
    stated = stated_tokens(limit, None, *prize_tasks())
    together = prepare([official.drawn(name, limit) for name in prize_tasks()]).n_tokens
    assert sum(stated.values()) == pytest.approx(together, rel=TOLERANCE)


#: Width, layers and heads of Pythia, beside what its suite declares: counts of parameters.
PYTHIA = {"70m": (512, 6, 8), "410m": (1024, 24, 16), "1b": (2048, 16, 8), "6.9b": (4096, 32, 32)}


@pytest.fixture(scope="module")
def thirty_each(official):
    return prepare([official.drawn(name, 30) for name in prize_tasks()])


@pytest.mark.shared_data
@pytest.mark.parametrize("size", PYTHIA)
@pytest.mark.parametrize(("dtype", "itemsize"), [("fp32", 4), ("bf16", 2)])
def test_stated_flops_and_memory_are_those_of_the_configuration(thirty_each, size, dtype, itemsize):
    """What scoring takes is held against torch's own counts in test_memory_budget.py."""
    width, n_layers, n_heads = PYTHIA[size]
    shape = shape_of(
        GPTNeoXConfig(
            vocab_size=50304,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=n_layers,
            num_attention_heads=n_heads,
        )
    )
    suite = suites.load("pythia")
    (model,) = suite.select((size,), ("base",))
    unit = Unit(suite.checkpoint(model, model.steps[-1]), None, ())
    flops = flops_of(thirty_each, shape)
    assert forward_flops(unit, thirty_each.n_tokens) == pytest.approx(flops, rel=TOLERANCE)
    peak = peak_bytes(thirty_each, shape, itemsize)
    assert memory_bytes_of(unit, dtype) == pytest.approx(peak, rel=TOLERANCE)
