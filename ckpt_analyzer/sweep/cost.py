"""What a plan will cost, said before anything is downloaded.

In: a plan. Out: downloads, requests, tokens, FLOPs, disk and memory. Tokens are those of the plan's
tasks (``tree_size.py``); everything else follows from counts that the suite declares. What scoring
takes is known exactly only with the tokenizer and the configuration: ``scoring/estimate.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.engines import UnitCost
from ckpt_analyzer.suite import Model
from ckpt_analyzer.sweep.plan import Plan, PlannedTask, Unit

#: What Python, torch, transformers and the items hold before a model is built, measured on Linux
#: with the CPU build of torch 2.13.
PROCESS_BYTES = 470 * 2**20
#: What logits and their log-softmax take.
LOGITS_BYTES = 80 * 2**20
#: Tokens that are computed at a time.
PACK_TOKENS = 4096
#: Models have about one layer for so much of their width.
WIDTH_PER_LAYER = 100
#: More layers than any published model has.
MAX_LAYERS = 200
#: A stored item row (two choices), measured on zstd Parquet.
STORED_ITEM_BYTES = 40
#: Requests per checkpoint besides its weight files: metadata, config, three tokenizer files.
REQUESTS_PER_CHECKPOINT = 5
#: The Hub splits weights into shards of about this size.
SHARD_BYTES = 5 * 10**9
DTYPE_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Cost:
    """What a plan will cost.

    Parameters
    ----------
    download_bytes, requests
        Zero for checkpoints on this disk.
    tokens
        Tokens through the model, what texts share counted once: an estimate.
    flops
        Of the forward pass.
    disk_bytes
        The item scores that stay; for weights see ``memory.spool_bytes``.
    memory_bytes
        Peak of the process for the largest model at the sweep's dtype, if it is resident.
    """

    n_units: int
    n_done: int
    n_missing: int
    n_items: int
    download_bytes: int
    requests: int
    tokens: int
    flops: float
    disk_bytes: int
    memory_bytes: int


def cost_of(plan: Plan) -> Cost:
    """Return what `plan` will cost."""
    tokens = {id(unit): _tokens(unit, plan) for unit in plan.units}
    remote = [unit for unit in plan.units if not isinstance(unit.source, LocalSource)]
    repositories = {unit.checkpoint.place.repo for unit in remote}
    return Cost(
        n_units=len(plan.units),
        n_done=plan.n_done,
        n_missing=len(plan.missing),
        n_items=plan.n_items,
        download_bytes=sum(_weight_bytes(unit) for unit in remote),
        requests=sum(_requests(unit) for unit in remote) + len(repositories),
        tokens=sum(tokens.values()),
        flops=sum(forward_flops(unit, tokens[id(unit)]) for unit in plan.units),
        disk_bytes=plan.n_items * STORED_ITEM_BYTES,
        memory_bytes=max(
            (memory_bytes_of(unit, plan.sweep.dtype) for unit in plan.units), default=0
        ),
    )


def unit_costs(plan: Plan) -> tuple[UnitCost, ...]:
    """Return what each unit of `plan` takes, in their order."""
    return tuple(
        UnitCost(
            flops=forward_flops(unit, _tokens(unit, plan)),
            download_bytes=0 if isinstance(unit.source, LocalSource) else _weight_bytes(unit),
        )
        for unit in plan.units
    )


def _tokens(unit: Unit, plan: Plan) -> int:
    planned = {each.task.name: each for each in plan.tasks}
    return round(sum(_cell_tokens(planned[cell.task], cell.shots) for cell in unit.cells))


def _cell_tokens(planned: PlannedTask, shots: int) -> float:
    """Return the tokens of a cell: each item draws its own examples, and shares them with none."""
    return planned.tree_tokens + shots * planned.n_items * planned.item_tokens


def forward_flops(unit: Unit, n_tokens: int) -> float:
    """Return the operations of a forward pass over `n_tokens`, the head left out.

    Of 2 for each parameter of a layer and token, the first and the last layer save about
    four fifths each, and attention to some 330 keys comes on top.
    """
    width = _width(unit.checkpoint.model)
    share = 1 - 1.65 * WIDTH_PER_LAYER / width + 330 / (6 * width)
    return 2.0 * _inner_parameters(unit.checkpoint.model) * n_tokens * max(share, 0.2)


def _inner_parameters(model: Model) -> int:
    return model.non_embedding_parameters or model.parameters


def _width(model: Model) -> float:
    """Return about how wide the model is: a layer has 12 × width² parameters."""
    return float((WIDTH_PER_LAYER * _inner_parameters(model) / 12) ** (1 / 3))


def _weight_bytes(unit: Unit) -> int:
    return stored_bytes(unit.checkpoint.model)


def stored_bytes(model: Model) -> int:
    """Return what the weight files of `model` take."""
    return model.parameters * model.stored_bytes_per_parameter


def _requests(unit: Unit) -> int:
    return REQUESTS_PER_CHECKPOINT + -(-_weight_bytes(unit) // SHARD_BYTES)


def memory_bytes_of(unit: Unit, dtype: str) -> int:
    """Return the peak memory of scoring `unit` on a resident model at `dtype`."""
    return resident_bytes(unit.checkpoint.model, dtype)


def resident_bytes(model: Model, dtype: str) -> int:
    """Return the peak memory of a process that scores on the whole `model` at `dtype`."""
    working = PACK_TOKENS * 8 * _width(model) * DTYPE_BYTES[dtype]
    weights = model.parameters * DTYPE_BYTES[dtype]
    return round(PROCESS_BYTES + weights + max(working, LOGITS_BYTES))


def least_bytes_of(unit: Unit, dtype: str) -> int:
    """Return less than what `unit` takes at `dtype` when its model is read layer by layer."""
    model = unit.checkpoint.model
    inner = model.non_embedding_parameters or 0
    return round(PROCESS_BYTES + LOGITS_BYTES + inner * DTYPE_BYTES[dtype] / MAX_LAYERS)
