"""Equal weights are scored once; what is not equal in all that matters is scored."""

import dataclasses

import pytest

from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint, WeightFile
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.suite import Model, Suite
from ckpt_analyzer.sweep.copies import EqualWeights
from ckpt_analyzer.sweep.plan import Unit
from store_factory import cell_key, random_scores, unit

MODEL = Model("pythia-70m", "70m", "EleutherAI/pythia-70m", 1, None, (1, 2, 3), 1000)
SUITE = Suite("pythia", "P", (MODEL,), "", "", "", "")
FILES = (WeightFile("model.safetensors", 9, "a" * 64),)


def resolved(step, files=FILES, companions="c"):
    return ResolvedCheckpoint(
        SUITE.checkpoint(MODEL, step), f"commit-of-{step}", files, companions_digest=companions
    )


def planned(step, *tasks, **changes):
    cells = tuple(cell_key(task, step, **changes) for task in tasks)
    return Unit(SUITE.checkpoint(MODEL, step), None, cells, "why")


def scored(step, *tasks):
    cells = {cell_key(task, step): ("classification", random_scores(step)) for task in tasks}
    sha256 = resolved(step).weights_sha256
    return unit(cells, step, weights_sha256=sha256, companions_digest="c")


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "store", create=True)
    opened.commit(*scored(1, "a", "b"))
    return opened


def test_cells_of_equal_weights_are_taken_over_and_the_rest_is_left(store):
    copied = EqualWeights(store).copy(planned(2, "a", "z"), resolved(2), "s" * 64)
    assert [cell.task for cell in copied.left.cells] == ["z"]
    assert copied.notes == ("has the weights of pythia-70m@step1: its scores were taken over",)
    (made,) = [each for each in store.manifests() if each.step == 2]
    assert (made.copied_from, made.suspect, made.seconds_score) == ("pythia-70m@step1", "why", 0)
    assert [cell.key for cell in made.cells] == [cell_key("a", 2)]
    values = store.trends(["accuracy"]).query("task == 'a'").set_index("step")
    assert values.loc[1, "value"] == values.loc[2, "value"]
    assert values.loc[2, "tokens"] == 2000
    assert store.verify() == ()


@pytest.mark.parametrize(
    ("asked", "checkpoint"),
    [
        (planned(2, "a"), resolved(2, (WeightFile("model.safetensors", 9, "b" * 64),))),
        (planned(2, "a"), resolved(2, companions="another tokenizer")),
        (planned(2, "a"), resolved(2, companions="")),
        (planned(2, "a", dtype="bfloat16"), resolved(2)),
        (planned(2, "a", shots=5, shot_seed=0), resolved(2)),
        (planned(2, "a", task_sha256="0" * 64), resolved(2)),
        (planned(2, "a", scorer_version="2"), resolved(2)),
        (planned(2, "z"), resolved(2)),
    ],
    ids=["weights", "tokenizer", "unknown", "dtype", "shots", "data", "scorer", "task"],
)
def test_what_differs_in_anything_is_left_to_score(store, asked, checkpoint):
    copied = EqualWeights(store).copy(asked, checkpoint, "s" * 64)
    assert copied == dataclasses.replace(copied, left=asked, notes=())
    assert len(store.manifests()) == 1


def test_what_is_stored_meanwhile_is_known_and_a_copy_names_what_was_scored(store):
    equal = EqualWeights(store)
    other = (WeightFile("model.safetensors", 9, "b" * 64),)
    assert equal.copy(planned(3, "a"), resolved(3, other), "s" * 64).left.cells
    draft, table = scored(2, "z")
    equal.add(store.commit(draft, table))
    copied = equal.copy(planned(3, "a", "z"), resolved(3), "s" * 64)
    assert copied.left.cells == ()
    made = [each for each in store.manifests() if each.step == 3]
    assert {each.copied_from for each in made} == {"pythia-70m@step1", "pythia-70m@step2"}


def test_a_donor_that_was_altered_is_not_copied_in_silence(store):
    (manifest,) = store.manifests()
    path = store.path / "units" / manifest.parquet
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="not what was written"):
        EqualWeights(store).copy(planned(2, "a"), resolved(2), "s" * 64)
