"""The audit of a Hub suite through the real client: what it finds, and what it costs."""

import pytest

from ckpt_analyzer import suites
from ckpt_analyzer.checkpoints.audit.reading import Question, read_model
from ckpt_analyzer.checkpoints.audit.table import audit_table
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.tables import AUDIT, conform
from hub_server import RESET, HubServer
from planted_hub import NAMES, REPO, plant, plant_weights_of, serve_series

PYTHIA = suites.load("pythia")
MODEL = PYTHIA.model("14m")
STEPS = (0, 1, 2, 4, 8, 16, 143000)
TOKEN = "hf_secretsecretsecret"


@pytest.fixture
def hub():
    with HubServer() as server:
        serve_series(server, STEPS)
        yield server


def make_source(hub, tmp_path):
    return HubSource(
        cache_dir=tmp_path / "scratch", max_cache_bytes=0, endpoint=hub.endpoint, token=TOKEN,
        reading=HubReading(metadata_dir=tmp_path / "metadata"),
    )  # fmt: skip


def audit(hub, tmp_path, steps=STEPS):
    source = make_source(hub, tmp_path)
    question = Question(PYTHIA, MODEL, source, source.commits([MODEL]))
    return audit_table(read_model(question, steps))


def findings(table, standing="suspect"):
    rows = table[(table["standing"] == standing) & (table["finding"] != "missing-step")]
    return [(int(row.step), row.finding) for row in rows.itertuples()]


def test_a_sound_series_has_one_row_per_checkpoint_besides_what_is_known_of_it(hub, tmp_path):
    table = audit(hub, tmp_path)
    assert findings(table) == []
    assert findings(table, "expected") == [(0, "reported"), (1, "reported")]
    assert set(table.loc[table["standing"] == "sound", "step"]) == set(STEPS) - {0, 1}
    assert (table["finding"] == "missing-step").sum() == 154 - len(STEPS)
    conform(table, AUDIT)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (lambda hub: plant_weights_of(hub, 4, 143000), (4, "identical-weights")),
        (lambda hub: plant_weights_of(hub, 4, 143000, NAMES[:1]), (4, "shared-shard")),
        (lambda hub: plant(hub, 4, {}, without=NAMES[1:]), (4, "missing-file")),
        (lambda hub: plant(hub, 4, {}, without=("config.json",)), (4, "missing-file")),
        (lambda hub: plant(hub, 4, {"config.json": b"{not json"}), (4, "missing-file")),
        (
            lambda hub: plant(hub, 4, {"config.json": b'{"model_type": "gpt_neox"}'}),
            (4, "config-differs"),
        ),
        (lambda hub: plant(hub, 4, {NAMES[0]: b"x" * 900}), (4, "weight-size")),
    ],
)
def test_a_planted_fault_is_found_and_nothing_else(hub, tmp_path, fault, expected):
    fault(hub)
    assert set(findings(audit(hub, tmp_path))) == {expected}


def test_a_foreign_file_is_noted(hub, tmp_path):
    plant(hub, 4, {"adapter_model.safetensors": b"x"})
    assert findings(audit(hub, tmp_path), "note") == [(4, "foreign-file")]


def test_an_audit_costs_one_request_per_revision_and_one_per_distinct_configuration(hub, tmp_path):
    audit(hub, tmp_path)
    assert hub.count("/refs") == 1
    # step143000 and main are two commits.
    assert hub.count("/api/models/EleutherAI/pythia-14m/revision/") == len(STEPS) + 1
    assert hub.count("/resolve/") == 1
    assert hub.count(".safetensors") == 0


def test_what_was_asked_once_is_not_asked_again_by_another_process(hub, tmp_path):
    first = audit(hub, tmp_path)
    hub.requests.clear()
    again = audit(hub, tmp_path)
    assert hub.requests == [f"GET /api/models/{REPO}/refs"]
    assert first.drop(columns="audited").equals(again.drop(columns="audited"))


def test_an_audit_that_was_cut_off_goes_on_where_it_stopped(hub, tmp_path):
    commit = hub.repos["models", REPO].branches["step8"]
    hub.faults.statuses[f"/revision/{commit}"] = 401
    with pytest.raises(SourceError):
        audit(hub, tmp_path)
    del hub.faults.statuses[f"/revision/{commit}"]
    hub.requests.clear()
    audit(hub, tmp_path)
    assert hub.count("/revision/") == 4  # 8, 16, 143000, main


