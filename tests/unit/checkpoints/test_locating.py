"""Every way in which publishers lay out checkpoints, end to end on a Hub, with the real client."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.checkpoints.audit.reading import Question, read_model
from ckpt_analyzer.checkpoints.audit.table import audit_table
from ckpt_analyzer.checkpoints.download import Line
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.listed import listed_models
from ckpt_analyzer.checkpoints.locating import pattern
from ckpt_analyzer.checkpoints.locating.commit_title import CommitTitle
from ckpt_analyzer.checkpoints.locating.revision_name import RevisionName
from ckpt_analyzer.checkpoints.locating.separate_repos import SeparateRepos
from ckpt_analyzer.checkpoints.locating.subfolder import Subfolder
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.suite import BatchChange, Model, Saved, Stage, Suite
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.plan import PlannedTask, SourcedSuite, make_plan
from ckpt_analyzer.tasks import load as load_task
from hub_server import HubServer
from received import received
from toy_checkpoint import PARAMETERS, files, safetensors_bytes, tensor_bytes

REPO = "org/toy"
STEPS = (1000, 2000, 3000)


def model(**changes):
    facts = {
        "name": "toy", "size": "36k", "repo": REPO, "parameters": 36_000,
        "non_embedding_parameters": None, "steps": STEPS, "tokens_per_step": 10_000_000,
    }  # fmt: skip
    return Model(**(facts | changes))


def by_branch(hub, steps):
    for step in steps:
        hub.add(REPO, f"step{step}", files(fill=step // 1000))
    return model()


def by_tag(hub, steps):
    for step in steps:
        hub.add(REPO, f"global_step{step}", files(fill=step // 1000), tag=True)
    hub.add(REPO, "main", {"README.md": b"weights are in the tags"})
    return model(revision="global_step{step}")


def by_commit(hub, steps):
    hub.commits_per_page = 2
    hub.add(REPO, "main", {"README.md": b"weights are on another branch"})
    hub.add(REPO, "toy-1", {".gitattributes": b""}, title="initial commit")
    for step in steps:
        hub.add(REPO, "toy-1", files(fill=step // 1000), title=f"Saving HF Model -- Step {step}")
        hub.add(REPO, "toy-1", {"eval.json": b"%d" % step}, title=f"Saving Evaluation {step}")
    return model(revision="Saving HF Model -- Step {step}", locating=CommitTitle("toy-1"))


def by_subfolder(hub, steps):
    content = {"README.md": b"weights are in folders", "other/16.78B/config.json": b"{}"}
    for step in steps:
        folder = f"hf_ckpt/{step / 100:.2f}B"
        content |= {f"{folder}/{name}": data for name, data in files(fill=step // 1000).items()}
        content[f"{folder}/deeper/model.safetensors"] = b"not right in the folder"
    hub.add(REPO, "main", content)
    return model(revision="hf_ckpt/{tokens_decimal}B", locating=Subfolder("hf_ckpt"))


def by_repo(hub, steps):
    for step in steps:
        hub.add(f"{REPO}-step-{step}", "main", files(fill=step // 1000))
    saved = tuple(Saved(step, f"{REPO}-step-{step}") for step in STEPS)
    return model(repo=saved[-1].name, saved=saved, locating=SeparateRepos())


LAYOUTS = (by_branch, by_tag, by_commit, by_subfolder, by_repo)


def suite_of(*models):
    return Suite("toy", "Toy", models, "", "", "", "")


def source_of(hub, tmp_path):
    return HubSource(
        reading=HubReading(
            line=Line(pause=lambda seconds: None), metadata_dir=tmp_path / "metadata"
        ),
        cache_dir=tmp_path / "cache",
        max_cache_bytes=10**6,
        endpoint=hub.endpoint,
    )


@pytest.fixture(params=[False, True], ids=["plain", "signed"])
def hub(request):
    with HubServer(signed=request.param) as server:
        yield server


@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_of_every_step_come_from_where_the_layout_keeps_them(hub, tmp_path, layout):
    toy = layout(hub, STEPS)
    suite, source = suite_of(toy), source_of(hub, tmp_path)
    commits = source.commits([toy])
    for step in STEPS:
        checkpoint = suite.checkpoint(toy, step)
        resolved = source.resolve(checkpoint)
        assert commits["toy", checkpoint.revision] == resolved.commit
        content = safetensors_bytes(fill=step // 1000)
        assert [f.sha256 for f in resolved.weight_files] == [hashlib.sha256(content).hexdigest()]
        with source.fetch(resolved) as opened:
            assert received(opened.slices()) == tensor_bytes(fill=step // 1000)
            names = {path.name for path in opened.folder.iterdir()}
            assert names == {"config.json", "tokenizer.json"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_checkpoint_is_found_without_a_listing_beforehand(hub, tmp_path, layout):
    toy = layout(hub, STEPS)
    resolved = source_of(hub, tmp_path).resolve(suite_of(toy).checkpoint(toy, 2000))
    assert [f.name for f in resolved.weight_files] == ["model.safetensors"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_step_that_the_hub_lacks_is_missing_in_the_audit(hub, tmp_path, layout):
    toy = layout(hub, (1000, 3000))
    suite, source = suite_of(toy), source_of(hub, tmp_path)
    read = read_model(Question(suite, toy, source, source.commits([toy])), STEPS)
    rows = audit_table(read)
    assert list(rows[rows["finding"] == "missing-step"]["step"]) == [2000]
    assert list(rows[rows["standing"] == "sound"]["step"]) == [1000, 3000]
    with pytest.raises(CheckpointError):
        source_of(hub, tmp_path).resolve(suite.checkpoint(toy, 2000))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_equal_weights_at_two_steps_are_suspect_whatever_the_layout(hub, tmp_path, layout):
    toy = layout(hub, (1000, 3000))
    later = {REPO: files(fill=3)}
    if layout is by_branch:
        hub.add(REPO, "step2000", later[REPO])
    elif layout is by_tag:
        hub.add(REPO, "global_step2000", later[REPO], tag=True)
    elif layout is by_commit:
        hub.add(REPO, "toy-1", later[REPO], title="Saving HF Model -- Step 2000")
    elif layout is by_subfolder:
        repo = hub.repos["models", REPO]
        content = {f"hf_ckpt/20.00B/{name}": data for name, data in later[REPO].items()}
        hub.add(REPO, "main", {**repo.commits[repo.branches["main"]], **content})
    else:
        hub.add(f"{REPO}-step-2000", "main", later[REPO])
    source = source_of(hub, tmp_path)
    read = read_model(Question(suite_of(toy), toy, source, source.commits([toy])), STEPS)
    rows = audit_table(read)
    suspect = rows[rows["standing"] == "suspect"]
    assert list(suspect["step"]) == [2000]
    assert set(suspect["finding"]) == {"identical-weights"}


def test_of_two_commits_with_one_title_the_newer_counts(hub, tmp_path):
    toy = by_commit(hub, (1000,))
    hub.add(REPO, "toy-1", files(fill=9), title="Saving HF Model -- Step 1000")
    source = source_of(hub, tmp_path)
    with source.fetch(source.resolve(suite_of(toy).checkpoint(toy, 1000))) as opened:
        assert received(opened.slices()) == tensor_bytes(fill=9)


def test_a_branch_without_history_has_no_checkpoints(hub, tmp_path):
    toy = by_commit(hub, (1000,))
    other = model(revision=toy.revision, locating=CommitTitle("toy-2"))
    assert source_of(hub, tmp_path).commits([other]) == {}


def test_models_that_share_a_repository_cost_one_request(hub, tmp_path):
    for seed in ("default", "aux-2"):
        for step in STEPS:
            hub.add(REPO, f"step{step}-seed-{seed}", files(fill=step // 1000 + len(seed)))
    models = [
        model(name=f"toy-{seed}", revision=f"step{{step}}-seed-{seed}", seed=i)
        for i, seed in enumerate(("default", "aux-2"))
    ]
    source = source_of(hub, tmp_path)
    commits = source.commits(models)
    assert len(hub.requests) == 1
    rows = audit_table(read_model(Question(suite_of(*models), models[0], source, commits), STEPS))
    assert list(rows["standing"]) == ["sound"] * 3  # the refs of the other seed are no riddle


def test_a_tokenizer_of_another_repository_is_laid_beside_the_weights(hub, tmp_path):
    hub.add(REPO, "step1000", {k: v for k, v in files(1).items() if k != "tokenizer.json"})
    hub.add("org/final", "main", {"tokenizer.json": b'{"a": 1}', "config.json": b"{}"})
    toy = model(tokenizer_repo="org/final")
    source = source_of(hub, tmp_path)
    resolved = source.resolve(suite_of(toy).checkpoint(toy, 1000))
    with source.fetch(resolved) as opened:
        assert (opened.folder / "tokenizer.json").read_bytes() == b'{"a": 1}'
        assert (opened.folder / "config.json").read_bytes() == files(1)["config.json"]
    hub.add("org/final", "main", {"tokenizer.json": b'{"a": 2}', "config.json": b"{}"})
    again = source_of(hub, tmp_path).resolve(suite_of(toy).checkpoint(toy, 1000))
    assert again.companions_digest != resolved.companions_digest  # other tokens, other scores


def test_a_tokenizer_of_another_repository_is_part_of_the_address_of_a_score(hub, tmp_path):
    toy = model(tokenizer_repo="org/final", steps=(1000,))
    hub.add(REPO, "step1000", files(1))
    text = "name: s\nsuites: [pythia]\ntasks: [memo-trap]\nstore: st\n"
    sweep = parse_sweep(text, "s.yaml")
    tasks = [PlannedTask(load_task("memo-trap"), "t", 10, 100, 10.0)]

    def plan(done=frozenset()):
        sourced = SourcedSuite(suite_of(toy), source_of(hub, tmp_path), sweep.suites[0])
        return make_plan(sweep, [sourced], tasks, done)

    def cells(readme, tokenizer):
        content = {"tokenizer.json": tokenizer, "README.md": readme}
        hub.add("org/final", "main", content)
        return plan().units[0].cells

    first = cells(b"a", b"{}")
    assert first[0].tokenizer
    assert cells(b"another", b"{}") == first  # what is no tokenizer changes no score
    second = cells(b"another", b'{"a": 1}')
    assert second != first
    assert plan(set(first)).units[0].cells == second
    assert plan(set(second)).units == ()


def test_the_steps_of_an_open_model_are_those_that_the_hub_lists(hub, tmp_path):
    for name in ("step1000-tokens4B", "step2000-tokens8B", "step3000-tokens11B", "main", "fix"):
        hub.add(REPO, name, files())
    toy = model(
        steps=(1000, 4000),
        saved=(Saved(1000, "step1000-tokens4B"), Saved(4000, "step4000-tokens15B")),
        revision="step{step}-tokens{tokens_b}B",
        tokens_per_step=4_194_304,
        is_open=True,
    )
    (found,) = listed_models(suite_of(toy), [toy], source_of(hub, tmp_path)).models
    assert found.steps == (1000, 2000, 3000, 4000)
    assert [found.name_at(step) for step in found.steps] == [
        "step1000-tokens4B", "step2000-tokens8B", "step3000-tokens11B", "step4000-tokens15B",
    ]  # fmt: skip
    assert found.tokens_at(3000) == 3000 * 4_194_304


def test_where_only_names_tell_the_tokens_they_are_taken_from_there(hub, tmp_path):
    hub.add(REPO, "step1000-tokens4B", files())
    hub.add(REPO, "step2000-tokens13B", files())
    toy = model(steps=(), revision="step{step}-tokens{tokens_b}B", tokens_per_step=0, is_open=True)
    (found,) = listed_models(suite_of(toy), [toy], source_of(hub, tmp_path)).models
    assert [found.tokens_at(step) for step in found.steps] == [4 * 10**9, 13 * 10**9]
    assert not found.is_single_state


def test_a_tuned_model_of_an_open_base_has_the_tokens_of_its_last_listed_step(hub, tmp_path):
    by_branch(hub, STEPS)
    hub.add("org/toy-chat", "main", files())
    base = model(steps=(), is_open=True)
    chat = model(name="toy-chat", repo="org/toy-chat", steps=(1,), tokens_per_step=0,
                 arm="instruct", base_model="toy", revision="main")  # fmt: skip
    (found,) = listed_models(suite_of(base, chat), [chat], source_of(hub, tmp_path)).models
    assert found.tokens_before == 3000 * 10_000_000


def test_parameters_that_a_suite_does_not_know_are_counted_on_the_hub(hub, tmp_path):
    toy = by_branch(hub, STEPS)
    unknown = model(parameters=0)
    assert toy.parameters
    (found,) = listed_models(suite_of(unknown), [unknown], source_of(hub, tmp_path)).models
    assert found.parameters >= PARAMETERS  # the Hub counts buffers that a file holds, too


def test_parameters_that_nothing_tells_are_an_error_that_names_the_model(hub, tmp_path):
    content = files() | {"pytorch_model.bin": b"x"}
    del content["model.safetensors"]
    hub.add(REPO, "step1000", content)
    unknown = model(parameters=0, steps=(1000,))
    with pytest.raises(CheckpointError, match="parameters of toy are not known"):
        listed_models(suite_of(unknown), [unknown], source_of(hub, tmp_path))


def test_an_open_model_without_any_checkpoint_is_an_error(hub, tmp_path):
    hub.add(REPO, "main", files())
    toy = model(steps=(), is_open=True)
    with pytest.raises(CheckpointError, match="no checkpoint of toy"):
        listed_models(suite_of(toy), [toy], source_of(hub, tmp_path))


def test_a_gated_repository_among_separate_ones_is_told_and_not_taken_for_missing(hub, tmp_path):
    toy = by_repo(hub, STEPS)
    hub.faults.statuses[f"{REPO}-step-2000/refs"] = 403
    with pytest.raises(SourceError):
        source_of(hub, tmp_path).commits([toy])


@given(step=st.integers(0, 10**7), tokens_per_step=st.integers(1, 10**7))
@pytest.mark.parametrize(
    "form",
    ["step{step}", "ckpt_{step:03d}", "stage1-step{step}-tokens{tokens_b}B", "step{step:07d}"],
)
def test_a_name_says_the_step_that_it_was_filled_in_with(form, step, tokens_per_step):
    said = pattern.read(form, pattern.fill(form, step, step * tokens_per_step))
    assert said.step == step
    if "tokens" in form:
        assert 0 <= said.tokens - step * tokens_per_step < 10**9


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("step{step}", "step12x"), ("step{step}", "xstep12"), ("step{step:07d}", "step12"),
        ("step.{step}", "step-12"), ("stage1-step{step}", "stage2-step1"), ("main", "step1"),
    ],
)  # fmt: skip
def test_what_is_named_otherwise_is_not_read(form, name):
    assert pattern.read(form, name) is None


def test_thousands_of_steps_and_parts_of_billions_are_read():
    assert (
        pattern.read("step-{kilosteps}k-token-{tokens_b}B", "step-240k-token-503B").step == 240_000
    )
    assert pattern.read("hf/{tokens_decimal}B", "hf/16.78B").tokens == 16_780_000_000
    assert pattern.read("hf/{tokens_decimal}B", "hf/20B").tokens == 20_000_000_000


CHANGES = (BatchChange(10, 200), BatchChange(25, 400))


@given(step=st.integers(0, 100))
def test_tokens_are_the_sum_over_steps_of_what_the_batch_was_then(step):
    toy = model(tokens_per_step=100, batch_changes=CHANGES, steps=(1,))
    batch = [100 if k <= 10 else 200 if k <= 25 else 400 for k in range(1, step + 1)]
    assert toy.tokens_at(step) == sum(batch)


STAGED = {
    "stages": (
        Stage("ckpt_{step:03d}", offset=1),
        Stage("late-{step}", after_step=5, offset=5),
        Stage("main", after_step=9),
    ),
    "steps": tuple(range(1, 11)),
}


def test_stages_name_steps_in_their_own_ways_and_are_read_back():
    staged = model(**STAGED)
    names = [staged.name_at(step) for step in staged.steps]
    assert names == [
        "ckpt_000", "ckpt_001", "ckpt_002", "ckpt_003", "ckpt_004",
        "late-1", "late-2", "late-3", "late-4", "main",
    ]  # fmt: skip
    assert [staged.read(name).step for name in names] == list(staged.steps)
    assert staged.read("late-0") is None  # that is the last step of the stage before


def test_every_layout_says_in_words_what_it_is():
    layouts = [RevisionName(), CommitTitle("b"), Subfolder(), SeparateRepos()]
    assert len({layout.kind for layout in layouts}) == len(layouts)
