"""What older versions wrote reads as of today; what a later one wrote is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_analyzer import metrics
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store import queries, unit, versions, write
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.store.versions import STEPS, VERSION, Step
from ckpt_analyzer.tables import AUDIT, ITEM_SCORES, TRENDS
from store_factory import cell_key, simple_unit

GOLDEN = Path(__file__).parents[2] / "golden"
KEPT = sorted(GOLDEN.glob("store_of_version_*/"))


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(name, kind):
    known = json.loads((GOLDEN / f"{name}.json").read_text())[kind]
    return pd.DataFrame(known["data"], columns=known["columns"]).astype(object)


@pytest.fixture(params=[path.name for path in KEPT])
def kept(request, tmp_path):
    """A copy of a store that an earlier version made, under its name."""
    return Path(shutil.copytree(GOLDEN / request.param, tmp_path / request.param))


def test_every_version_but_the_present_one_is_kept():
    assert [path.name for path in KEPT] == [f"store_of_version_{n}" for n in range(1, VERSION)]
    assert [step.version for step in STEPS] == list(range(2, VERSION + 1))


@pytest.mark.parametrize(
    ("name", "schema", "folder"),
    [
        ("ITEM_SCORES", ITEM_SCORES, "units"),
        ("TRENDS", TRENDS, "imports"),
        ("AUDIT", AUDIT, "audits"),
    ],
)
def test_every_column_that_a_schema_gained_stands_in_a_step(kept, name, schema, folder):
    version = int(kept.name.rpartition("_")[2])
    table = next((kept / folder).glob("*.parquet"))
    gained = versions.columns_since(version, name)
    assert set(pq.read_schema(table).names) | set(gained) == set(schema.names), (
        f"a column was added to {name}: say its value in older rows in store/versions.py"
    )


def test_an_older_store_reads_as_it_did_and_nothing_of_it_changes(kept):
    before = files(kept)
    store = open_store(kept)
    assert store.verify() == ()
    for kind, found in (("trends", store.trends()), ("items", store.items())):
        known = told(kept.name, kind)
        assert len(found) == len(known)
        same = found[known.columns].astype(object).where(found[known.columns].notna(), None)
        pd.testing.assert_frame_equal(same, known.where(known.notna(), None), check_dtype=False)
    assert store.audit()["reason"].tolist() == ["equals step500"]
    assert store.item_texts("memo-trap")["context"].tolist() == [
        f"Question {i}\r\n" for i in (0, 1)
    ]
    assert store.sweeps() == ("name: kept\n",)
    for manifest in store.manifests():
        assert store.read_unit(manifest).schema == ITEM_SCORES
    assert files(kept) == before


def test_cells_of_an_older_store_need_not_be_scored_again(kept):
    done = open_store(kept).done_cells()
    assert cell_key("memo-trap", 500) in done
    assert len(done) == 4


def test_writing_into_an_older_store_keeps_its_units_and_raises_its_version(kept):
    store = open_store(kept, create=True)
    assert json.loads((kept / "store.json").read_text())["format"] == VERSION
    store.commit(*simple_unit(1500))
    assert {manifest.format for manifest in store.manifests()} == {1, VERSION}
    steps = store.trends(["accuracy"]).query("task == 'memo-trap'")["step"]
    assert steps.tolist() == [500, 1000, 1500, 2000]


@pytest.mark.parametrize("place", ["store.json", "units", "imports"])
def test_what_a_later_version_wrote_is_refused_with_what_to_do(kept, place):
    path = kept / place if place == "store.json" else next((kept / place).glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": VERSION + 1}))
    with pytest.raises(StoreError, match=rf"format {VERSION + 1}, .* knows 1 to {VERSION}") as seen:
        open_store(kept).trends()
    assert seen.value.where == str(path)
    assert "pip install --upgrade" in seen.value.hint


# ---- the next change: a column with a default, a field with another name ----


def older(path):
    """Make `path` a store of the version before the present one, as far as its marks say."""
    for each in (path / "store.json", *(path / "units").glob("*.json")):
        each.write_text(json.dumps({**json.loads(each.read_text()), "format": VERSION - 1}))


@pytest.mark.parametrize("default", [None, 7, "it's", True, 0.5])
def test_a_column_that_is_added_has_its_default_in_older_rows(tmp_path, monkeypatch, default):
    store = open_store(tmp_path / "store", create=True)
    store.commit(*simple_unit(500))
    older(store.path)
    kind = pa.int32() if default is None else pa.scalar(default).type
    wider = ITEM_SCORES.append(pa.field("added", kind))
    step = Step(VERSION, "a column", columns={"ITEM_SCORES": {"added": default}})
    monkeypatch.setattr(versions.columns_since, "__defaults__", ((step,),))
    for module in (queries, write):
        monkeypatch.setattr(module, "ITEM_SCORES", wider)

    manifest = store.manifests()[0]
    assert store.read_unit(manifest)["added"].to_pylist() == [default] * 8
    assert len(store.trends(["accuracy"])) == 1
    metric = dataclasses.replace(
        metrics.load("accuracy"), value="CASE WHEN added IS NULL THEN 0.0 ELSE 1.0 END"
    )
    question = queries.Question(store.path / "units", store.selection().chosen, [metric])
    assert queries.mean_values(question)["value"].to_pylist() == [float(default is not None)]


def test_a_manifest_goes_through_every_step_after_its_version():
    def renamed(record):
        return {"new": record["old"]}

    def doubled(record):
        return {"new": record["new"] * 2}

    steps = (Step(2, "x", manifest=renamed), Step(3, "y", manifest=doubled))
    assert versions.upgraded_manifest({"old": 4}, 1, steps) == {"new": 8}
    assert versions.upgraded_manifest({"new": 4}, 2, steps) == {"new": 8}
    assert versions.upgraded_manifest({"new": 4}, 3, steps) == {"new": 4}


def test_a_column_that_no_step_added_is_not_made_up():
    table = pa.table({"a": [1]})
    with pytest.raises(KeyError, match="b"):
        versions.upgraded_table(table, pa.schema([("a", pa.int64()), ("b", pa.int64())]), {})


def test_a_field_that_is_added_to_a_key_with_a_default_leaves_ids_as_they_were(monkeypatch):
    draft, _ = simple_unit(500)
    added = dataclasses.make_dataclass(
        "CellKey", [("added", int | None, dataclasses.field(default=None))],
        bases=(unit.CellKey,), frozen=True,
    )  # fmt: skip

    def with_key(**more):
        cells = tuple(
            dataclasses.replace(cell, key=added(**vars(cell.key), **more)) for cell in draft.cells
        )
        return dataclasses.replace(draft, cells=cells)

    assert with_key().unit_id == draft.unit_id
    assert with_key(added=3).unit_id != draft.unit_id
