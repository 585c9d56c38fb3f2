"""Memory ran out: how that is told, and what is tried next.

In: an error, or a plan that was too large. Out: whether the error says that memory ran out, and the
plan in smaller packs. What a plan reads, and so every score, stays the same. The module knows
nothing of models.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ckpt_analyzer.scoring.pack import packs
from ckpt_analyzer.scoring.plan import ScoringPlan

#: Packs of fewer tokens save nothing: weights and logits take what is there.
LEAST_TOKENS = 128

#: How torch says it where it has no class for it: on a CPU, in cuBLAS, on Apple's GPUs.
_SAID = (
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "backend out of memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _SAID)


def in_smaller_packs(plan: ScoringPlan) -> ScoringPlan | None:
    """Return `plan` in packs of half as many tokens; None where that would not help any more."""
    most = max((pack.stop - pack.start for pack in plan.packs), default=0)
    batch_tokens = min(plan.batch_tokens, most) // 2
    if batch_tokens < LEAST_TOKENS:
        return None
    cut = packs(plan.tree, plan.rows_N, batch_tokens)
    return replace(plan, batch_tokens=batch_tokens, packs=cut)
