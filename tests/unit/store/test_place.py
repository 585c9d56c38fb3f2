"""Addresses of stores: what is a folder, what a bucket, and what is refused."""

import pickle
from pathlib import Path

import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.near import near_folder
from ckpt_analyzer.store.object_access import _error_of
from ckpt_analyzer.store.object_place import ObjectPlace
from ckpt_analyzer.store.place import place_of
from ckpt_analyzer.sweep.config import parse_sweep

SWEEP = "name: one\nsuites: [pythia]\ntasks: [memo-trap]\nstore: {}\n"


def test_what_has_no_scheme_is_a_folder_as_it_is():
    assert place_of("stores/mine") == Path("stores/mine")
    assert place_of(Path("/stores/mine")) == Path("/stores/mine")
    assert place_of("file:///stores/mine") == Path("/stores/mine")


def test_an_address_in_a_bucket_has_the_words_of_a_path():
    place = place_of("s3://bucket/stores/mine/")
    assert place == ObjectPlace("s3", "bucket/stores/mine")
    assert str(place / "units" / "a.json") == "s3://bucket/stores/mine/units/a.json"
    unit = place / "units" / "a.b.json"
    assert (unit.name, unit.stem, unit.suffix) == ("a.b.json", "a.b", ".json")
    assert str(unit.with_suffix(".parquet")) == "s3://bucket/stores/mine/units/a.b.parquet"
    assert str(unit.parent.parent) == str(place)
    assert place.bucket.parent == place.bucket
    assert place_of(place) is place
    assert pickle.loads(pickle.dumps(unit)) == unit


@pytest.mark.parametrize("address", ["s3://", "s3:///mine", "s3://bucket//mine", "s3://b/../mine"])
def test_what_names_no_place_in_a_bucket_is_refused(address):
    with pytest.raises(StoreError, match="no address of a store") as caught:
        place_of(address)
    assert "s3://BUCKET/PREFIX" in caught.value.hint


@pytest.mark.parametrize("address", ["s3://key:word@bucket/mine", "s3://bucket/mine?secret=word"])
def test_an_address_with_credentials_is_refused_without_showing_them(address):
    with pytest.raises(StoreError, match="more than a bucket") as caught:
        place_of(address)
    assert "word" not in str(caught.value)
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint


def test_another_scheme_is_refused():
    with pytest.raises(StoreError, match="no store lies at gs://"):
        place_of("gs://bucket/mine")


def test_a_sweep_file_may_name_a_bucket():
    assert parse_sweep(SWEEP.format("s3://bucket/mine"), "a test").store == ObjectPlace(
        "s3", "bucket/mine"
    )
    assert parse_sweep(SWEEP.format("stores/mine"), "a test").store == Path("stores/mine")


def test_a_folder_is_near_and_a_bucket_has_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert near_folder(Path("stores/mine")) == Path("stores/mine")
    ours, others = (near_folder(place_of(f"s3://bucket/{name}")) for name in ("mine", "theirs"))
    assert ours != others
    assert ours.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("AWS Error NO_SUCH_BUCKET during PutObject operation", "there is no such bucket"),
        ("AWS Error ACCESS_DENIED during HeadObject operation", "refuses these credentials"),
        ("AWS Error NETWORK_CONNECTION during HeadObject: curlCode: 7", "is not reached"),
        ("AWS Error UNKNOWN (HTTP status 301) during HeadObject", "another region"),
        ("AWS Error SLOW_DOWN during PutObject: key-1234", "AWS Error SLOW_DOWN"),
    ],
)
def test_what_a_storage_says_becomes_one_sentence(said, problem):
    error = _error_of(said, "s3://bucket/mine")
    assert problem in error.problem
    assert error.hint
    assert "key-1234" not in str(error)
