"""Unit ids, manifests as JSON, and counts."""

from __future__ import annotations

import dataclasses
import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.manifest import read_manifest, to_json
from ckpt_analyzer.store.tally import tally
from ckpt_analyzer.store.unit import CellKey
from store_factory import cell_key, choice_scores, random_scores, simple_unit, unit

SAFE = set(string.ascii_letters + string.digits + "._-")


@given(name=st.text(min_size=1, max_size=150))
@settings(max_examples=100, deadline=None)
def test_a_unit_id_is_a_safe_file_name(name):
    draft, _ = simple_unit(model=name, revision="refs/pr/1")
    assert set(draft.unit_id) <= SAFE
    assert not draft.unit_id.startswith(".")
    assert len(draft.unit_id) < 150


def test_the_order_of_cells_does_not_change_the_unit_id():
    draft, _ = unit({cell_key(task): ("classification", random_scores(0)) for task in ("a", "b")})
    turned = dataclasses.replace(draft, cells=draft.cells[::-1])
    assert turned.unit_id == draft.unit_id


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CellKey)])
def test_every_field_of_a_cell_changes_the_unit_id(field):
    key = cell_key()
    value = getattr(key, field)
    other = value + "x" if isinstance(value, str) else (value or 0) + 1
    ids = {
        unit({changed: ("classification", random_scores(0))})[0].unit_id
        for changed in (key, dataclasses.replace(key, **{field: other}))
    }
    assert len(ids) == 2


def test_other_weights_are_another_unit():
    assert simple_unit()[0].unit_id != simple_unit(weights_sha256="0")[0].unit_id


def test_cells_that_the_table_cannot_tell_apart_are_refused():
    scores = ("classification", random_scores(0))
    with pytest.raises(StoreError, match="share task"):
        unit({cell_key(shots=2, shot_seed=1): scores, cell_key(shots=2, shot_seed=2): scores})


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 2**60)


@given(
    text=TEXT,
    count=COUNT,
    shots=st.integers(0, 72),
    maybe=st.none() | TEXT,
    seconds=st.floats(0, 1e6),
    seed=st.none() | COUNT,
    versions=st.dictionaries(TEXT, TEXT, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_a_manifest_survives_the_way_to_the_disk(
    tmp_path_factory, text, count, shots, maybe, seconds, seed, versions
):
    scores = choice_scores([[-1.0, -2.0]])
    draft, _ = unit(
        {cell_key(text, shots=shots, limit=seed, limit_seed=seed): ("classification", scores)},
        model=text,
        suspect=maybe,
        base_model=maybe,
        parameters=count,
        seconds_fetch=seconds,
        versions=versions,
        parquet="t.parquet",
        created="2026-11-23T00:00:00.000000+00:00",
        parquet_bytes=1,
    )
    folder = tmp_path_factory.mktemp("units")
    (folder / "t.parquet").write_bytes(b"x")
    path = folder / f"{draft.unit_id}.json"
    path.write_bytes(to_json(draft))
    assert read_manifest(path) == draft


def test_a_tally_counts_items_that_are_truncated_or_not_scored():
    scores = choice_scores(
        [[math.nan, math.nan], [None, -1.0], [-math.inf, -1.0], [-1.0, -2.0]], truncated=True
    )
    cell = tally(cell_key(), "classification", scores)
    assert (cell.n_items, cell.n_truncated, cell.n_unscored) == (4, 4, 3)


def test_a_tally_counts_an_item_not_scored_after_the_other_prompt():
    scores = choice_scores([[-1.0, -2.0]] * 2, others=[[-1.0, math.nan], [-1.0, -2.0]])
    assert tally(cell_key(), "logodds", scores).n_unscored == 1


def test_a_tally_of_no_items():
    cell = tally(cell_key(), "classification", choice_scores([[-1.0]]).slice(1))
    assert (cell.n_items, cell.n_truncated, cell.n_unscored) == (0, 0, 0)
