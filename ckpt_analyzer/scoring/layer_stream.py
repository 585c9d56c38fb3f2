"""Weights that come and go: a part of a model is in memory while the next is read.

In: the parts of a skeleton, each a list of tensors and where they lie. Out: one part after the
other, in place. The module knows nothing of what the parts compute.

A part is read ahead by a thread, in the precision of its file or of the model, whichever is
smaller, and at most as many bytes of it as are allowed; the rest of it is read when its turn comes,
into the memory of the part before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from ckpt_analyzer.scoring.skeleton import place, tensor_of
from ckpt_analyzer.scoring.weight_files import StoredTensor, fresh, read_into


class Piece(NamedTuple):
    """Rows of a stored tensor that become the parameter called `name`."""

    name: str
    stored: StoredTensor
    first_row: int
    like: torch.Tensor

    @property
    def staged_dtype(self) -> torch.dtype:
        """The precision in which it waits for its turn."""
        return min(self.stored.dtype, self.like.dtype, key=lambda dtype: dtype.itemsize)

    @property
    def staged_bytes(self) -> int:
        """What it takes while it waits."""
        return self.like.numel() * self.staged_dtype.itemsize


#: Tensors that are in memory at the same time.
Part = Sequence[Piece]

_Staged = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class LayerStream:
    """A model whose parts are in memory one at a time.

    Parameters
    ----------
    model
        A skeleton.
    device
        Where parts compute.
    read_ahead_bytes
        Bound of what is read of a part while the one before it computes.
    """

    model: PreTrainedModel
    device: torch.device
    read_ahead_bytes: int

    def run(self, parts: Sequence[Part]) -> Iterator[int]:
        """Put one part after the other in its place and yield its index; then take it away.

        Peak memory: the largest part in the precision of the model, what is read ahead, and 8 MiB.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
            ahead: Future[_Staged] | None = None
            old: Part = ()
            for index, part in enumerate(parts):
                staged = ahead.result() if ahead else {}
                ahead = None
                self._change(old, part, staged)
                if index + 1 < len(parts):
                    ahead = thread.submit(self._stage, parts[index + 1])
                try:
                    yield index
                except GeneratorExit:
                    self._remove(part)
                    raise
                old = part
            self._remove(old)

    def _stage(self, part: Part) -> _Staged:
        """Read the first tensors of `part`, as many as are allowed."""
        left = self.read_ahead_bytes
        staged: _Staged = {}
        for piece in part:
            if piece.staged_bytes > left:
                break
            left -= piece.staged_bytes
            waiting = fresh(piece.like, piece.staged_dtype, torch.device("cpu"))
            if self.device.type == "cuda":
                waiting = waiting.pin_memory()  # copied at the speed of the bus
            read_into(waiting, piece.stored, piece.first_row)
            staged[piece.name] = waiting
        return staged

    def _change(self, old: Part, new: Part, staged: _Staged) -> None:
        """Put `new` in the place of `old`, in its memory where that is of the same shape."""
        spare: dict[tuple[torch.Size, torch.dtype], list[torch.Tensor]] = {}
        for piece in old:
            tensor = tensor_of(self.model, piece.name)
            spare.setdefault((tensor.shape, tensor.dtype), []).append(tensor)
        self._remove(old)
        wanted = {(piece.like.shape, piece.like.dtype) for piece in new}
        for key in spare.keys() - wanted:
            del spare[key]
        for piece in new:
            waiting = staged.pop(piece.name, None)
            key = (piece.like.shape, piece.like.dtype)
            if waiting is not None and self._is_ready(waiting, piece):
                if spare.get(key):
                    spare[key].pop()
                place(self.model, piece.name, waiting)
                continue
            memory = spare[key].pop() if spare.get(key) else None
            out = fresh(piece.like, piece.like.dtype, self.device) if memory is None else memory
            if waiting is None:
                read_into(out, piece.stored, piece.first_row)
            else:
                out.copy_(waiting)
            place(self.model, piece.name, out)

    def _is_ready(self, waiting: torch.Tensor, piece: Piece) -> bool:
        return waiting.dtype == piece.like.dtype and waiting.device.type == self.device.type

    def _remove(self, part: Part) -> None:
        for piece in part:
            place(self.model, piece.name, piece.like)
