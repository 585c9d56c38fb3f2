"""A plan is cut into sections: as much of its tree as passes all layers at a time.

In: a plan, and how many tokens fit. Out: trees with their packs. A section begins with the
ancestors of its first node, which are computed again: so no keys and values are carried from one
section to the next. Numbers only: no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ckpt_analyzer.scoring.pack import Pack, packs
from ckpt_analyzer.scoring.plan import ScoringPlan
from ckpt_analyzer.scoring.tree import Tree, ancestors, cuts


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a plan that needs nothing of the other parts.

    Parameters
    ----------
    first_row, stop_row
        The range of the plan's rows that are read in it.
    """

    tree: Tree
    packs: tuple[Pack, ...]
    first_row: int
    stop_row: int


def sections(plan: ScoringPlan, section_tokens: int, pack_tokens: int) -> Iterator[Section]:
    """Cut `plan` into sections of at most `section_tokens`, of packs of at most `pack_tokens`.

    Parameters
    ----------
    section_tokens
        More than the longest input.
    """
    assert section_tokens > plan.longest_tokens
    if not plan.n_tokens:
        return
    if plan.n_tokens <= section_tokens:
        is_cut = pack_tokens == plan.batch_tokens
        whole = plan.packs if is_cut else packs(plan.tree, plan.rows_N, pack_tokens)
        yield Section(plan.tree, whole, 0, len(plan.rows_N))
        return
    edges = cuts(plan.tree, 0, plan.n_tokens, section_tokens - plan.longest_tokens)
    for start, stop in pairwise(edges):
        (path,) = ancestors(plan.tree, [start])
        tree = part_of(plan.tree, start, stop)
        first, last = np.searchsorted(plan.rows_N, [start, stop]).tolist()
        rows_N = plan.rows_N[first:last] - start + len(path)
        yield Section(tree, packs(tree, rows_N, pack_tokens), first, last)


def part_of(tree: Tree, start: int, stop: int) -> Tree:
    """Return the nodes ``[start, stop)`` of `tree`, led by the ancestors of the first of them."""
    (path,) = ancestors(tree, [start])
    nodes = np.concatenate([path, np.arange(start, stop, dtype=np.int32)])
    parents = tree.parents_T[nodes]
    # A node of the path stands at its depth.
    kept = np.where(parents < start, tree.depths_T[parents], parents - start + len(path))
    return Tree(
        tokens_T=tree.tokens_T[nodes],
        parents_T=np.where(parents < 0, -1, kept).astype(np.int32),
        depths_T=tree.depths_T[nodes],
        ends_T=(np.minimum(tree.ends_T[nodes], stop) - start + len(path)).astype(np.int32),
    )
