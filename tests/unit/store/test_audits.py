"""What a store keeps of audits, and how they decide what is suspect."""

import errno

import pandas as pd
import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store import atomic
from ckpt_analyzer.store.audits import findings, suspects
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.tables import AUDIT
from store_factory import simple_unit


def rows(*entries, model="pythia-70m"):
    """Rows of AUDIT from (step, standing, reason) or (step, standing, reason, commit)."""
    made = [
        {
            "suite": "pythia", "model": model, "arm": "base", "revision": f"step{entry[0]}",
            "step": entry[0], "commit": entry[3] if len(entry) > 3 else f"commit-of-{entry[0]}",
            "weights_sha256": None, "standing": entry[1],
            "finding": None if entry[1] == "sound" else "identical-weights", "reason": entry[2],
            "link": None, "audited": "2026-11-23T00:00:00+00:00",
        }
        for entry in entries
    ]  # fmt: skip
    return pd.DataFrame(made, columns=AUDIT.names).astype({"step": "Int64"})


SOUND = [(1, "sound", None), (2, "sound", None), (3, "sound", None)]


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store", create=True)


def kept(store):
    return [(row.step, row.standing) for row in store.audit().itertuples()]


def test_a_store_without_audit_has_no_rows_and_trusts_what_its_units_say(store):
    assert store.audit().empty
    assert list(store.audit().columns) == AUDIT.names
    store.commit(*simple_unit(1, suspect="reported"))
    assert store.manifests()[0].suspect == "reported"


def test_a_whole_audit_takes_the_place_of_the_one_before_and_leaves_other_models(store):
    store.renew_audit(rows((1, "suspect", "x"), (2, "sound", None)), is_whole=True)
    store.renew_audit(rows((1, "note", "y"), model="pythia-160m"), is_whole=True)
    store.renew_audit(rows(*SOUND), is_whole=True)
    assert sorted(kept(store)) == [(1, "note"), (1, "sound"), (2, "sound"), (3, "sound")]


def test_an_audit_of_some_steps_keeps_what_is_known_of_the_same_commits(store):
    store.renew_audit(rows((1, "suspect", "equals 3"), *SOUND[1:]), is_whole=True)
    store.renew_audit(rows((1, "sound", None), (2, "suspect", "z")), is_whole=False)
    assert kept(store) == [(1, "suspect"), (2, "suspect"), (3, "sound")]


def test_an_audit_of_some_steps_forgets_what_was_known_of_commits_that_are_gone(store):
    store.renew_audit(rows((1, "suspect", "equals 3"), *SOUND[1:]), is_whole=True)
    store.renew_audit(rows((1, "sound", None, "new")), is_whole=False)
    assert kept(store) == [(1, "sound"), (2, "sound"), (3, "sound")]


def test_the_same_audit_twice_is_kept_once(store):
    for _ in range(2):
        store.renew_audit(rows((1, "suspect", "x"), (2, "sound", None)), is_whole=False)
    assert kept(store) == [(1, "suspect"), (2, "sound")]


def test_the_audit_of_a_commit_decides_whether_it_is_suspect(store):
    store.commit(*simple_unit(1))
    store.commit(*simple_unit(2, suspect="reported"))
    store.commit(*simple_unit(3))
    twice, gone = [(1, "suspect", "x"), (1, "suspect", "y")], (3, "suspect", "z", "another")
    store.renew_audit(rows(*twice, (2, "sound", None), gone), is_whole=True)
    assert {unit.step: unit.suspect for unit in store.manifests()} == {1: "x; y", 2: None, 3: None}
    trends = store.trends(["accuracy"]).set_index("step")
    assert trends.loc[1, "suspect"] == "x; y"
    assert trends.loc[[2, 3], "suspect"].isna().all()


def test_fits_are_of_another_content_once_an_audit_finds_a_suspect(store):
    store.commit(*simple_unit(1))
    store.mark_fitted(store.content_id())
    store.renew_audit(rows((1, "note", "x")), is_whole=True)
    assert store.is_fitted()
    assert not store.is_fitted(with_suspects=True)
    store.renew_audit(rows((1, "suspect", "x")), is_whole=True)
    assert not store.is_fitted()


def test_a_table_that_was_not_stored_yet_says_the_same_of_what_is_suspect(store):
    audit = rows((1, "suspect", "equal to step 9"), (2, "suspect", "reported"), (3, "sound", None))
    # As pandas makes a column of texts some of which are absent.
    audit = audit.assign(link=pd.Series([None, "https://x/1", None], dtype="str"))
    store.renew_audit(audit, is_whole=True)
    assert suspects(audit) == suspects(store.audit())
    assert [*suspects(audit).values()] == ["equal to step 9", "reported (https://x/1)", None]


def test_a_damaged_audit_is_named_with_what_to_do(store):
    store.renew_audit(rows(*SOUND), is_whole=True)
    (path,) = (store.path / "audits").glob("*.parquet")
    path.write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be read") as caught:
        store.audit()
    assert "ckpt-analyzer audit" in caught.value.hint


def test_a_full_disk_is_one_clear_sentence(store, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_write_flushed", full)
    with pytest.raises(StoreError, match="the disk that holds the store is full"):
        store.renew_audit(rows(*SOUND), is_whole=True)


def test_findings_that_steps_share_are_one_row_suspects_first(store):
    many = [(step, "suspect", "x") for step in range(10)]
    store.renew_audit(rows((1, "note", "n"), *many), is_whole=True)
    summed = findings(store.audit())
    assert list(summed["standing"]) == ["suspect", "note"]
    assert list(summed["steps"]) == ["0, 1, 2 … 9 (10)", "1"]
    assert list(summed["link"]) == ["", ""]
