from __future__ import annotations

import torch

from ckpt_analyzer.scoring.attention import Memory
from ckpt_analyzer.scoring.family import Heads
from ckpt_analyzer.scoring.pack import Pack
from ckpt_analyzer.scoring.workspace import Workspace


def pack_of(n_nodes: int, n_carried: int = 0) -> Pack:
    nothing = torch.empty(0, dtype=torch.int64).numpy()
    return Pack(
        start=10, stop=10 + n_nodes, n_carried=n_carried, carry=nothing, rows_N=nothing,
        first_row=0, blocks=(),
    )  # fmt: skip


def heads_of(n_nodes: int, n_groups: int = 2) -> Heads:
    return Heads(torch.randn(n_nodes, 4, 8), *torch.randn(2, n_nodes, n_groups, 8).unbind())


def test_what_was_carried_over_stands_before_the_keys_of_the_pack():
    carried, heads = Memory(*heads_of(3)[1:]), heads_of(5)
    room = Workspace().of(pack_of(5, n_carried=3), heads)
    room.carry_in(carried)
    for rows in (slice(0, 2), slice(2, 5)):
        for to, one in zip(room.heads(rows), heads, strict=True):
            to.copy_(one[rows])
    assert torch.equal(room.queries_THd, heads.queries_THd)
    assert torch.equal(room.memory.keys_MGd, torch.cat([carried.keys_MGd, heads.keys_TGd]))
    assert torch.equal(room.memory.values_MGd, torch.cat([carried.values_MGd, heads.values_TGd]))


def test_the_next_layer_and_a_smaller_pack_use_the_same_memory():
    workspace = Workspace()
    first = workspace.of(pack_of(6, n_carried=2), heads_of(3))
    begins = first.queries_THd.data_ptr(), first.memory.keys_MGd.data_ptr()
    for n_nodes, n_carried in ((6, 2), (4, 0), (5, 3)):
        room = workspace.of(pack_of(n_nodes, n_carried), heads_of(3))
        assert (room.queries_THd.data_ptr(), room.memory.keys_MGd.data_ptr()) == begins
        assert (len(room.queries_THd), len(room.memory.keys_MGd)) == (n_nodes, n_nodes + n_carried)


def test_a_larger_pack_and_heads_of_another_shape_get_new_memory():
    workspace = Workspace()
    workspace.of(pack_of(4), heads_of(4))
    assert workspace.of(pack_of(9), heads_of(4)).queries_THd.shape == (9, 4, 8)
    assert workspace.of(pack_of(9), heads_of(4, n_groups=4)).memory.keys_MGd.shape == (9, 4, 8)
