"""Weight files on their way over the disk: bounded, verified, resumed by the next process, gone."""

import errno
import hashlib
import threading
from pathlib import Path

import pytest

from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint, WeightFile
from ckpt_analyzer.checkpoints.spool import Spool, SpoolPlace
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Model, Suite

MODEL = Model("toy", "1", "org/toy", 1, None, (1,), 1)
CHECKPOINT = Suite("s", "", (MODEL,), "", "", "", "").checkpoint(MODEL, 1)


class Server:
    """Files by name; tells from which byte on each was asked for."""

    def __init__(self, **files):
        self.files = files
        self.asked = []
        self.spoilt = 0
        self.breaks = False

    def resolved(self, *names):
        weights = [
            WeightFile(name, len(content), hashlib.sha256(content).hexdigest())
            for name, content in self.files.items()
            if name in (names or self.files)
        ]
        return ResolvedCheckpoint(CHECKPOINT, "c" * 40, tuple(weights))

    def read(self, file, first_byte):
        self.asked.append((file.name, first_byte))
        content = self.files[file.name][first_byte:]
        if self.breaks:
            yield content[: len(content) // 2]
            raise CheckpointError("broke off")
        if self.spoilt:
            self.spoilt -= 1
            content = content[:-1] + b"?"
        yield content


@pytest.fixture
def server():
    return Server(a=b"a" * 1000, b=b"b" * 500)


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_whole_while_they_are_used_and_gone_afterwards(server, tmp_path):
    spool = Spool(SpoolPlace(tmp_path, 1500))
    with spool.files(server.resolved(), server.read) as folder:
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == server.files
    assert left(tmp_path) == []


def test_the_next_process_goes_on_where_this_one_broke_off(server, tmp_path):
    server.breaks = True
    with (
        pytest.raises(CheckpointError, match="broke off"),
        Spool(SpoolPlace(tmp_path)).files(server.resolved("a"), server.read),
    ):
        pass
    server.breaks = False
    with Spool(SpoolPlace(tmp_path)).files(server.resolved("a"), server.read) as folder:
        assert (folder / "a").read_bytes() == server.files["a"]
    assert server.asked == [("a", 0), ("a", 500)]
    assert left(tmp_path) == []


@pytest.mark.parametrize("there", [b"x" * 400, b"a" * 999 + b"x", b"a" * 1001])
def test_what_is_there_and_wrong_is_read_anew(server, tmp_path, there):
    resolved = server.resolved("a")
    (tmp_path / f"{resolved.weight_files[0].sha256}.partial").write_bytes(there)
    with Spool(SpoolPlace(tmp_path)).files(resolved, server.read) as folder:
        assert (folder / "a").read_bytes() == server.files["a"]


def test_a_file_that_arrives_altered_is_read_again_and_refused_in_the_end(server, tmp_path):
    server.spoilt = 2
    with Spool(SpoolPlace(tmp_path)).files(server.resolved("a"), server.read) as folder:
        assert (folder / "a").read_bytes() == server.files["a"]
    server.spoilt = 3
    with (
        pytest.raises(CheckpointError, match="a arrived altered"),
        Spool(SpoolPlace(tmp_path)).files(server.resolved("a"), server.read),
    ):
        pass
    assert not [name for name in left(tmp_path) if name.endswith(".partial")]


def test_a_checkpoint_beyond_the_bound_is_refused_before_it_is_read(server, tmp_path):
    spool = Spool(SpoolPlace(tmp_path, 1499))
    with (
        pytest.raises(CheckpointError, match="the spool may hold"),
        spool.files(server.resolved(), server.read),
    ):
        pass
    assert server.asked == []


def test_a_second_checkpoint_waits_until_the_first_gives_its_room_back(server, tmp_path):
    spool, order = Spool(SpoolPlace(tmp_path, 1000)), []

    def second():
        with spool.files(server.resolved("b"), server.read):
            order.append("second")

    thread = threading.Thread(target=second)
    with spool.files(server.resolved("a"), server.read):
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_leftovers_of_other_runs_make_room(server, tmp_path):
    (tmp_path / ("0" * 64 + ".partial")).write_bytes(b"x" * 900)
    with Spool(SpoolPlace(tmp_path, 1000)).files(server.resolved("a"), server.read):
        assert not (tmp_path / ("0" * 64 + ".partial")).exists()


def test_what_another_process_is_writing_is_no_leftover(tmp_path):
    ours, other = Server(a=b"a" * 100_000), Server(c=b"c" * 80_000)
    is_writing, may_end = threading.Event(), threading.Event()
    read = []

    def slowly(file, first_byte):
        yield other.files[file.name][:40_000]
        is_writing.set()
        may_end.wait(5)
        yield other.files[file.name][40_000:]

    def write():
        # A spool of its own, as that of another process is.
        with Spool(SpoolPlace(tmp_path, 100_000)).files(other.resolved(), slowly) as folder:
            read.append((folder / "c").read_bytes())

    thread = threading.Thread(target=write)
    thread.start()
    is_writing.wait(5)
    with Spool(SpoolPlace(tmp_path, 100_000)).files(ours.resolved(), ours.read):
        may_end.set()
        thread.join(5)
    assert read == [other.files["c"]]
    assert left(tmp_path) == []


def test_a_full_disk_is_told_and_leaves_nothing_behind(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with (
        pytest.raises(CheckpointError, match="the disk is full") as caught,
        Spool(SpoolPlace(tmp_path)).files(server.resolved(), server.read),
    ):
        pass
    assert "--spool" in caught.value.hint
    assert not [name for name in left(tmp_path) if name.endswith(".partial")]


def test_a_disk_without_room_is_told_before_anything_is_read(server, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with (
        pytest.raises(CheckpointError, match="the disk has 10 free"),
        Spool(SpoolPlace(tmp_path)).files(server.resolved(), server.read),
    ):
        pass
    assert server.asked == []
