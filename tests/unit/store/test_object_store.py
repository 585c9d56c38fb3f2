"""A store in a bucket of a real S3 server: what holds in a folder holds there."""

import http.server
import multiprocessing
import os
import pickle
import signal
import threading
import time
from uuid import uuid4

import pyarrow as pa
import pytest

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store import garbage, near, object_access
from ckpt_analyzer.store.glance import glance
from ckpt_analyzer.store.jobs import Said, new_folder, read_jobs, record_job
from ckpt_analyzer.store.near import near_folder
from ckpt_analyzer.store.object_access import PlaceError
from ckpt_analyzer.store.place import place_of
from ckpt_analyzer.store.store import open_store
from object_storage import SECRET, forget, object_storage, reached
from store_factory import simple_unit, stored_rows


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    with object_storage(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture
def address(storage, tmp_path):
    """The address of a store that is not there yet, in a bucket of its own."""
    with reached(storage.environment, tmp_path / "cache"):
        yield f"{storage.make_bucket(f'bucket-{uuid4().hex[:12]}')}/stores/mine"


@pytest.fixture
def store(address):
    return open_store(address, create=True)


@pytest.fixture
def local(tmp_path):
    return open_store(tmp_path / "local", create=True)


def fill(*stores, steps=(1000, 2000, 3000)):
    for step in steps:
        for each in stores:
            each.commit(*simple_unit(step, seed=step))


def objects(store):
    return {
        str(each): each.read_bytes() for each in store.path.rglob("*") if not each.stat().is_folder
    }


def test_scores_and_trends_are_those_of_a_folder(store, local):
    fill(store, local)
    assert stored_rows(store.path).equals(stored_rows(local.path))
    assert store.trends().equals(local.trends())
    assert store.items().equals(local.items())
    assert store.done_cells() == local.done_cells()
    assert {unit.parquet_sha256 for unit in store.manifests()} == {
        unit.parquet_sha256 for unit in local.manifests()
    }


def test_a_table_is_brought_once_for_all_questions_of_all_processes(store, storage):
    fill(store)
    before = storage.n_requests("GET", ".parquet")
    trends = store.trends()
    assert storage.n_requests("GET", ".parquet") == before + 3
    forget()
    assert store.trends().equals(trends)
    assert not store.items().empty
    assert storage.n_requests("GET", ".parquet") == before + 3
    brought = {path.name for path in near_folder(store.path / "units").iterdir()}
    assert brought == {unit.parquet for unit in store.manifests()}


def test_copies_make_room_for_those_that_are_needed(store, monkeypatch):
    monkeypatch.setattr(near, "MOST_BYTES", 1)
    fill(store, steps=(1000,))
    store.items()
    (first,) = near_folder(store.path / "units").iterdir()
    first_unit = store.manifests()
    fill(store, steps=(2000,))
    assert len(store.items()["step"].unique()) == 2
    near.bring_near(
        store.path / "units",
        {u.parquet: u.parquet_sha256 for u in store.manifests() if u not in first_unit},
    )
    assert first.exists()  # nothing was missing, so nothing had to go
    fill(store, steps=(3000,))
    new = [u for u in store.manifests() if u.step == 3000]
    near.bring_near(store.path / "units", {u.parquet: u.parquet_sha256 for u in new})
    assert [path.name for path in near_folder(store.path / "units").iterdir()] == [new[0].parquet]


def test_a_unit_that_is_there_is_not_written_again(store):
    first = store.commit(*simple_unit(1000))
    assert store.commit(*simple_unit(1000)) == first
    assert len(store.manifests()) == 1


def _write(address, steps):
    store = open_store(address, create=True)
    for step in steps:
        store.commit(*simple_unit(step, seed=step))


def test_two_processes_that_write_the_same_units_leave_each_once(address, local):
    context = multiprocessing.get_context("spawn")
    steps = range(1000, 9000, 1000)
    writers = [
        context.Process(target=_write, args=(address, order))
        for order in (list(steps), list(reversed(steps)))
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    fill(local, steps=steps)
    store = open_store(address)
    assert stored_rows(store.path).equals(stored_rows(local.path))
    assert not store.check().wrong
    assert store.listing().leftovers == ()


def test_an_interrupt_in_the_middle_of_writing_leaves_the_object_whole(store, monkeypatch):
    class Stream:
        def __init__(self, real):
            self._real = real

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._real.close()  # as pyarrow's does, and what was written appears

        def write(self, content):
            self._real.write(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
            self._real.write(content[len(content) // 2 :])

    class Storage:
        def open_output_stream(self, key, compression):
            return Stream(real("s3").open_output_stream(key, compression=compression))

    real, place = object_access._storage, store.path / "whole"
    with monkeypatch.context() as patch:
        patch.setattr(object_access, "_storage", lambda _scheme: Storage())
        put_interrupted(place, b"0123456789" * 1000)
    end = time.monotonic() + 20
    while not place.exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert place.read_bytes() == b"0123456789" * 1000


def put_interrupted(place, content):
    with pytest.raises(KeyboardInterrupt):
        place.put(content)


class Killed(BaseException):
    """The end of a process: nothing in the package catches it."""


@pytest.mark.parametrize("work", ["commit", "compact"])
def test_a_writer_that_dies_before_any_of_its_requests_leaves_a_sound_store(
    store, local, monkeypatch, work
):
    fill(store, local)
    new = simple_unit(4000, seed=4000)
    do = {"commit": lambda: store.commit(*new), "compact": store.compact}[work]
    real = {name: getattr(object_access, name) for name in ("put", "delete", "get", "look")}
    n_deaths = 0
    for last in range(1000):
        left = [last]

        def dying(call, left=left):
            def called(*arguments):
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return call(*arguments)

            return called

        with monkeypatch.context() as patch:
            for name, call in real.items():
                patch.setattr(object_access, name, dying(call))
            try:
                do()
                break
            except Killed:
                n_deaths += 1
        forget()
        assert not store.damaged()
        assert not store.check().wrong
        assert len(store.manifests()) in (3, 4)
    assert n_deaths >= 3
    local.commit(*new)
    store.commit(*new)
    assert stored_rows(store.path).equals(stored_rows(local.path))
    garbage.remove(store.garbage(0))
    assert store.listing().leftovers == ()
    assert store.trends().equals(local.trends())


def test_a_truncated_table_does_not_count_and_is_scored_anew_after_quarantine(store, local):
    fill(store, local)
    unit = store.manifests()[0]
    table = store.path / "units" / unit.parquet
    table.put(table.read_bytes()[:-100])
    assert [each.path.name for each in store.damaged()] == [f"{unit.unit_id}.json"]
    assert len(store.manifests()) == 2
    wrong = store.check().wrong
    moved = store.quarantine(wrong)
    assert [str(place).partition("/mine/")[2] for place in moved] == [
        f"quarantine/units/{unit.unit_id}.json"
    ]
    assert all(place.is_file() for place in moved)
    assert not store.check().wrong
    fill(store)
    assert store.trends().equals(local.trends())


def test_a_changed_byte_is_found_by_verify_and_read_by_no_question(store):
    fill(store)
    unit = store.manifests()[0]
    table = store.path / "units" / unit.parquet
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.put(bytes(content))
    assert [each.path.name for each in store.verify()] == [unit.parquet]
    with pytest.raises(StoreError, match="not what was written"):
        store.trends()
    assert len(store.quarantine(store.check().wrong)) == 2
    assert len(store.trends()["step"].unique()) == 2


def test_foreign_objects_are_listed_and_never_read(store):
    fill(store, steps=(1000,))
    (store.path / "units" / "notes.txt").put(b"mine")
    (store.path / "units" / "foreign.json").put(b"{}")
    assert [each.name for each in store.listing().foreign] == ["notes.txt"]
    assert [each.path.name for each in store.damaged()] == ["foreign.json"]


def test_compaction_keeps_scores_and_a_query_that_began_before_is_asked_again(store, local):
    fill(store, local)
    cells = store.selection()
    done = store.compact()
    assert (done.n_units, done.n_made, done.n_removed) == (3, 1, 3)
    assert stored_rows(store.path).equals(stored_rows(local.path))
    wanted = local.trends()
    assert store.trends().equals(wanted)
    real, asked = type(store).selection, []

    def late(self):
        asked.append(self)
        return cells if len(asked) < 3 else real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "selection", late)
        assert store.trends().equals(wanted)
    assert len(asked) == 3


def test_gc_goes_by_the_clock_of_the_storage_and_spares_what_is_young(store):
    fill(store, steps=(1000,))
    (store.path / "units" / f"{simple_unit()[0].unit_id}.0123456789ab.parquet").put(b"left behind")
    assert store.garbage(3600) == ()
    found = store.garbage(0)
    assert [each.what for each in found] == ["table without a manifest"]
    garbage.remove(found)
    assert store.garbage(0) == ()
    assert len(store.manifests()) == 1


def test_a_glance_differs_after_every_unit(store):
    fill(store, steps=(1000,))
    before = glance(store.path)
    assert glance(store.path) == before
    fill(store, steps=(2000,))
    assert glance(store.path) != before


def test_a_manifest_that_is_replaced_is_read_anew_once_it_is_settled(store, monkeypatch):
    fill(store)
    monkeypatch.setattr(object_access, "_SETTLED_SECONDS", -1.0)
    before = store.manifests()
    assert object_access._known
    store.compact()
    assert {unit.packed_as for unit in before} == {None}
    assert {unit.packed_as for unit in store.manifests()} == {0, 1, 2}


def test_what_workers_say_of_a_job_lies_in_the_bucket(store):
    from ckpt_analyzer.events import UnitStatus

    folder = new_folder(store.path)
    record = record_job(folder, "ray", "12", 2, 1)
    assert read_jobs(store.path) == (record,)
    said = Said(folder, 0)
    said.begin("a")
    said.end(UnitStatus("a", "done"))
    again = Said(folder, 0)
    again.begin("b")
    assert [each.unit for each in again.statuses()] == ["a"]
    assert (again.deaths("a"), again.deaths("b"), again.n_lines()) == (0, 1, 3)


def test_no_object_and_no_pickle_holds_the_secret(store):
    fill(store)
    store.trends()
    assert not [name for name, content in objects(store).items() if SECRET.encode() in content]
    assert SECRET.encode() not in pickle.dumps(store)
    assert pickle.loads(pickle.dumps(store.path)) == store.path


def test_a_bucket_that_is_not_there_is_said(address):
    for create in (False, True):
        with pytest.raises(PlaceError, match="no such bucket") as caught:
            open_store("s3://no-such-bucket/mine", create=create)
        assert "make it first" in caught.value.hint


def test_an_address_without_a_store_is_said_with_the_store_that_is_meant(store):
    with pytest.raises(StoreError, match="is not a store") as caught:
        open_store(str(store.path.parent))
    assert caught.value.hint == f"did you mean {store.path}?"


def test_a_prefix_that_holds_other_objects_is_no_place_for_a_store(address):
    place_of(f"{address}/photo.jpg").put(b"")
    with pytest.raises(StoreError, match="is there already"):
        open_store(address, create=True)


def test_an_endpoint_that_nobody_answers_is_said(store, storage, tmp_path):
    broken = {**storage.environment, "AWS_ENDPOINT_URL": "http://me:word@127.0.0.1:1"}
    with reached(broken, tmp_path), pytest.raises(PlaceError, match="not reached") as caught:
        open_store(str(store.path))
    assert "http://127.0.0.1:1" in caught.value.hint
    assert "word" not in str(caught.value)


class _Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_POST = do_GET

    def log_message(self, *_):
        """Say nothing."""


def test_refused_credentials_are_said_and_not_shown(storage, tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        wrong = {**storage.environment, "AWS_ENDPOINT_URL": endpoint}
        with reached(wrong, tmp_path):
            for create in (False, True):
                with pytest.raises(PlaceError, match="refuses these credentials") as caught:
                    open_store("s3://bucket/mine", create=create)
                assert SECRET not in str(caught.value)
                assert "AWS_ACCESS_KEY_ID" in caught.value.hint
        server.shutdown()


def test_a_storage_that_goes_away_makes_no_unit_count_as_damaged(store, storage, tmp_path):
    fill(store)
    broken = {**storage.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    with reached(broken, tmp_path), pytest.raises(PlaceError):
        store.damaged()
    assert pa.Table.from_pandas(store.trends()).num_rows
