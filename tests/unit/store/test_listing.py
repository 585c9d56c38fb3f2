"""Damage, leftovers and foreign files: never read in silence, always reported."""

from __future__ import annotations

import json

import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.manifest import read_manifest
from ckpt_analyzer.store.store import open_store
from store_factory import simple_unit


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    store.commit(*simple_unit(500))
    return store


@pytest.fixture
def unit(store):
    return store.commit(*simple_unit())


def manifest_path(store, unit):
    return store.path / "units" / f"{unit.unit_id}.json"


def table_path(store, unit):
    return store.path / "units" / unit.parquet


def assert_damaged_and_mended_by_a_new_run(store):
    assert len(store.damaged()) == 1
    assert len(store.done_cells()) == 1
    assert store.trends(["accuracy"])["step"].tolist() == [500]
    store.commit(*simple_unit())
    assert store.damaged() == ()
    assert len(store.done_cells()) == 2


def test_a_table_cut_short_is_damage(store, unit):
    path = table_path(store, unit)
    path.write_bytes(path.read_bytes()[:-1])
    assert "bytes instead of" in store.damaged()[0].reason
    assert_damaged_and_mended_by_a_new_run(store)


def test_a_table_that_is_gone_is_damage(store, unit):
    table_path(store, unit).unlink()
    assert "is missing" in store.damaged()[0].reason
    assert_damaged_and_mended_by_a_new_run(store)


def test_a_changed_byte_is_found_by_verify(store, unit):
    path = table_path(store, unit)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert store.damaged() == ()
    assert [damage.path for damage in store.verify()] == [path]


def test_a_table_that_cannot_be_parsed_is_named(store, unit):
    path = table_path(store, unit)
    content = path.read_bytes()
    path.write_bytes(bytes(len(content) - 8) + content[-8:])
    with pytest.raises(StoreError, match="not what was written") as caught:
        store.trends()
    assert caught.value.where == str(path)


def edit(change):
    def edited(content):
        change(content)
        return json.dumps(content)

    return edited


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: json.dumps(content)[:-9], "not readable JSON"),
        (lambda _: "[]", "not a manifest"),
        (lambda _: '{"results": {}}', "not a manifest"),
        (edit(lambda content: content.update(format=0)), "of format 0"),
        (edit(lambda content: content.update(step="1000")), "step"),
        (edit(lambda content: content.update(colour="red")), "colour"),
        (edit(lambda content: content.pop("cells")), "cells"),
        (edit(lambda content: content["cells"][0].update(kind="essay")), "kind"),
        (edit(lambda content: content.update(weights_sha256="0")), "describes unit"),
        (edit(lambda content: content.update(parquet="../x.parquet")), "another folder"),
        (edit(lambda content: content["cells"].append(content["cells"][0])), "share task"),
    ],
)
def test_a_manifest_that_is_not_what_was_written_is_damage(store, unit, change, reason):
    path = manifest_path(store, unit)
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(StoreError, match=reason):
        read_manifest(path)
    assert_damaged_and_mended_by_a_new_run(store)


def test_a_manifest_under_another_name_is_damage(store, unit):
    path = manifest_path(store, unit)
    path.rename(path.with_name("copy.json"))
    assert "describes unit" in store.damaged()[0].reason


def test_an_error_names_the_file_and_the_next_step(store, unit):
    path = manifest_path(store, unit)
    path.write_text("{")
    with pytest.raises(StoreError) as caught:
        read_manifest(path)
    assert caught.value.where == str(path)
    assert "run the sweep again" in caught.value.hint


def test_foreign_files_are_ignored_and_reported(store, unit):
    units = store.path / "units"
    (units / ".DS_Store").write_bytes(b"x")
    (units / "notes.txt").write_text("x")
    (units / "folder").mkdir()
    (units / "folder" / "scores.parquet").write_bytes(b"x")
    assert [path.name for path in store.listing().foreign] == [".DS_Store", "folder", "notes.txt"]
    assert store.damaged() == ()
    assert len(store.trends(["accuracy"])) == 2


def test_tables_without_manifest_and_temporary_files_are_leftovers(store, unit):
    units = store.path / "units"
    (units / ".tmp-1-x.json").write_bytes(b"{")
    (units / "orphan.parquet").write_bytes(b"x")
    assert {path.name for path in store.listing().leftovers} == {".tmp-1-x.json", "orphan.parquet"}
    assert store.damaged() == ()
    assert len(store.trends(["accuracy"])) == 2
