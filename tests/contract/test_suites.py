"""Every suite file keeps the contract of `Suite`."""

from itertools import pairwise

import pytest

from ckpt_analyzer import plugins
from ckpt_analyzer.checkpoints.listed import with_listed_steps
from ckpt_analyzer.checkpoints.locating import pattern
from ckpt_analyzer.checkpoints.source import RevisionKey
from ckpt_analyzer.suite import ARMS, Suite

PACKAGE = "ckpt_analyzer.suites"


@pytest.fixture(params=plugins.names(PACKAGE))
def suite(request: pytest.FixtureRequest) -> Suite:
    return plugins.load(PACKAGE, request.param, "SUITE")


@pytest.mark.parametrize("key", plugins.names(PACKAGE))
def test_the_name_of_a_suite_is_the_name_of_its_file(key):
    assert plugins.load(PACKAGE, key, "SUITE").name == key


def test_facts_are_present(suite):
    for fact in (suite.title, suite.citation, suite.licence, suite.evidence):
        assert fact.strip()
    assert suite.link.startswith("https://") or suite.root is not None


NEEDED = {"repositories", "revisions", "steps", "tokens", "parameters", "licence"}


def test_every_kind_of_facts_says_how_it_is_known(suite):
    if suite.root is not None:
        return  # the facts are in its files
    told = [fact.about for fact in suite.facts]
    assert len(told) == len(set(told))
    assert set(told) >= NEEDED
    assert ("tuned models" in told) >= any(model.arm != "base" for model in suite.models)
    assert ("seeds" in told) == any(model.seed is not None for model in suite.models)
    assert ("known bad" in told) >= any(not bad.is_expected for bad in suite.known_bad)
    assert ("tokenizer" in told) == any(model.tokenizer_repo for model in suite.models)
    for fact in suite.facts:
        assert fact.source.strip()


def test_what_is_unverified_is_so_in_words_as_well(suite):
    if any(fact.standing == "unverified" for fact in suite.facts):
        assert "nverified" in suite.evidence


def test_models_have_names_of_their_own_and_no_checkpoint_twice(suite):
    assert len({model.name for model in suite.models}) == len(suite.models)
    places = [
        (model.repo, model.locating, model.name_at(step))
        for model in suite.models
        for step in model.steps
    ]
    assert len(set(places)) == len(places)


def test_seeds_tell_the_runs_of_a_repository_and_size_apart(suite):
    seeded = [model for model in suite.models if model.seed is not None]
    runs = {(model.repo, model.size, model.arm, model.seed) for model in seeded}
    assert len(runs) == len(seeded)


def test_counts_of_parameters_are_possible(suite):
    for model in suite.models:
        assert model.parameters >= 0
        if not model.parameters:  # what the Hub is asked for
            assert suite.root is None
            assert model.non_embedding_parameters is None
        assert model.stored_bytes_per_parameter in (1, 2, 4)
        if model.non_embedding_parameters is not None:
            assert 0 < model.non_embedding_parameters < model.parameters


def test_steps_ascend_and_are_told_apart_by_their_revisions(suite):
    for model in suite.models:
        assert model.steps == tuple(sorted(set(model.steps)))
        assert model.steps or model.is_open
        revisions = {suite.checkpoint(model, step).revision for step in model.steps}
        assert len(revisions) == len(model.steps)


def test_names_are_read_back_as_the_step_that_they_stand_for(suite):
    for model in suite.models:
        by_hand = {saved.step for saved in model.saved}
        for step in model.steps:
            read = model.read(model.name_at(step))
            assert read is not None or step in by_hand
            assert read is None or read.step == step


def test_tokens_grow_from_step_to_step(suite):
    for model in suite.models:
        if model.is_single_state:
            continue
        tokens = [model.tokens_at(step) for step in model.steps]
        assert tokens == sorted(set(tokens))
        assert all(value >= 0 for value in tokens)
        assert all(now.after_step < later.after_step
                   for now, later in pairwise(model.batch_changes))  # fmt: skip


def test_tokens_per_step_are_known_unless_one_state_is_published_or_names_tell_them(suite):
    for model in suite.models:
        assert model.tokens_per_step >= 0
        if model.is_single_state:
            assert model.arm != "base"
            assert model.steps == (1,)
        elif not model.tokens_per_step:
            assert "{tokens" in model.revision


def test_an_open_model_takes_in_what_the_hub_lists_in_its_names_and_nothing_else(suite):
    for model in (model for model in suite.models if model.is_open):
        assert with_listed_steps(model, {}).steps == model.steps
        last = model.steps[-1] if model.steps else 0
        stage = model.stages[-1] if model.stages else None
        name = pattern.fill(
            stage.revision if stage else model.revision,
            last + 1000 - (stage.offset if stage else 0),
            (last + 1000) * (model.tokens_per_step or 10**9),
        )
        keys = [RevisionKey(model.name, name), RevisionKey(model.name, "some-other-branch")]
        steps = with_listed_steps(model, dict.fromkeys(keys, "commit")).steps
        assert steps == (*model.steps, last + 1000)


def test_tuned_models_name_their_base_model(suite):
    for model in suite.models:
        assert model.arm in ARMS
        if model.arm == "base":
            assert model.base_model is None
            continue
        base = suite.model(model.base_model)
        assert base.arm == "base"
        assert base.size == model.size
        assert model.tokens_before > 0 or base.is_open


def test_checkpoints_known_as_bad_exist_and_are_linked(suite):
    for bad in suite.known_bad:
        model = suite.model(bad.model)
        assert set(bad.steps) <= set(model.steps) or model.is_open
        assert bad.steps
        assert bad.reason
        assert bad.link.startswith("https://")


def test_base_models_of_one_size_differ_in_seed_recipe_or_steps(suite):
    seen = {}
    for model in suite.models:
        if model.arm == "base" and model.parameters:
            key = (suite.name_of(model), model.parameters, model.seed)
            assert not set(model.steps) & set(seen.get(key, ())), (
                f"{model.name}: a curve over sizes cannot tell it from another of its size"
            )
            seen[key] = (*seen.get(key, ()), *model.steps)
