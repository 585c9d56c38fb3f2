"""What this process holds of the memory in which a model is to compute.

In: a device. Out: bytes, now and at most so far. On the CPU it is the whole process that counts,
the interpreter and its libraries included; on a GPU what torch holds of its memory.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

from ckpt_analyzer.scoring.heap import trim

_STATUS = Path("/proc/self/status")


def held_bytes(device: torch.device) -> int:
    """Return what is held now; without ``/proc`` what was held at most so far."""
    if device.type == "cuda":
        return int(torch.cuda.memory_allocated(device))
    return _of_status("VmRSS") if _STATUS.exists() else peak_held_bytes(device)


def free_bytes(budget_bytes: int | None, device: torch.device) -> int:
    """Return what a budget leaves beside what is held now; on a GPU no more than there is.

    On a CPU what the allocator keeps for later is given back first: it is not in use.

    Parameters
    ----------
    budget_bytes
        None for no bound.
    """
    if budget_bytes is not None and device.type != "cuda":
        give_back(device)
    left = 2**62 if budget_bytes is None else budget_bytes - held_bytes(device)
    if device.type != "cuda":
        return left
    unused, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min(left, unused + kept)


def give_back(device: torch.device) -> None:
    """Give back what is kept for later: of a GPU's memory by torch, else by glibc's allocator."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    else:
        trim()


def peak_held_bytes(device: torch.device) -> int:
    """Return the most that was held so far."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if _STATUS.exists():
        # That of getrusage outlives exec: it would be the parent's where that was larger.
        return _of_status("VmHWM")
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes


def _of_status(key: str) -> int:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024
