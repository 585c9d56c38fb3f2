"""Runs of several seeds: chosen in a sweep, told in the store, apart in every table."""

import json

import pytest

from ckpt_analyzer import suites
from ckpt_analyzer.errors import SweepError
from ckpt_analyzer.store.manifest import read_manifest
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.plan import SourcedSuite, selected_models
from ckpt_analyzer.tables import TRENDS, conform
from made_up_trends import trends
from store_factory import cell_key, random_scores, simple_unit, unit

SWEEP = "name: s\nsuites: [{suites}]\nsizes: [{size}]\ntasks: [memo-trap]\nstore: st\n{extra}"


def chosen(extra="", name="polypythias", size="14m", entry=None):
    text = SWEEP.format(suites=entry or name, size=size, extra=extra)
    sweep = parse_sweep(text, "s.yaml")
    sourced = SourcedSuite(suites.load(name), None, sweep.suites[0])
    return [model.name for model in selected_models(sourced, sweep)]


def test_all_runs_of_a_size_are_chosen_unless_seeds_are_named():
    assert chosen() == [f"pythia-14m-seed{seed}" for seed in range(1, 10)]
    assert chosen("seeds: [2, 7]\n") == ["pythia-14m-seed2", "pythia-14m-seed7"]
    assert chosen("seeds: 3\n") == ["pythia-14m-seed3"]
    assert chosen(entry="{suite: polypythias, seeds: 4}") == ["pythia-14m-seed4"]


def test_models_without_a_seed_are_not_affected():
    assert chosen("seeds: [2]\n", name="pythia") == ["pythia-14m"]


def test_a_seed_that_no_run_has_is_refused_with_those_that_exist():
    with pytest.raises(SweepError) as refused:
        chosen("seeds: [12]\n")
    assert "seed 12" in refused.value.problem
    assert "1, 2, 3" in refused.value.hint
    assert "s.yaml:6" in refused.value.where
    with pytest.raises(SweepError, match="seed 5"):
        chosen(entry="{suite: pythia, seeds: 5}", name="pythia")


def test_the_spread_of_data_and_weight_seeds_is_not_that_of_whole_runs():
    assert chosen("seeds: [1]\n", size="160m") == ["pythia-160m-seed1"]
    assert chosen("seeds: [1]\n", size="160m-data") == ["pythia-160m-data-seed1"]


def test_a_table_that_was_made_before_there_were_seeds_has_none():
    older = trends().drop(columns="seed")
    table = conform(older, TRENDS)
    assert table.column("seed").null_count == len(table)
    assert conform(older.assign(seed=4), TRENDS).column("seed").to_pylist()[0] == 4


def test_a_manifest_that_was_written_before_there_were_seeds_is_read(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    manifest = store.commit(*simple_unit())
    path = tmp_path / "store" / "units" / f"{manifest.unit_id}.json"
    content = json.loads(path.read_text())
    assert content.pop("seed") is None
    path.write_text(json.dumps(content))
    assert read_manifest(path).seed is None
    assert open_store(tmp_path / "store").trends()["seed"].isna().all()


def test_a_store_tells_the_seed_of_every_value_and_item(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    for seed in (1, 2):
        name = f"pythia-70m-seed{seed}"
        key = cell_key(repo=f"EleutherAI/{name}", commit=f"commit-of-{seed}")
        cells = {key: ("classification", random_scores(seed))}
        changes = {"model": name, "commit": f"commit-of-{seed}", "weights_sha256": f"w{seed}"}
        store.commit(*unit(cells, seed=seed, **changes))
    trends = store.trends(["accuracy"])
    assert dict(zip(trends["model"], trends["seed"], strict=True)) == {
        "pythia-70m-seed1": 1,
        "pythia-70m-seed2": 2,
    }
    items = store.items(metric="accuracy")
    assert set(items["seed"]) == {1, 2}
    assert list(store.runs()["seed"]) == [1, 2]


def test_every_table_names_the_recipe_with_the_suite():
    suite = suites.load("datadecide")
    families = {suite.checkpoint(model, model.steps[-1]).suite for model in suite.models
                if model.steps}  # fmt: skip
    assert len(families) == 25
    assert "datadecide dolma1_7" in families
    poly = suites.load("polypythias")
    assert {poly.name_of(model) for model in poly.models} == {
        "polypythias", "polypythias data seeds", "polypythias weight seeds",
    }  # fmt: skip
