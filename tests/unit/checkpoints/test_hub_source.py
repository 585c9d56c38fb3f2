"""Checkpoints of a Hub: pinned, checked, bounded, and cleared away; driven by the real client."""

import errno
import hashlib
import json
from pathlib import Path

import pytest
from huggingface_hub.utils import close_session

import hub_server
from ckpt_analyzer.checkpoints import scratch
from ckpt_analyzer.checkpoints.download import Line
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.scratch import Scratch
from ckpt_analyzer.checkpoints.spool import SpoolPlace
from ckpt_analyzer.checkpoints.verified import READINGS
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Model, Suite
from hub_server import HubServer
from received import received
from toy_checkpoint import files, safetensors_bytes, sharded_files, tensor_bytes, write

TOKEN = "hf_secretsecretsecret"
MODEL = Model("toy-36k", "36k", "org/toy-36k", 36_000, 30_000, (0, 1, 2, 1000), 2048)
SUITE = Suite("toy", "Toy", (MODEL,), "", "", "", "")


@pytest.fixture
def hub():
    with HubServer() as server:
        for step in (0, 1):
            server.add("org/toy-36k", f"step{step}", files(fill=step))
        yield server


@pytest.fixture
def source(hub, tmp_path):
    return make_source(hub, tmp_path)


def make_source(hub, tmp_path, max_cache_bytes=10**6):
    return HubSource(
        reading=HubReading(line=Line(pause=lambda seconds: None)),
        cache_dir=tmp_path / "cache",
        max_cache_bytes=max_cache_bytes,
        endpoint=hub.endpoint,
        token=TOKEN,
    )


def checkpoint(step=1):
    return SUITE.checkpoint(MODEL, step)


def leftovers(tmp_path):
    return list((tmp_path / "cache").iterdir())


def test_commits_of_all_revisions_cost_one_request_per_repository(hub, source):
    tagged = hub.add("org/toy-36k", "step2", files(), tag=True)
    commits = source.commits([MODEL])
    assert set(commits) == {("toy-36k", f"step{n}") for n in (0, 1, 2)}
    assert commits["toy-36k", "step2"] == tagged
    assert len(hub.requests) == 1


def test_a_checkpoint_is_resolved_from_metadata_alone(hub, source):
    resolved = source.resolve(checkpoint())
    assert resolved.commit == source.commits([MODEL])["toy-36k", "step1"]
    (file,) = resolved.weight_files
    content = safetensors_bytes(fill=1)
    assert (file.name, file.size_bytes) == ("model.safetensors", len(content))
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert resolved.bytes_to_download == len(content)
    assert hub.count("/resolve/") == 0


def test_equal_weights_have_equal_digests_whatever_their_revision(hub, source):
    hub.add("org/toy-36k", "step2", files(fill=1) | {"README.md": b"other"})
    zero, one, two = (source.resolve(checkpoint(step)) for step in (0, 1, 2))
    assert one.weights_sha256 == two.weights_sha256 != zero.weights_sha256
    assert one.commit != two.commit


def test_weights_come_through_memory_and_companions_are_gone_afterwards(source, tmp_path):
    with source.fetch(source.resolve(checkpoint())) as opened:
        assert received(opened.slices()) == tensor_bytes(fill=1)
        assert not opened.weights_on_disk
        names = {path.name for path in opened.folder.iterdir()}
        assert names == {"config.json", "tokenizer.json"}
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("is_large", [False, True])
def test_only_weights_of_models_that_ask_for_it_go_through_the_spool(hub, tmp_path, is_large):
    spool = tmp_path / "spool"
    source = HubSource(
        reading=HubReading(
            line=Line(pause=lambda seconds: None),
            spool=SpoolPlace(spool),
            spools=lambda model: is_large and model == MODEL,
        ),
        cache_dir=tmp_path / "cache",
        max_cache_bytes=10**6,
        endpoint=hub.endpoint,
    )
    with source.fetch(source.resolve(checkpoint())) as opened:
        assert opened.weights_on_disk == is_large
        assert bool(list(opened.folder.glob("*.safetensors"))) == is_large
        assert received(opened.slices()) == tensor_bytes(fill=1)
    assert not list(spool.iterdir() if spool.exists() else [])


def test_the_folder_is_freed_when_its_use_fails(source, tmp_path):
    with pytest.raises(ZeroDivisionError), source.fetch(source.resolve(checkpoint())):
        raise ZeroDivisionError
    assert leftovers(tmp_path) == []


def test_a_revision_takes_one_request_per_file_and_one_for_its_metadata(hub, source):
    with source.fetch(source.resolve(checkpoint())) as opened:
        received(opened.slices())
    assert len(hub.requests) == 1 + 3  # config, tokenizer, weights


def test_a_companion_that_arrives_altered_is_got_again_or_refused(hub, source, tmp_path):
    hub.faults.corrupt["config.json"] = 2
    with source.fetch(source.resolve(checkpoint())) as opened:
        assert (opened.folder / "config.json").read_bytes() == files()["config.json"]
    hub.faults.corrupt["config.json"] = READINGS
    source = make_source(hub, tmp_path)  # one that knows no companions yet
    with (
        pytest.raises(CheckpointError, match=r"config\.json arrived altered"),
        source.fetch(source.resolve(checkpoint())),
    ):
        pass


