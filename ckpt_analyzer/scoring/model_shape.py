"""How large the parts of a model are, and how much arithmetic each takes for a row.

In: a configuration. Out: a ``ModelShape``, found by sending one row through a skeleton on the meta
device: nothing is computed and no weight is needed. The module knows nothing of plans or budgets.

Legend: D width, E width of all heads, G × d width of the keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PretrainedConfig, PreTrainedModel

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.scoring.family import Family, family_of
from ckpt_analyzer.scoring.roles import roles_of
from ckpt_analyzer.scoring.skeleton import skeleton_of


@dataclass(frozen=True)
class RowFlops:
    """Floating-point operations for one row, products and sums counted apart.

    Parameters
    ----------
    project, alongside, finish
        Of one layer, as a ``Family`` parts it; attention itself is not among them.
    head
        Of the norm and the head.
    """

    project: int
    alongside: int
    finish: int
    head: int


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a model of a described family, in numbers; they are bytes only with a dtype.

    Parameters
    ----------
    width, heads_width, keys_width
        Of hidden states, of all heads of a node, and of its keys.
    inner_width
        The widest that anything within a layer becomes.
    n_vocabulary
        Rows of the head.
    all_numbers, layer_numbers, rest_numbers
        Parameters of the model, tied ones once; of its largest layer; of what is neither a layer
        nor the embedding nor the head.
    head_row_numbers
        Parameters of the head for one token.
    embeds_positions
        As in ``Family``.
    """

    n_layers: int
    width: int
    heads_width: int
    keys_width: int
    inner_width: int
    n_vocabulary: int
    all_numbers: int
    layer_numbers: int
    rest_numbers: int
    head_row_numbers: int
    embeds_positions: bool
    row_flops: RowFlops


def shape_of(config: PretrainedConfig) -> ModelShape:
    """Return the shape of the causal model of `config`.

    Raises
    ------
    ScoringError
        If its family has no description in ``scoring/families``.
    """
    model = skeleton_of(config, torch.float32)
    family = family_of(model)
    if family is None:
        raise ScoringError(
            f"{type(model).__name__} has no description in scoring/families, so what it takes is "
            "not known",
        )
    return shape_of_skeleton(model, family)


def shape_of_skeleton(model: PreTrainedModel, family: Family) -> ModelShape:
    """Return the shape of `model`, all of which is on the meta device."""
    roles = roles_of(model, family)
    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    layer = max(roles.layers, key=lambda names: sum(sizes[name] for name in names))
    row = _Row.of(model, family)
    return ModelShape(
        n_layers=len(roles.layers),
        width=row.hidden.shape[1],
        heads_width=row.attended.shape[1],
        keys_width=row.n_keys,
        inner_width=max(max(shapes[name], default=1) for name in layer),
        n_vocabulary=shapes[roles.head[0]][0],
        all_numbers=sum(parameter.numel() for parameter in model.parameters()),
        layer_numbers=sum(sizes[name] for name in layer),
        rest_numbers=sum(sizes[name] for name in roles.rest),
        head_row_numbers=sum(math.prod(shapes[name][1:]) for name in roles.head),
        embeds_positions=family.embeds_positions,
        row_flops=row.flops,
    )


@dataclass(frozen=True, eq=False)
class _Row:
    """One row on the meta device: what it is between the layers and behind the attention."""

    hidden: torch.Tensor
    attended: torch.Tensor
    n_keys: int
    flops: RowFlops

    @classmethod
    def of(cls, model: PreTrainedModel, family: Family) -> _Row:
        layer = family.layers(model)[0]
        zero = torch.zeros(1, dtype=torch.int64, device="meta")
        hidden = family.embed(model, zero, zero)
        with FlopCounterMode(display=False) as project:
            heads = family.project(layer, hidden)
        with FlopCounterMode(display=False) as alongside:
            beside = family.alongside(layer, hidden)
        attended = torch.empty_like(heads.queries_THd).flatten(1)
        with FlopCounterMode(display=False) as finish:
            family.finish(layer, hidden, attended, beside)
        with FlopCounterMode(display=False) as head:
            family.logits(model, hidden)
        counts = (one.get_total_flops() for one in (project, alongside, finish, head))
        return cls(hidden, attended, heads.keys_TGd[0].numel(), RowFlops(*counts))
