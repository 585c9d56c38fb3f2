"""What a plan will cost, said before anything is downloaded.

In: a plan. Out: downloads, requests, tokens, FLOPs, disk and memory. Tokens are estimated from
bytes of text; everything else follows from counts that the suite declares.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.sweep.plan import Plan, Unit

#: Bytes of text per token of the 11 prize tasks under the tokenizer of Pythia: 52.3 MB / 13.0 M.
BYTES_PER_TOKEN = 4.0
#: What Python, torch and transformers hold before a model is built, measured on Linux, CPU build.
PROCESS_BYTES = 600 * 2**20
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
        Tokens through the model if every choice runs on its own: an upper bound.
    flops
        ``2 * parameters * tokens`` of the forward pass.
    disk_bytes
        The item scores that stay; downloaded weights do not touch the disk.
    memory_bytes
        Peak for the largest model at the sweep's dtype.
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
    repositories = {unit.checkpoint.model.repo for unit in remote}
    return Cost(
        n_units=len(plan.units),
        n_done=plan.n_done,
        n_missing=len(plan.missing),
        n_items=plan.n_items,
        download_bytes=sum(_weight_bytes(unit) for unit in remote),
        requests=sum(_requests(unit) for unit in remote) + len(repositories),
        tokens=sum(tokens.values()),
        flops=sum(2.0 * unit.checkpoint.model.parameters * tokens[id(unit)] for unit in plan.units),
        disk_bytes=plan.n_items * STORED_ITEM_BYTES,
        memory_bytes=max(
            (memory_bytes_of(unit, plan.sweep.dtype) for unit in plan.units), default=0
        ),
    )


def _tokens(unit: Unit, plan: Plan) -> int:
    scored_bytes = {planned.task.name: planned.scored_bytes for planned in plan.tasks}
    total = sum(scored_bytes[cell.task] * (cell.shots + 1) for cell in unit.cells)
    return round(total / BYTES_PER_TOKEN)


def _weight_bytes(unit: Unit) -> int:
    model = unit.checkpoint.model
    return model.parameters * model.stored_bytes_per_parameter


def _requests(unit: Unit) -> int:
    return REQUESTS_PER_CHECKPOINT + -(-_weight_bytes(unit) // SHARD_BYTES)


def memory_bytes_of(unit: Unit, dtype: str) -> int:
    """Return the peak memory of scoring `unit` at `dtype`."""
    return PROCESS_BYTES + unit.checkpoint.model.parameters * DTYPE_BYTES[dtype]
