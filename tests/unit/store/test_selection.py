"""Which cell stands for a point, and that the order of writers does not matter."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_analyzer.store.protocols import hidden_protocols, protocol_of
from ckpt_analyzer.store.selection import select_cells
from store_factory import cell_key, random_scores, unit


def manifest(created="2026-01-01", n_items=8, task="memo-trap", step=1000, **key_changes):
    key = cell_key(task, step, **key_changes)
    draft, _ = unit({key: ("classification", random_scores(0, n_items))}, step)
    return dataclasses.replace(draft, created=created)


def chosen(*manifests):
    """The units that count, which must not depend on the order."""
    forward, backward = (
        [found.unit for found in select_cells(order).chosen]
        for order in (manifests, manifests[::-1])
    )
    assert forward == backward
    return forward


def test_all_items_go_before_a_draw_that_is_newer():
    full, draw = manifest("2026-01-01"), manifest("2026-01-02", limit=100, limit_seed=0)
    assert chosen(full, draw) == [full]
    assert [found.unit for found in select_cells([full, draw]).superseded] == [draw]


def test_many_items_go_before_few():
    few = manifest("2026-01-02", n_items=4, limit=4, limit_seed=0)
    many = manifest("2026-01-01", n_items=8, limit=8, limit_seed=0)
    assert chosen(few, many) == [many]


def test_the_newer_scorer_goes_before_the_older():
    old, new = manifest("2026-01-01"), manifest("2026-01-02", scorer_version="2")
    assert chosen(new, old) == [new]


def test_a_task_whose_data_changed_leaves_its_old_curve_behind():
    old = [manifest("2026-01-01", step=step, task_sha256="old") for step in (1, 2, 3)]
    new = manifest("2026-01-02", step=2, task_sha256="new")
    assert chosen(*old, new) == [new]
    assert len(select_cells([*old, new]).superseded) == 3


def test_cells_of_different_points_all_count():
    points = [
        manifest(step=1), manifest(step=2), manifest(task="neqa"), manifest(shots=5, shot_seed=0),
        manifest(dtype="bfloat16"), manifest(prompt_format="chat"),
    ]  # fmt: skip
    assert len(chosen(*points)) == 6


MANIFESTS = st.builds(
    manifest,
    created=st.sampled_from(["2026-01-01", "2026-01-02"]),
    n_items=st.integers(1, 3),
    task=st.sampled_from(["memo-trap", "neqa"]),
    step=st.sampled_from([1, 2]),
    limit=st.sampled_from([None, 3]),
    task_sha256=st.sampled_from(["old", "new"]),
)


@given(st.data(), st.lists(MANIFESTS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_order_of_manifests_changes_nothing(data, manifests):
    shuffled = data.draw(st.permutations(manifests))
    first, second = select_cells(manifests), select_cells(shuffled)
    assert first.chosen == second.chosen
    assert set(first.superseded) == set(second.superseded)


def by_rules(created, step, **changes):
    return manifest(created, step=step, **({"shots": 2, "shot_seed": 0} | changes))


OTHER_RULES = [
    {"shot_seed": 1},
    {"prompt_rules": '{"shots": {"separator": "\\n"}}'},
    {"shot_seed": None, "prompt_rules": '{"shots": {"file_sha256": "f"}}'},
]


@pytest.mark.parametrize("changes", OTHER_RULES)
def test_prompts_by_two_rules_are_never_points_of_one_curve(changes):
    old = [by_rules("2026-01-01", step) for step in (1, 2, 3)]
    new = by_rules("2026-01-02", 2, **changes)
    plain = manifest("2026-01-01", step=1)
    assert chosen(*old, new, plain) == [plain, new]
    found = select_cells([*old, new, plain])
    (hidden,) = hidden_protocols(found.chosen, found.superseded)
    assert hidden.n_checkpoints == 3
    assert hidden.protocol == protocol_of(old[0].cells[0].key)
    assert hidden.shown.words in hidden.words
    assert "compare A B" in hidden.words


def test_a_curve_over_shots_has_one_set_of_rules_too():
    old, new = by_rules("2026-01-01", 1, shots=5), by_rules("2026-01-02", 1, shot_seed=1)
    assert chosen(old, new) == [new]


def test_the_same_rules_hide_nothing_and_rescored_cells_are_no_other_rules():
    units = [by_rules("2026-01-01", 1), by_rules("2026-01-02", 1, scorer_version="2")]
    found = select_cells(units)
    assert len(found.superseded) == 1
    assert hidden_protocols(found.chosen, found.superseded) == ()
