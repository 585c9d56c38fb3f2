"""A report says which prompts hold fewer examples than were asked for."""

import dataclasses
import json

import pytest

from ckpt_analyzer.reporting.shots import cut_shots
from ckpt_analyzer.store.manifest import read_manifest
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.store.tally import ShotsUsed, tally
from store_factory import cell_key, random_scores, simple_unit, unit


def few_shot_unit(step, n_cut, n_used, model="pythia-70m"):
    key = cell_key(
        step=step, shots=25, shot_seed=0, prompt_format="raw", prompt_rules='{"shots": {}}'
    )
    scores = random_scores(step)
    draft, table = unit({key: ("classification", scores)}, step, model=model)
    counted = tally(key, "classification", scores, ShotsUsed(n_cut, n_used))
    return dataclasses.replace(draft, cells=(counted,)), table


def test_prompts_that_were_cut_are_told_once_per_model(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    for step in (1, 2):
        store.commit(*few_shot_unit(step, 6, 100))
    store.commit(*few_shot_unit(3, 0, 200, model="pythia-160m"))
    store.commit(*simple_unit(4))
    assert cut_shots(store.manifests()) == [
        "memo-trap, 25-shot: examples that do not fit into the context were left out (pythia-70m: "
        "6 of 8 prompts, 12.5 examples on average)."
    ]
    (counts,) = set(store.runs().query("step < 3")["n_shots_cut"])
    assert counts == 6


def test_a_unit_without_examples_keeps_the_name_that_it_had_before(tmp_path):
    """Stores that were written before prompts had rules are read, and found done."""
    store = open_store(tmp_path / "store", create=True)
    manifest = store.commit(*simple_unit(4))
    path = next((tmp_path / "store" / "units").glob("*.json"))
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        assert cell["key"].pop("prompt_rules") == ""
        assert cell.pop("n_shots_cut") == 0
        assert cell.pop("n_shots_used") is None
    path.write_text(json.dumps(content))
    assert read_manifest(path) == manifest
    assert store.done_cells() == {cell.key for cell in manifest.cells}


@pytest.mark.parametrize("changes", [{"prompt_rules": "a"}, {"prompt_rules": "b"}])
def test_other_rules_are_another_unit(changes):
    one, _ = simple_unit(4)
    key = cell_key(step=4, **changes)
    other, _ = unit({key: ("classification", random_scores(0))}, 4)
    assert one.unit_id != other.unit_id
