"""What the rules of an audit find in made-up metadata, each fault planted alone."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer import suites
from ckpt_analyzer.checkpoints.audit import audit_model
from ckpt_analyzer.checkpoints.audit.records import AuditedModel, AuditedRevision
from ckpt_analyzer.checkpoints.inventory import Inventory, ListedFile
from ckpt_analyzer.suite import KnownBad, Model

STEPS = (0, 1, 2, 1000, 2000, 3000, 4000)
CONFIG = {
    "model_type": "gpt_neox", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "vocab_size": 100,
}  # fmt: skip
MODEL = Model("m-1", "1", "org/m-1", 3360, None, STEPS, 1000)
COMPANIONS = ("config.json", "tokenizer.json", "tokenizer_config.json")


def revision(step, weights=None, *, config=CONFIG, size=6720, companions=COMPANIONS, more=()):
    """A revision whose weight files have the given digests, one digest of its own by default."""
    digests = (f"weights of {step}",) if weights is None else weights
    shards = [
        f"model-{i:05d}-of-{len(digests):05d}.safetensors" for i in range(1, len(digests) + 1)
    ]
    names = ["model.safetensors"] if len(digests) == 1 else shards
    files = [ListedFile(n, size, d, d) for n, d in zip(names, digests, strict=True)]
    files += [ListedFile(name, 9, f"{name} {step}") for name in (*companions, *more)]
    inventory = Inventory(f"commit-{step}", tuple(sorted(files, key=lambda file: file.name)))
    return AuditedRevision(f"step{step}", step, inventory, tuple(names), config=config)


def main(weights):
    return dataclasses.replace(revision("main", weights), step=None, revision="main")


def audited(changed=None, *, model=MODEL, **facts):
    """A sound series, but for the revisions in `changed` (None: absent)."""
    by_step = {step: revision(step) for step in model.steps} | (changed or {})
    revisions = tuple(each for each in by_step.values() if each is not None)
    return AuditedModel("m", model, revisions, **facts)


def found(series, *kinds, standing="suspect"):
    """The steps at which something of these kinds (or any) is found, with that standing."""
    return [
        each.step
        for each in audit_model(series)
        if each.standing == standing and (not kinds or each.kind in kinds)
    ]


def test_a_sound_series_has_no_findings():
    assert audit_model(audited()) == ()


def test_early_steps_with_the_last_weights_are_suspect_and_the_last_is_not():
    series = audited({step: revision(step, ("end",)) for step in (2, 1000, 4000)})
    assert found(series) == [2, 1000]
    assert {each.reason for each in audit_model(series)} == {
        "holds the same weights as step4000, the end of training"
    }


def test_main_stands_for_the_end_where_the_last_step_is_not_there():
    series = audited({4000: None, 2: revision(2, ("end",)), "main": main(("end",))})
    assert found(series) == [2]


def test_main_stands_for_nothing_where_the_last_step_is_another():
    assert found(audited({2: revision(2, ("chosen",)), "main": main(("chosen",))})) == []


def test_equal_steps_in_the_middle_are_all_suspect_since_none_can_be_told_right():
    series = audited({step: revision(step, ("one",)) for step in (1000, 3000)})
    assert found(series) == [1000, 3000]
    assert "which of them is right cannot be told" in audit_model(series)[0].reason


def test_a_report_tells_which_of_equal_steps_is_right():
    bad = KnownBad("m-1", (4000,), "serves step 2000", "https://x/1")
    equal = {step: revision(step, ("one",)) for step in (2000, 4000)}
    series = audited(equal, known_bad=(bad,))
    assert set(found(series)) == {4000}
    assert {each.kind for each in audit_model(series)} == {"reported", "identical-weights"}


def test_a_report_alone_makes_a_checkpoint_suspect_and_is_linked():
    bad = KnownBad("m-1", (1000,), "wrong", "https://x/1")
    (finding,) = audit_model(audited(known_bad=(bad,)))
    assert (finding.step, finding.standing, finding.link) == (1000, "suspect", "https://x/1")


def test_steps_0_and_1_may_be_equal():
    series = audited({step: revision(step, ("start",)) for step in (0, 1)})
    assert found(series) == []
    assert found(series, "identical-weights", standing="expected") == [0, 1]


def test_steps_that_a_report_expects_to_be_equal_are_told_once_with_its_link():
    report = KnownBad("m-1", (1000, 2000), "equal", "https://x/1", is_expected=True)
    equal = {step: revision(step, ("same",)) for step in (1000, 2000)}
    told = audit_model(audited(equal, known_bad=(report,)))
    assert [(each.step, each.standing, each.link) for each in told] == [
        (1000, "expected", "https://x/1"), (2000, "expected", "https://x/1"),
    ]  # fmt: skip
    equal[3000] = revision(3000, ("same",))
    assert found(audited(equal, known_bad=(report,)), "identical-weights") == [1000, 2000, 3000]


def test_step_0_with_the_weights_of_main_is_suspect_though_the_last_step_is_not_there():
    series = audited({4000: None, 0: revision(0, ("end",)), "main": main(("end",))})
    assert found(series) == [0]


def test_a_start_that_is_the_end_is_suspect_though_its_first_steps_may_be_equal():
    assert found(audited({step: revision(step, ("x",)) for step in (0, 1, 4000)})) == [0, 1]


def test_a_shard_of_the_last_step_makes_another_step_suspect():
    shards = {step: revision(step, (f"a{step}", f"b{step}")) for step in STEPS}
    shards[2000] = revision(2000, ("a4000", "b2000"))
    (finding,) = audit_model(audited(shards))
    assert (finding.step, finding.kind, finding.standing) == (2000, "shared-shard", "suspect")
    assert "model-00001-of-00002.safetensors as step4000" in finding.reason


def test_shards_of_weights_that_are_the_same_as_a_whole_are_not_told_again():
    shards = {step: revision(step, (f"a{step}", f"b{step}")) for step in STEPS}
    shards[1000] = revision(1000, ("a4000", "b4000"))
    shards[2000] = revision(2000, ("a4000", "b2000"))
    told = {(each.step, each.kind) for each in audit_model(audited(shards))}
    assert told == {(1000, "identical-weights"), (2000, "shared-shard")}


def test_a_revision_without_loadable_weights_is_suspect():
    broken = dataclasses.replace(revision(2), weights=(), problem="there are no weights")
    assert found(audited({2: broken}), "missing-file") == [2]


def test_a_missing_companion_is_noted():
    series = audited({2: revision(2, companions=COMPANIONS[:2])})
    assert found(series) == []
    (finding,) = audit_model(series)
    assert finding.reason == "lacks tokenizer_config.json, which most revisions have"


def test_a_foreign_file_is_noted_and_a_text_is_not():
    series = audited({2: revision(2, more=("adapter_model.bin", "README.md"))})
    (finding,) = audit_model(series)
    assert (finding.kind, finding.standing) == ("foreign-file", "note")
    assert finding.reason == "has adapter_model.bin, which most revisions do not have"


@pytest.mark.parametrize(("size", "standing"), [(3000, "suspect"), (13440, "note")])
def test_weights_of_another_size_are_suspect_unless_only_their_dtype_differs(size, standing):
    assert found(audited({2: revision(2, size=size)}), "weight-size", standing=standing) == [2]


def test_a_configuration_of_another_size_is_suspect():
    series = audited({2: revision(2, config=CONFIG | {"num_hidden_layers": 3})})
    assert found(series, "config-size") == [2]
    assert found(series, "config-differs") == [2]


def test_a_configuration_of_another_architecture_and_equal_size_is_suspect():
    series = audited({2: revision(2, config=CONFIG | {"rotary_pct": 1.0})})
    assert found(series, "config-size") == []
    assert found(series, "config-differs") == [2]


def test_where_all_configurations_contradict_the_suite_it_is_noted():
    series = audited(model=dataclasses.replace(MODEL, parameters=1))
    assert found(series) == []
    assert len(found(series, "config-size", standing="note")) == len(STEPS)


def test_missing_steps_and_unknown_refs_are_noted_where_all_steps_were_read():
    refs = frozenset({f"step{step}" for step in STEPS} | {"main", "step9", "pr-1"})
    series = audited({1000: None}, refs=refs)
    assert found(series, "missing-step", standing="note") == [1000]
    unknown = [each for each in audit_model(series) if each.kind == "unknown-ref"]
    assert [(each.revision, "this step" in each.reason) for each in unknown] == [
        ("pr-1", False), ("step9", True),
    ]  # fmt: skip
    assert found(dataclasses.replace(series, is_whole=False), standing="note") == []


def test_the_reported_state_of_pythia_2_8b_is_found_from_its_metadata():
    # Issue 205: main and 74 branches serve one blob, step143000 and 11 more another.
    suite = suites.load("pythia")
    reports = tuple(bad for bad in suite.known_bad if bad.model == "pythia-2.8b")
    model = dataclasses.replace(suite.model("2.8b"), parameters=MODEL.parameters)
    second = {54_000, *range(56_000, 60_000, 1000), *range(61_000, 65_000, 1000), 143_000}
    reported = {step for bad in reports if not bad.is_expected for step in bad.steps}
    served = {
        step: revision(step, ("second" if step in second else "first",))
        for step in reported | second
    }
    series = audited(served | {"main": main(("first",))}, model=model, known_bad=reports)
    assert len(reported) == 85
    assert set(found(series, "identical-weights")) == reported
    assert set(found(series)) == reported
    assert set(found(dataclasses.replace(series, known_bad=()))) == reported  # without the report


@given(st.lists(st.integers(0, 3), min_size=len(STEPS), max_size=len(STEPS)))
def test_of_revisions_with_equal_weights_at_most_one_is_trusted(contents):
    # 0: weights of its own; 1, 2, 3: contents that steps may share.
    series = audited(
        {
            step: revision(step, (f"shared {content}",))
            for step, content in zip(STEPS, contents, strict=True)
            if content
        }
    )
    suspect = set(found(series))
    for content in (1, 2, 3):
        sharing = {s for s, c in zip(STEPS, contents, strict=True) if c == content}
        if sharing == {0, 1}:
            assert not sharing & suspect
        elif len(sharing) > 1:
            assert len(sharing - suspect) == (1 if STEPS[-1] in sharing else 0)
        else:
            assert not sharing & suspect
    assert not {s for s, c in zip(STEPS, contents, strict=True) if not c} & suspect


@given(st.permutations(STEPS))
def test_findings_do_not_depend_on_the_order_of_reading(order):
    planted = {step: revision(step, ("end",)) for step in (2, 4000)}
    series = audited(planted)
    shuffled = tuple(sorted(series.revisions, key=lambda each: order.index(each.step)))
    assert audit_model(dataclasses.replace(series, revisions=shuffled)) == audit_model(series)