def test_a_damaged_cache_is_asked_for_again(hub, tmp_path):
    first = audit(hub, tmp_path)
    for path in (tmp_path / "metadata").rglob("*.json"):
        path.write_bytes(b"{")
    assert first.drop(columns="audited").equals(audit(hub, tmp_path).drop(columns="audited"))


def test_a_text_of_the_cache_that_was_cut_off_is_asked_for_again(hub, tmp_path):
    before = audit(hub, tmp_path)
    texts = list((tmp_path / "metadata").rglob("text-*"))
    assert texts
    for path in texts:
        path.write_bytes(path.read_bytes()[:-1])  # as a loss of power leaves it
    n_requests = hub.count("/resolve/")
    assert audit(hub, tmp_path).drop(columns="audited").equals(before.drop(columns="audited"))
    assert hub.count("/resolve/") == n_requests + len(texts)


def test_a_branch_that_moved_is_read_anew(hub, tmp_path):
    audit(hub, tmp_path)
    plant_weights_of(hub, 4, 143000)
    assert findings(audit(hub, tmp_path)) == [(4, "identical-weights")]


def test_some_steps_are_compared_with_the_last_and_with_what_is_known(hub, tmp_path):
    plant_weights_of(hub, 4, 143000)
    plant_weights_of(hub, 8, 16)
    assert findings(audit(hub, tmp_path, {4, 8})) == [(4, "identical-weights")]
    audit(hub, tmp_path, {16})
    equal = set(findings(audit(hub, tmp_path, {4})))
    assert equal == {(step, "identical-weights") for step in (4, 8, 16)}


def test_a_revision_that_fails_for_good_is_noted_and_the_rest_is_audited(hub, tmp_path):
    commit = hub.repos["models", REPO].branches["step8"]
    hub.faults.statuses[f"/revision/{commit}"] = 500
    table = audit(hub, tmp_path)
    assert findings(table, "note") == [(8, "unreadable")]
    assert "HTTP 500" in table.loc[table["finding"] == "unreadable", "reason"].iloc[0]


def test_a_gated_repository_is_one_clear_sentence(hub, tmp_path):
    hub.faults.gated.add(REPO)
    with pytest.raises(SourceError, match="is gated") as caught:
        audit(hub, tmp_path)
    assert "hf auth login" in caught.value.hint
    assert TOKEN not in str(caught.value)


def test_resolving_after_an_audit_takes_no_request(hub, tmp_path):
    source = make_source(hub, tmp_path)
    question = Question(PYTHIA, MODEL, source, source.commits([MODEL]))
    table = audit_table(read_model(question, STEPS))
    hub.requests.clear()
    resolved = source.resolve(PYTHIA.checkpoint(MODEL, 4))
    assert hub.requests == []
    assert resolved.weights_sha256 == table.loc[table["step"] == 4, "weights_sha256"].iloc[0]


def test_a_listed_revision_stays_what_it_was_when_it_was_listed(hub, tmp_path):
    source = make_source(hub, tmp_path)
    commit = source.commits([MODEL])["pythia-14m", "step4"]
    plant_weights_of(hub, 4, 143000)
    assert source.resolve(PYTHIA.checkpoint(MODEL, 4)).commit == commit


def test_a_hub_that_answers_for_another_commit_is_not_believed(hub, tmp_path):
    source = make_source(hub, tmp_path)
    commit = source.commits([MODEL])["pythia-14m", "step4"]
    repo = hub.repos["models", REPO]
    repo.branches[commit] = repo.branches["step8"]
    del repo.commits[commit]
    with pytest.raises(CheckpointError, match="answers for commit"):
        source.inventory(PYTHIA.checkpoint(MODEL, 4))


@pytest.mark.parametrize(
    "faults", [[429], [500, 502], [503, 429, 504], [RESET], [RESET, 503, RESET], [408]]
)
def test_metadata_that_fail_for_a_while_are_asked_for_again(hub, tmp_path, faults):
    sound = audit(hub, tmp_path / "sound").drop(columns="audited")
    hub.faults.passing = {"/refs": list(faults), "/revision/": list(faults), "/resolve/": faults}
    assert audit(hub, tmp_path).drop(columns="audited").equals(sound)
    assert not any(hub.faults.passing.values())


def test_a_text_that_arrives_cut_is_not_believed(hub, tmp_path):
    hub.faults.cut["config.json"] = 1  # the client sees the missing bytes: it is asked for again
    assert findings(audit(hub, tmp_path)) == []
