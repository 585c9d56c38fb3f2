"""What the tensors of a model are for: its layers, its embedding, its head, the rest.

In: a model of transformers, on the meta device or not, and the description of its family. Out:
names. No number is looked at.
"""

from __future__ import annotations

from typing import NamedTuple

from transformers import PreTrainedModel

from ckpt_analyzer.scoring.family import Family


class Roles(NamedTuple):
    """The names of a model's tensors, by what they are for.

    Parameters
    ----------
    layers
        Of each layer, those in the order in which the layer holds them.
    embedding
        The matrix of which a token reads one row.
    head
        What has one row for each token that may be predicted: a matrix, and a bias if there is one.
    rest
        All others.
    """

    layers: tuple[tuple[str, ...], ...]
    embedding: str
    head: tuple[str, ...]
    rest: tuple[str, ...]


def roles_of(model: PreTrainedModel, family: Family) -> Roles:
    """Return what the tensors of `model` are for."""
    layers = {id(layer): place for place, layer in enumerate(family.layers(model))}
    of_layers: list[tuple[str, ...]] = [()] * len(layers)
    taken: set[str] = set()
    head, embedding = "", ""
    for path, module in model.named_modules():
        if id(module) in layers:
            names = tuple(f"{path}.{name}" for name in module.state_dict())
            of_layers[layers[id(module)]] = names
            taken |= set(names)
        if module is model.get_input_embeddings():
            embedding = f"{path}.weight"
        if module is model.get_output_embeddings():  # type: ignore[no-untyped-call]
            head = path
    stored = tuple(model.state_dict())
    of_head = tuple(name for name in stored if name.rpartition(".")[0] == head)
    rest = tuple(name for name in stored if name not in taken | {embedding, *of_head})
    return Roles(tuple(of_layers), embedding, of_head, rest)