def test_a_checkpoint_in_shards_is_fetched_with_its_index(hub, source):
    hub.add("org/toy-36k", "step1000", sharded_files())
    resolved = source.resolve(checkpoint(1000))
    assert len(resolved.weight_files) == 2
    with source.fetch(resolved) as opened:
        assert (opened.folder / "model.safetensors.index.json").is_file()
        assert received(opened.slices()) == tensor_bytes()


def test_the_commit_that_was_resolved_is_fetched_though_the_branch_moved_on(hub, source):
    resolved = source.resolve(checkpoint())
    hub.add("org/toy-36k", "step1", files(fill=9))
    with source.fetch(resolved) as opened:
        assert received(opened.slices()) == tensor_bytes(fill=1)


def test_small_weights_outside_of_lfs_are_read_for_their_digest(hub, source):
    with_lfs = source.resolve(checkpoint())
    hub.faults.without_lfs = True
    assert source.resolve(checkpoint()) == with_lfs
    assert hub.count("/resolve/") == 1


@pytest.mark.parametrize("fault", ["corrupt", "cut"])
def test_weights_that_arrive_damaged_once_are_got_again(hub, source, fault):
    getattr(hub.faults, fault)["model.safetensors"] = 1
    with source.fetch(source.resolve(checkpoint())) as opened:
        assert received(opened.slices()) == tensor_bytes(fill=1)


def test_weights_that_arrive_altered_every_time_are_refused(hub, source, tmp_path):
    hub.faults.corrupt["model.safetensors"] = READINGS
    with (
        pytest.raises(CheckpointError, match="arrived altered"),
        source.fetch(source.resolve(checkpoint())) as opened,
    ):
        received(opened.slices())
    assert leftovers(tmp_path) == []


def test_a_failed_request_never_falls_back_to_what_was_fetched_before(hub, source):
    resolved = source.resolve(checkpoint())
    with source.fetch(resolved):
        pass
    hub.faults.statuses["/resolve/"] = 404
    # Companions are known by their digests; weights are always read.
    with pytest.raises(CheckpointError), source.fetch(resolved) as opened:
        received(opened.slices())


def test_a_model_that_does_not_exist_is_named(hub, tmp_path):
    source = make_source(hub, tmp_path)
    absent = Model("x", "1", "org/absent", 1, None, (1,), 1)
    for ask in (
        lambda: source.commits([absent]),
        lambda: source.resolve(SUITE.checkpoint(absent, 1)),
    ):
        with pytest.raises(CheckpointError, match=r"org/absent.* does not exist") as caught:
            ask()
        assert caught.value.hint


def test_a_revision_that_does_not_exist_is_named(source):
    with pytest.raises(CheckpointError, match="org/toy-36k at step1000 does not exist"):
        source.resolve(checkpoint(1000))


def test_a_gated_repository_says_how_to_be_let_in_and_does_not_tell_the_token(hub, source):
    resolved = source.resolve(checkpoint())
    hub.faults.gated.add("org/toy-36k")
    with pytest.raises(CheckpointError, match="is gated") as caught, source.fetch(resolved):
        pass
    assert "hf auth login" in caught.value.hint
    assert f"Bearer {TOKEN}" in hub.authorizations
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("status", "problem"), [(403, "refused access"), (500, "HTTP 500")])
def test_a_refusal_or_failure_of_the_hub_is_told_with_its_status(hub, source, status, problem):
    hub.faults.statuses["/api/"] = status
    with pytest.raises(CheckpointError, match=problem) as caught:
        source.resolve(checkpoint())
    assert TOKEN not in str(caught.value)


def test_a_hub_that_is_not_reached_is_told(tmp_path):
    with HubServer() as gone:
        source = make_source(gone, tmp_path)
    with pytest.raises(CheckpointError, match="cannot be reached") as caught:
        source.commits([MODEL])
    assert "check the connection" in caught.value.hint


def test_the_offline_mode_of_the_client_is_told(source, monkeypatch):
    resolved = source.resolve(checkpoint())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    close_session()  # the client decides when it opens one
    with pytest.raises(CheckpointError, match="set to work offline"):
        source.commits([MODEL])
    with pytest.raises(CheckpointError, match="set to work offline"), source.fetch(resolved):
        pass
    close_session()


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        ("config.json", r"config\.json is missing"),
        ("model.safetensors", "there are no weights"),
    ],
)
def test_a_revision_that_lacks_files_is_told_before_any_download(hub, source, missing, problem):
    hub.add("org/toy-36k", "step2", {k: v for k, v in files().items() if k != missing})
    with pytest.raises(CheckpointError, match=problem):
        source.resolve(checkpoint(2))


