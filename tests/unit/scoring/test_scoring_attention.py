from __future__ import annotations

import numpy as np
import pytest
import torch

from ckpt_analyzer.scoring import pack as pack_module
from ckpt_analyzer.scoring.attention import Memory, PackAttention
from ckpt_analyzer.scoring.family import Traits
from ckpt_analyzer.scoring.pack import packs
from ckpt_analyzer.scoring.tree import ancestors, grow

N_HEADS, N_GROUPS, WIDTH = 4, 2, 8
SLOPES = torch.tensor([0.5, 0.25, 0.125, 0.0625])


@pytest.fixture
def tree():
    rng = np.random.default_rng(0)
    shared = rng.integers(0, 9, 6)
    ids = [np.append(shared[: rng.integers(0, 7)], rng.integers(0, 9, 5)) for _ in range(9)]
    return grow([one.astype(np.int32) for one in ids], [len(one) - 1 for one in ids])


def by_hand(tree, query, heads, traits):
    """Attend from one node to its path, head by head, in fp64."""
    queries, keys, values = (one.double() for one in heads)
    (before,) = ancestors(tree, [query])
    path = torch.tensor([*before.tolist(), query])
    if traits.window is not None:
        path = path[-traits.window :]
    outputs = []
    for head in range(N_HEADS):
        group = head // (N_HEADS // N_GROUPS)
        scores = keys[path, group] @ queries[query, head] * traits.scale
        if traits.softcap is not None:
            scores = traits.softcap * torch.tanh(scores / traits.softcap)
        if traits.slopes_H is not None:
            scores = scores + traits.slopes_H[head].double() * torch.tensor(
                tree.depths_T[path.numpy()]
            )
        outputs.append(scores.softmax(0) @ values[path, group])
    return torch.cat(outputs)


@pytest.mark.parametrize("only_rows", [False, True])
@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    "traits",
    [
        Traits(0.3),
        Traits(0.3, window=3),
        Traits(0.3, softcap=2.0),
        Traits(0.3, slopes_H=SLOPES),
        Traits(0.3, window=4, softcap=1.5, slopes_H=SLOPES),
    ],
)
@pytest.mark.parametrize("pack_tokens", [7, 100])
def test_each_node_attends_to_its_path(monkeypatch, tree, traits, careful, only_rows, pack_tokens):
    monkeypatch.setattr(pack_module, "BLOCK_TOKENS", 5)
    torch.manual_seed(0)
    n_nodes = len(tree.tree)
    queries = torch.randn(n_nodes, N_HEADS, WIDTH)
    keys, values = torch.randn(2, n_nodes, N_GROUPS, WIDTH).unbind()
    carried = None
    for pack in packs(tree.tree, np.unique(tree.nodes_K), pack_tokens):
        nodes = slice(pack.start, pack.stop)
        before = (carried.keys_MGd, carried.values_MGd) if carried else (keys[:0], values[:0])
        memory = Memory(*map(torch.cat, zip(before, (keys[nodes], values[nodes]), strict=True)))
        attention = PackAttention(tree.tree, pack, queries, careful=careful)
        found = attention(queries[nodes].clone(), memory, traits, only_rows=only_rows)
        wanted = pack.rows_N.tolist() if only_rows else range(pack.stop - pack.start)
        assert len(found) == len(wanted)
        for row, node in zip(found, wanted, strict=True):
            expected = by_hand(tree.tree, pack.start + node, (queries, keys, values), traits)
            torch.testing.assert_close(row.double(), expected, atol=1e-5, rtol=0)
        carried = memory.at(torch.from_numpy(pack.carry))


def test_a_node_that_is_not_finite_reaches_its_descendants_only(tree):
    tree = tree.tree
    (pack,) = packs(tree, tree.leaves, 1000)
    torch.manual_seed(0)
    queries = torch.randn(len(tree), N_HEADS, WIDTH)
    keys, values = torch.randn(2, len(tree), N_GROUPS, WIDTH).unbind()
    bad = int(tree.depths_T.argmax()) - 2
    for spoilt, what in ((keys, torch.nan), (values, torch.inf)):
        kept = spoilt[bad, 1, 3].item()
        spoilt[bad, 1, 3] = what
        attention = PackAttention(tree, pack, queries, careful=True)
        found = attention(queries.clone(), Memory(keys, values), Traits(0.3), only_rows=False)
        below = (torch.arange(len(tree)) >= bad) & (torch.arange(len(tree)) < tree.ends_T[bad])
        assert torch.equal(found.isnan().any(dim=1), below)
        spoilt[bad, 1, 3] = kept
