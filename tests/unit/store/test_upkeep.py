"""The verbs ``store verify``, ``compact`` and ``gc``, and what they promise."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from ckpt_analyzer.cli import app
from ckpt_analyzer.store.store import open_store
from store_factory import cell_key, random_scores, simple_unit, unit


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    for step in (1, 2, 3):
        cells = {
            cell_key(task, step): ("classification", random_scores(step, n_items=5))
            for task in ("neqa", "memo-trap")
        }
        store.commit(*unit(cells, step))
    store.commit(*simple_unit(4, model="other"))
    return store


def say(*arguments):
    return CliRunner().invoke(app, ["store", *map(str, arguments)])


def tables(store):
    return sorted(path.name for path in (store.path / "units").glob("*.parquet"))


def change_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_verify_of_a_sound_store_says_so(store):
    done = say("verify", store.path, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["units"], found["tables"], found["rows"], found["wrong"]) == (4, 4, 38, [])


def test_verify_lists_what_is_wrong_and_the_quarantine_mends_it(store):
    changed, _, cut, _ = (store.path / "units" / name for name in tables(store))
    change_a_byte(changed)
    cut.write_bytes(cut.read_bytes()[:-1])
    done = say("verify", store.path, "--json")
    assert done.exit_code == 1
    wrong = {each["file"]: each["reason"] for each in json.loads(done.stdout)["wrong"]}
    assert "not what was written" in wrong[str(changed)]
    assert any("instead of" in reason for reason in wrong.values())
    assert "--quarantine" in done.stderr

    assert say("verify", store.path, "--quarantine").exit_code == 1
    again = say("verify", store.path, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["units"] == 2
    assert changed.name in {path.name for path in (store.path / "quarantine").rglob("*.parquet")}
    for step in (1, 2, 3):
        cells = {
            cell_key(task, step): ("classification", random_scores(step, n_items=5))
            for task in ("neqa", "memo-trap")
        }
        store.commit(*unit(cells, step))
    store.commit(*simple_unit(4, model="other"))
    assert store.check().n_units == 4


def test_verify_finds_what_is_altered_beside_the_units(store):
    store.add_import(store.trends(["accuracy"]).assign(has_items=False), "x")
    change_a_byte(next((store.path / "imports").glob("*.parquet")))
    store.add_sweep("name: x\n")
    (sweep,) = (store.path / "sweeps").iterdir()
    sweep.write_text("name: y\n")
    (store.path / "audits").mkdir()
    (store.path / "audits" / "x.parquet").write_bytes(b"x")
    (store.path / "units" / "notes.txt").write_text("x")
    found = store.check()
    assert sorted(damage.path.parent.name for damage in found.wrong) == [
        "audits", "imports", "sweeps",
    ]  # fmt: skip
    assert [path.name for path in found.foreign] == ["notes.txt"]
    store.quarantine(found.wrong)
    assert store.check().wrong == ()


def test_a_foreign_table_under_the_name_of_a_unit_is_found(store):
    names = tables(store)
    units = store.path / "units"
    (units / names[0]).write_bytes((units / names[1]).read_bytes())
    assert len(store.damaged()) + len(store.check().wrong) >= 1


def test_compact_changes_no_number_and_leaves_a_table_per_model(store):
    before = store.trends(), store.items(), store.done_cells(), store.content_id()
    rows = {each.unit_id: store.read_unit(each) for each in store.manifests()}
    done = say("compact", store.path, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["n_units"] == 3
    assert len(tables(store)) == 2
    after = store.trends(), store.items(), store.done_cells(), store.content_id()
    for one, other in zip(before[:2], after[:2], strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert before[2:] == after[2:]
    found = store.check()
    assert (found.n_units, found.n_tables, found.n_rows, found.wrong) == (4, 2, 38, ())
    for each in store.manifests():
        read = store.read_unit(each)
        assert read.schema == rows[each.unit_id].schema
        order = [("task", "ascending"), ("item_id", "ascending")]
        assert read.sort_by(order).equals(rows[each.unit_id].sort_by(order))


def test_compacting_twice_does_nothing_and_new_units_join_later(store):
    store.compact()
    names = tables(store)
    assert store.compact().n_units == 0
    assert tables(store) == names
    store.commit(*simple_unit(9))
    assert store.compact().n_units == 4
    assert len(store.trends(["accuracy"])) == 8
    assert len(tables(store)) == 2


def test_damage_of_a_shared_table_costs_its_units_and_no_other(store):
    store.compact()
    shared = next((store.path / "units").glob("pack-*"))
    change_a_byte(shared)
    assert [damage.path for damage in store.check().wrong] == [shared]
    store.quarantine(store.check().wrong)
    assert [each.step for each in store.manifests()] == [4]
    assert store.check().wrong == ()


def test_gc_says_what_would_go_and_removes_it_only_without_dry_run(store):
    orphan = store.path / "units" / "orphan.parquet"
    orphan.write_bytes(b"x")
    assert json.loads(say("gc", store.path, "--json").stdout) == []
    dry = say("gc", store.path, "--older-than-hours", "0", "--dry-run", "--json")
    assert [each["file"] for each in json.loads(dry.stdout)] == [str(orphan)]
    assert orphan.exists()
    assert say("gc", store.path, "--older-than-hours", "0").exit_code == 0
    assert not orphan.exists()
    assert store.check().n_units == 4
