"""Code that comes with a checkpoint runs only where the sweep says so, and only where needed."""

import json

import pytest

from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.cli.plan import show_plan
from ckpt_analyzer.errors import CheckpointError, SweepError
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.reporting.report import gather
from ckpt_analyzer.scoring.in_place import InPlaceModel
from ckpt_analyzer.scoring.load import load_model, load_tokenizer
from ckpt_analyzer.scoring.skeleton import config_in
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.suite import Model, Suite
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.execute import execute
from ckpt_analyzer.sweep.prepare import Overrides, plan_sweep
from command_line import ITEMS, SUITE
from hub_server import HubServer
from planted_code import MODULE, plant
from toy_checkpoint import write

TOY = SUITE / "toy-neox-36k" / "step4096"
SWEEP = """\
name: planted
suites: [{{path: '{suite}', tokens_per_step: 1}}]
tasks: ['{task}']
limit: 5
device: cpu
store: '{store}'
"""


@pytest.fixture(autouse=True)
def modules(tmp_path, monkeypatch):
    """Transformers keeps a copy of the code that it runs: here, not in the user's cache."""
    place = str(tmp_path / "modules")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", place)
    monkeypatch.syspath_prepend(place)


@pytest.fixture
def trace(tmp_path):
    return tmp_path / "code-was-run"


@pytest.fixture
def toy():
    return {path.name: path.read_bytes() for path in TOY.iterdir()}


def folder_of(tmp_path, files):
    return write(tmp_path / "suite" / "planted" / "step8", files)


def planned(tmp_path, extra=""):
    text = SWEEP.format(
        suite=tmp_path / "suite", task=ITEMS / "toy-grammar.jsonl", store=tmp_path / "store"
    )
    return plan_sweep(parse_sweep(text + extra, "planted.yaml"), Overrides())


def run(plan):
    told = []
    execute(plan, listener=told.append)
    return [event for event in told if isinstance(event, UnitStatus)]


def test_code_is_not_run_and_the_error_names_the_key(tmp_path, toy, trace):
    folder_of(tmp_path, plant(toy, trace))
    [status] = run(planned(tmp_path))
    assert status.state == "failed"
    assert "`trust_remote_code: true`" in status.problem
    assert not trace.exists()
    assert open_store(tmp_path / "store").manifests() == ()


def test_code_is_run_where_the_sweep_says_so_and_everybody_is_told(tmp_path, toy, trace, capsys):
    folder_of(tmp_path, plant(toy, trace))
    plan = planned(tmp_path, "trust_remote_code: true\n")
    show_plan(plan, as_json=False)
    assert "trust_remote_code:" in capsys.readouterr().err
    assert not trace.exists()
    [status] = run(plan)
    assert status.state == "done", status.problem
    assert trace.is_dir()
    report = gather(open_store(tmp_path / "store"))
    assert any("trust_remote_code" in warning for warning in report.warnings)


def test_a_sweep_without_the_key_says_nothing_of_it(tmp_path, toy, capsys):
    folder_of(tmp_path, toy)
    plan = planned(tmp_path)
    show_plan(plan, as_json=False)
    assert "trust_remote_code" not in capsys.readouterr().err
    assert run(plan)[0].state == "done"
    assert not any("trust" in each for each in gather(open_store(tmp_path / "store")).warnings)


def test_the_plan_as_data_tells_it_too(tmp_path, toy, capsys):
    folder_of(tmp_path, toy)
    show_plan(planned(tmp_path, "trust_remote_code: true\n"), as_json=True)
    assert json.loads(capsys.readouterr().out)["trust_remote_code"] is True


@pytest.mark.parametrize("value", ["1", "'true'", "[pythia]"])
def test_only_true_is_true(tmp_path, toy, value):
    folder_of(tmp_path, toy)
    with pytest.raises(SweepError, match="trust_remote_code"):
        planned(tmp_path, f"trust_remote_code: {value}\n")


@pytest.mark.parametrize("allowed", [False, True])
def test_code_is_never_run_where_transformers_has_its_own(tmp_path, toy, trace, allowed):
    folder = write(tmp_path / "m", plant(toy, trace, model_type="gpt_neox"))
    config_in(folder, trust_remote_code=allowed)
    assert load_model(folder, dtype="fp32", trust_remote_code=allowed).config.model_type
    assert not trace.exists()


def test_every_way_of_loading_refuses(tmp_path, toy, trace):
    folder = write(tmp_path / "m", plant(toy, trace))
    ways = [
        lambda: config_in(folder),
        lambda: load_model(folder, dtype="fp32"),
        lambda: InPlaceModel("fp32", "cpu").load(folder, iter(())),
    ]
    for way in ways:
        with pytest.raises(CheckpointError, match="trust_remote_code: true"):
            way()
    assert not trace.exists()


def test_a_tokenizer_with_code_is_refused_too(tmp_path, toy, trace):
    del toy["tokenizer.json"]
    planted = plant(toy, trace)
    auto_map = {"AutoTokenizer": ["planted.PlantedTokenizer", None]}
    planted["tokenizer_config.json"] = json.dumps({"auto_map": auto_map}).encode()
    with pytest.raises(CheckpointError, match="trust_remote_code: true"):
        load_tokenizer(write(tmp_path / "m", planted))
    assert not trace.exists()


def test_code_of_another_repository_is_never_run(tmp_path, toy, trace):
    planted = plant(toy, trace)
    planted["config.json"] = planted["config.json"].replace(b"planted.P", b"evil/repo--planted.P")
    folder = write(tmp_path / "m", planted)
    with pytest.raises(CheckpointError, match="another repository"):
        config_in(folder, trust_remote_code=True)
    assert not trace.exists()


def test_code_that_fails_is_an_error_of_the_checkpoint(tmp_path, toy, trace):
    planted = plant(toy, trace) | {MODULE: b"import math\nraise SystemError('old')\n"}
    with pytest.raises(CheckpointError, match="SystemError: old"):
        config_in(write(tmp_path / "m", planted), trust_remote_code=True)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_hub_is_asked_for_code_only_where_it_may_run(tmp_path, toy, trace, trusted):
    model = Model("toy", "36k", "org/toy", 36_224, None, (8,), 1)
    suite = Suite("s", "", (model,), "", "", "", "")
    with HubServer() as hub:
        hub.add("org/toy", "step8", plant(toy, trace) | {"sub/more.py": b"", "-x y.py": b""})
        source = HubSource(
            cache_dir=tmp_path / "cache",
            max_cache_bytes=10**7,
            endpoint=hub.endpoint,
            reading=HubReading(with_code=trusted, metadata_dir=tmp_path / "metadata"),
        )
        resolved = source.resolve(suite.checkpoint(model, 8))
        with source.fetch(resolved) as opened:
            names = {path.name for path in opened.folder.iterdir()}
        assert (MODULE in names, hub.count(".py")) == (trusted, int(trusted))
