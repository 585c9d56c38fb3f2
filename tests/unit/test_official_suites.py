"""The declared suites say what the compiled registry of public suites says."""

import json

import pytest

from ckpt_analyzer import plugins
from ckpt_analyzer.suite import Model, Suite


def load(name: str) -> Suite:
    return plugins.load("ckpt_analyzer.suites", name, "SUITE")


@pytest.fixture
def registry(shared_data):
    return json.loads((shared_data / "suites" / "registry.json").read_text())


def bases(name: str) -> dict[str, Model]:
    return {model.size: model for model in load(name).models if model.arm == "base"}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["pythia", "pythia-deduped", "polypythias"])
def test_pythia_agrees_with_the_registry(registry, name):
    facts = registry["pythia"]
    for model in load(name).models:
        if model.arm == "base":
            sizes = facts["sizes"][model.size.split("-")[0]]
            assert model.steps == tuple(facts["steps"])
            assert model.tokens_per_step == facts["tokens_per_step"]
            assert model.parameters == sizes["total"]
            assert model.non_embedding_parameters == sizes["non_embedding"]


@pytest.mark.shared_data
@pytest.mark.parametrize("size", ["1b", "7b", "13b", "32b"])
def test_olmo2_agrees_with_the_registry(registry, size):
    suite = load("olmo2")
    model = suite.model(size)
    facts = registry["olmo2"][model.repo]
    assert suite.checkpoint(model, model.steps[-1]).revision == facts["final_stage1"]
    assert model.tokens_per_step == facts["tokens_per_step"]
    assert model.parameters == facts["total"]
    assert model.non_embedding_parameters == facts["non_embedding"]


@pytest.mark.shared_data
def test_olmo1_agrees_with_the_registry(registry):
    facts = registry["olmo1"]["repos"]
    for model in load("olmo1").models:
        stated = facts[model.repo]
        assert model.parameters == stated.get("total", 0)
        assert model.non_embedding_parameters == stated.get("non_embedding")
        assert model.tokens_per_step == stated.get("tokens_per_step", 0)
        if "first" in stated:
            assert model.name_at(model.steps[0]) == stated["first"]
            assert model.name_at(model.steps[-1]) == stated["last"]


@pytest.mark.shared_data
def test_olmo3_agrees_with_the_registry(registry):
    facts = registry["olmo3"]["allenai/Olmo-3-1025-7B"]
    model = load("olmo3").model("7b")
    for stage, last in facts["stage_last"].items():
        end = model.read(f"{stage}-step{last}").step
        tokens = model.tokens_at(end) - model.tokens_at(end - 1)
        assert tokens == facts["stage_tokens_per_step"][stage]
    assert model.parameters == facts["total"]
    larger = registry["olmo3"]["allenai/Olmo-3-1125-32B"]["stage_tokens_per_step"]
    assert load("olmo3").model("32b").tokens_per_step == larger["stage1"]


@pytest.mark.shared_data
def test_amber_agrees_with_the_registry(registry):
    facts = registry["amber"]
    model = load("amber").model("amber")
    assert (model.name_at(1), model.name_at(359)) == ("ckpt_000", "ckpt_358")
    assert model.name_at(model.steps[-1]) == "main"
    assert model.tokens_per_step == int(facts["tokens_per_ckpt"])
    assert model.parameters == facts["total"]
    assert model.non_embedding_parameters == facts["non_embedding"]
    assert load("amber").models[1].repo == facts["instruct"]


@pytest.mark.shared_data
def test_bloom_agrees_with_the_registry(registry):
    facts = registry["bloom"]
    for size, model in bases("bloom").items():
        assert model.parameters == facts["total"][size]
        assert model.non_embedding_parameters == facts["non_embedding"][size]
        listed = {"560m": "560m,1b1", "1b1": "560m,1b1", "1b7": "1b7"}.get(size)
        assert model.steps == (tuple(facts["steps"][listed]) if listed else ())
        assert model.tokens_per_step == (524_288 if listed == "560m,1b1" else 1_048_576)


@pytest.mark.shared_data
def test_tinyllama_agrees_with_the_registry(registry):
    facts = registry["tinyllama"]
    for model in load("tinyllama").models:
        assert model.parameters == facts["total"]
        assert model.non_embedding_parameters == facts["non_embedding"]
    model = load("tinyllama").model("tinyllama-1.1b")
    assert model.tokens_per_step == facts["tokens_per_step"]
    assert load("tinyllama").models[-1].repo == facts["instruct"]


@pytest.mark.shared_data
def test_smollm_agrees_with_the_registry(registry):
    for size, model in bases("smollm2").items():
        facts = registry["smollm2"][f"HuggingFaceTB/SmolLM2-{size}-intermediate-checkpoints"]
        assert model.repo.endswith(f"{size}-intermediate-checkpoints")
        assert model.tokens_per_step == facts["tokens_per_step"]
        assert model.parameters == facts["total"]
        assert model.non_embedding_parameters == facts["non_embedding"]
    assert [len(model.steps) for model in bases("smollm2").values()] == [8, 0, 41]
    facts, model = registry["smollm3"], load("smollm3").model("3b")
    assert (model.repo, model.tokens_per_step) == (facts["repo"], facts["tokens_per_step"])
    assert model.parameters == facts["total"]
    assert model.non_embedding_parameters == facts["non_embedding"]
    assert len(model.steps) == 86 + 19 + 13
    assert load("smollm3").models[1].repo == facts["instruct"]