@pytest.mark.parametrize("call", ["mkdir", "lock"])
def test_a_disk_that_has_no_room_for_a_folder_is_told_as_well(source, tmp_path, monkeypatch, call):
    resolved = source.resolve(checkpoint())

    def full(path, *_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    if call == "mkdir":
        monkeypatch.setattr(Path, "mkdir", full)
    else:
        monkeypatch.setattr(scratch, "FileLock", full)
    with pytest.raises(CheckpointError, match="the disk is full"), source.fetch(resolved):
        pass


def test_a_full_disk_is_told(source, monkeypatch):
    resolved = source.resolve(checkpoint())

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CheckpointError, match="the disk is full"), source.fetch(resolved):
        pass


def test_leftovers_of_a_crash_are_removed_at_the_next_start(hub, source, tmp_path):
    write(tmp_path / "cache" / "fetch-crashed", files())
    (tmp_path / "cache" / "fetch-crashed.lock").touch()
    (tmp_path / "cache" / "mine.txt").touch()
    with source.fetch(source.resolve(checkpoint())) as in_use:
        make_source(hub, tmp_path)
        assert not (tmp_path / "cache" / "fetch-crashed").exists()
        assert in_use.folder.is_dir()
    assert [path.name for path in leftovers(tmp_path)] == ["mine.txt"]


def test_a_disk_without_room_is_told_before_any_download(tmp_path, monkeypatch):
    scratch = Scratch(tmp_path, max_bytes=10**30)
    with pytest.raises(CheckpointError, match="the disk has"), scratch.room(10**29, "it"):
        pass


def test_a_folder_of_checkpoints_is_served_as_a_suite(hub, source, tmp_path):
    write(tmp_path / "suite" / "toy-9" / "step1", files(fill=7))
    hub.add_suite(tmp_path / "suite", "lab")
    model = Model("toy-9", "9", "lab/toy-9", 9, None, (1,), 1)
    with source.fetch(source.resolve(SUITE.checkpoint(model, 1))) as opened:
        assert received(opened.slices()) == tensor_bytes(fill=7)


OUTSIDE = (
    "../outside",
    "../../outside",
    "/outside",
    "a/../../../outside",
    "..\\outside",
    "~/outside",
)


def everything_under(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["model.safetensors", "config.json", "tokenizer.json", "x.py"])
def test_no_name_of_a_file_leads_out_of_its_folder(hub, tmp_path, name, kind):
    listed = f"{name}/{kind}"
    evil = {listed: b"evil", f"{name}.safetensors": b"evil", f"{name}.py": b"evil"}
    hub.add("org/toy-36k", "step1", files() | evil)
    inside = tmp_path / "a" / "b" / "c"
    reading = HubReading(
        line=Line(pause=lambda seconds: None),
        with_code=True,
        spool=SpoolPlace(inside / "spool"),
        metadata_dir=inside / "metadata",
    )
    source = HubSource(
        cache_dir=inside / "cache", max_cache_bytes=10**6, endpoint=hub.endpoint, reading=reading
    )
    with source.fetch(source.resolve(checkpoint())) as opened:
        assert received(opened.slices()) == tensor_bytes()
        assert {path.name for path in opened.folder.iterdir()} == {
            "config.json", "tokenizer.json", "model.safetensors",
        }  # fmt: skip
    assert {path.parts[0] for path in everything_under(tmp_path)} == {"a"}
    assert {path.parts[0] for path in everything_under(inside)} == {"cache", "spool", "metadata"}
    assert not hub.count("outside")


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_index_of_shards_that_names_files_outside_reads_none(hub, source, name):
    sharded = sharded_files()
    index = json.loads(sharded["model.safetensors.index.json"])
    index["weight_map"]["stolen"] = name
    sharded["model.safetensors.index.json"] = json.dumps(index).encode()
    hub.add("org/toy-36k", "step1", sharded)
    with source.fetch(source.resolve(checkpoint())) as opened:
        assert "stolen" not in received(opened.slices())
    assert not hub.count("outside")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha256", "../../outside"), ("sha256", "A" * 64), ("sha256", "0" * 63),
        ("blobId", "../outside"), ("blobId", "0" * 64), ("size", -1), ("size", "1"),
        ("commit", "../../outside"), ("commit", "main"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_is_refused(hub, source, monkeypatch, tmp_path, key, value):
    def lied(*args, **kwargs):
        info = told(*args, **kwargs)
        if key == "commit":
            info["sha"] = value
        for sibling in info["siblings"]:
            place = sibling.get("lfs", {}) if key in ("sha256", "size") else sibling
            if key in place:
                place[key] = value
        return info

    told = hub_server._info
    monkeypatch.setattr(hub_server, "_info", lied)
    before = everything_under(tmp_path)
    with pytest.raises(CheckpointError, match="that is none"):
        source.resolve(checkpoint())
    assert everything_under(tmp_path) == before


def test_companions_that_revisions_share_are_asked_for_once(hub, source):
    hub.add("org/toy-36k", "step2", files(fill=2) | {"tokenizer.json": b'{"changed": 1}'})
    contents = []
    for step in (0, 1, 2, 1):
        with source.fetch(source.resolve(checkpoint(step))) as opened:
            contents.append((opened.folder / "tokenizer.json").read_bytes())
    assert contents == [b"{}", b"{}", b'{"changed": 1}', b"{}"]
    assert (hub.count("config.json"), hub.count("tokenizer.json")) == (1, 2)
