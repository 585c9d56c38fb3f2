from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.scoring.encode import EncodedItem, EncodedItems, Request
from ckpt_analyzer.scoring.plan import prepare
from ckpt_analyzer.scoring.sections import part_of, sections
from ckpt_analyzer.scoring.tree import Tree, ancestors

ids = st.lists(st.integers(0, 2), min_size=1, max_size=8)
texts = st.lists(st.tuples(ids, ids), min_size=1, max_size=12)


def plan_of(pairs):
    items = []
    for index, pair in enumerate(pairs):
        request = Request(*(np.array(part, dtype=np.int32) for part in pair), truncated=False)
        items.append(EncodedItem(str(index), 0, 0, (request,), None, (1,), (1,)))
    return prepare([EncodedItems(tuple(items), 64)], batch_tokens=6)


def path(tree: Tree, node: int) -> list[int]:
    """Return the tokens from the root to `node`."""
    (above,) = ancestors(tree, [node])
    return tree.tokens_T[[*above, node]].tolist()


@given(pairs=texts, room=st.integers(1, 20), pack_tokens=st.integers(1, 10))
def test_every_row_is_read_in_one_section_under_the_same_text(pairs, room, pack_tokens):
    plan = plan_of(pairs)
    found = []
    for section in sections(plan, plan.longest_tokens + room, pack_tokens):
        assert len(section.tree) <= plan.longest_tokens + room
        assert section.packs[-1].stop == len(section.tree)
        assert section.first_row == len(found)
        for pack in section.packs:
            found += [path(section.tree, pack.start + int(row)) for row in pack.rows_N]
        assert section.stop_row == len(found)
    assert found == [path(plan.tree, int(node)) for node in plan.rows_N]


@given(pairs=texts, data=st.data())
def test_a_part_keeps_who_is_below_whom(pairs, data):
    tree = plan_of(pairs).tree
    start = data.draw(st.integers(0, len(tree) - 1))
    part = part_of(tree, start, data.draw(st.integers(start + 1, len(tree))))
    for node in range(len(part)):
        (above,) = ancestors(part, [node])
        below = [other for other in range(node, len(part)) if other < part.ends_T[node]]
        assert all(node in [*next(iter(ancestors(part, [other]))), other] for other in below)
        assert part.depths_T[node] == len(above)
        assert part.parents_T[node] == (above[-1] if len(above) else -1)


def test_a_plan_that_fits_is_one_section_with_its_own_packs():
    plan = plan_of([([0, 1], [2]), ([0, 2], [1])])
    (section,) = sections(plan, 100, plan.batch_tokens)
    assert section.tree is plan.tree
    assert section.packs is plan.packs


def test_no_items_make_no_section():
    assert not list(sections(plan_of([]), 10, 10))
