"""Memory that all packs and all layers of a run use in turn: queries, keys and values.

In: heads of some rows at a time. Out: the queries of a pack, and the memory that its nodes attend
to, each in one piece. It is taken once: a fresh result of more than 32 MiB is a page fault for
every 4 KiB of it, at every layer of every pack (glibc gives such memory back to the system).

Legend: T nodes of a pack, M positions of its memory, H heads, G key-value heads, d head width.
"""

from __future__ import annotations

import torch

from ckpt_analyzer.scoring.attention import Memory
from ckpt_analyzer.scoring.family import Heads
from ckpt_analyzer.scoring.pack import Pack


class Workspace:
    """Room for the heads of one pack at a time.

    Peak memory: the queries of the largest pack so far, and the keys and values of its memory.
    """

    def __init__(self) -> None:
        self._held: Heads | None = None

    def clear(self) -> None:
        """Give the memory back; the room before is over."""
        self._held = None

    def of(self, pack: Pack, like: Heads) -> Room:
        """Return room for `pack`, whose heads are shaped as `like`; the room before is over."""
        n_nodes, n_memory = pack.stop - pack.start, pack.n_memory
        lengths = (n_nodes, n_memory, n_memory)
        held = self._held or Heads(*(one[:0] for one in like))
        self._held = None  # before larger ones take their memory
        self._held = held = Heads(*map(_holding, held, like, lengths))
        queries, keys, values = (one[:n] for one, n in zip(held, lengths, strict=True))
        return Room(queries, Memory(keys, values), pack.n_carried)


def _holding(held: torch.Tensor, like: torch.Tensor, n_rows: int) -> torch.Tensor:
    """Return `held` where it has room for `n_rows` such as those of `like`, else a new tensor."""
    if len(held) >= n_rows and held.shape[1:] == like.shape[1:]:
        return held
    return like.new_empty((n_rows, *like.shape[1:]))


class Room:
    """Where the heads of a pack go; what is carried over stands before its keys and values."""

    def __init__(self, queries_THd: torch.Tensor, memory: Memory, n_carried: int) -> None:
        self.queries_THd = queries_THd
        self.memory = memory
        self._n_carried = n_carried

    def carry_in(self, carried: Memory | None) -> None:
        """Put the keys and values that were carried over to their places."""
        if carried is not None:
            for to, one in zip(self.memory, carried, strict=True):
                to[: self._n_carried] = one

    def heads(self, rows: slice) -> Heads:
        """Return where the heads of some nodes are: a view."""
        after = slice(self._n_carried + rows.start, self._n_carried + rows.stop)
        return Heads(self.queries_THd[rows], *(one[after] for one in self.memory))