@pytest.mark.shared_data
def test_pico_and_mistral_gpt2_agree_with_the_registry(registry):
    for name, key in (("pico", "pico"), ("mistral-gpt2", "mistral-gpt2")):
        facts = registry[key]
        for size, model in bases(name).items():
            assert model.parameters == facts["total"][size]
            assert model.non_embedding_parameters == facts["non_embedding"][size]
            assert model.tokens_per_step == facts["tokens_per_step"]
    assert len(load("mistral-gpt2").models[0].steps) == 609


def test_pythia_has_ten_sizes_and_eight_of_them_deduplicated():
    assert list(bases("pythia")) == [
        "14m", "31m", "70m", "160m", "410m", "1b", "1.4b", "2.8b", "6.9b", "12b",
    ]  # fmt: skip
    assert load("pythia-deduped").models[0].name == "pythia-70m-deduped"
    assert len(bases("pythia-deduped")) == 8


def test_polypythias_have_nine_seeds_of_five_sizes_and_two_kinds_of_partial_ones():
    seeds = {}
    for model in load("polypythias").models:
        seeds.setdefault(model.size, []).append(model.seed)
    assert seeds == {
        **{size: [*range(1, 10)] for size in ("14m", "31m", "70m", "160m", "410m")},
        "160m-data": [1, 2, 3],
        "160m-weight": [1, 2, 3],
    }


def test_datadecide_has_three_seeds_of_25_recipes_at_14_sizes():
    models = load("datadecide").models
    assert len(models) == 25 * 14 * 3
    assert len({model.repo for model in models}) == 25 * 14
    large = [model.name_at(1250) for model in models if model.repo.endswith("c4-1B")]
    assert large == [f"step1250-seed-{name}" for name in ("default", "large-aux-2", "large-aux-3")]


def test_apertus_8b_reaches_the_published_fifteen_trillion_tokens():
    model = load("apertus").model("8b")
    assert len(model.steps) == 44
    assert model.name_at(1_194_000) == "step1194000-tokens5014B"
    assert model.name_at(1_800_000) == "step1800000-tokens8072B"
    assert model.tokens_at(model.steps[-1]) == pytest.approx(15e12, rel=1e-4)


def test_the_growing_batch_of_lucie_comes_to_the_published_number_of_sequences():
    model = load("lucie").model("7b")
    assert abs(model.tokens_at(753_851) / 4096 - 762_144_586) < 1024  # less than one batch
    assert len([step for step in model.steps if step <= 753_851]) == 35


def test_the_places_of_crystal_pico_and_map_neo_are_those_that_others_use():
    crystal = load("crystal").model("7b")
    assert crystal.name_at(crystal.steps[-1]) == "CrystalCoder_phase3_checkpoint_027728"
    pico = load("pico")
    checkpoint = pico.checkpoint(pico.model("tiny"), 1000)
    assert checkpoint.revision == "Saving HF Model -- Step 1000"
    neo = load("map-neo")
    checkpoint = neo.checkpoint(neo.model("250M"), 16_780)
    assert checkpoint.place.subfolder == "hf_ckpt/16.78B"
    assert checkpoint.tokens == 16_780_000_000


def test_the_branches_of_pythia_2_8b_with_final_weights_are_suspect():
    suite = load("pythia")
    model = suite.model("2.8b")
    suspect = {
        step
        for step in model.steps
        if "issues/205" in (suite.suspicion(suite.checkpoint(model, step)) or "")
    }
    assert len(suspect) == 85  # of 86 reported branches, step143000 may hold the last weights
    assert {0, 512, 53_000, 60_000, 103_000, 140_000} <= suspect
    assert not {66_000, 101_000, 143_000} & suspect


def test_a_revision_names_the_tokens_seen_rounded_up_to_billions():
    suite = load("olmo2")
    model = suite.model("olmo-2-1124-7b")
    assert suite.checkpoint(model, 101_000).revision == "stage1-step101000-tokens424B"
    assert suite.checkpoint(model, 300_000).revision == "stage1-step300000-tokens1259B"
    early = suite.model("olmo-2-0425-1b-early-training")
    assert suite.checkpoint(early, 0).revision == "stage1-step0-tokens0B"


def test_a_tuned_model_of_one_state_counts_the_tokens_of_its_base_model():
    suite = load("olmo2")
    tuned = suite.checkpoint(suite.model("olmo-2-1124-7b-instruct"), 1)
    assert tuned.revision == "main"
    assert tuned.arm_tokens == 0
    assert tuned.tokens == 928_646 * 4_194_304
