"""Faults in a suite that a Hub serves, each planted by one function.

In: a running ``HubServer``. The suite is Pythia's smallest model: weights of a few bytes under a
true configuration, or real toy weights to be scored.
"""

import json

from command_line import SUITE
from toy_checkpoint import SHAPES, safetensors_bytes

REPO = "EleutherAI/pythia-14m"
CONFIG = {
    "model_type": "gpt_neox", "hidden_size": 128, "num_hidden_layers": 6,
    "num_attention_heads": 4, "intermediate_size": 512, "vocab_size": 50304,
    "tie_word_embeddings": False,
}  # fmt: skip
NAMES = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def checkpoint_files(fill, config=None):
    """The files of a sharded checkpoint; `fill` is what its weights consist of."""
    shapes = (dict(list(SHAPES.items())[:3]), dict(list(SHAPES.items())[3:]))
    weight_map = {name: NAMES[i] for i, part in enumerate(shapes) for name in part}
    return {
        "config.json": json.dumps(CONFIG | (config or {})).encode(),
        "tokenizer.json": b"{}",
        "tokenizer_config.json": b"{}",
        "README.md": b"a model",
        "model.safetensors.index.json": json.dumps({"weight_map": weight_map}).encode(),
        NAMES[0]: safetensors_bytes(shapes[0], fill),
        NAMES[1]: safetensors_bytes(shapes[1], fill + 1),
    }


def serve_series(hub, steps):
    """Serve a sound series at `steps`; ``main`` is its last."""
    for i, step in enumerate(steps):
        hub.add(REPO, f"step{step}", checkpoint_files(2 * i))
    hub.add(REPO, "main", files_at(hub, steps[-1]))


def files_at(hub, step):
    """The files that the branch of `step` serves now."""
    repo = hub.repos["models", REPO]
    return dict(repo.commits[repo.branches[f"step{step}"]])


def plant(hub, step, changes, without=()):
    """Let the branch of `step` serve `changes` as well, and not the files `without`."""
    files = {name: content for name, content in files_at(hub, step).items() if name not in without}
    hub.add(REPO, f"step{step}", files | changes)


def plant_weights_of(hub, step, other, names=NAMES):
    """Let the branch of `step` serve weight files of `other`."""
    plant(hub, step, {name: files_at(hub, other)[name] for name in names})


def serve_toy_weights(hub, toy_step_of):
    """Serve weights of the smallest toy model, by step, under the name of Pythia's smallest."""
    for step, toy_step in toy_step_of.items():
        folder = SUITE / "toy-neox-36k" / f"step{toy_step}"
        hub.add(REPO, f"step{step}", {path.name: path.read_bytes() for path in folder.iterdir()})


def plant_suite(hub):
    """Serve a series with one fault of each kind, as docs/auditing-a-suite.md shows it."""
    serve_series(hub, (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 143000))
    plant_weights_of(hub, 1, 0)
    plant_weights_of(hub, 2, 143000)
    plant_weights_of(hub, 4, 143000)
    plant_weights_of(hub, 16, 143000, NAMES[:1])
    plant(hub, 32, {}, without=NAMES[1:])
    plant(hub, 64, {"adapter_model.safetensors": b"x"})
    plant(hub, 128, {"config.json": json.dumps(CONFIG | {"num_hidden_layers": 12}).encode()})
    hub.add(REPO, "step9", checkpoint_files(99))
