"""What a page takes out of a store: pairs by item, and the order of metrics."""

from __future__ import annotations

import pytest

from ckpt_analyzer.reporting import tuning
from ckpt_analyzer.reporting.report import compare_pairs, gather, report
from ckpt_analyzer.store.store import open_store
from store_factory import cell_key, choice_scores, random_scores, unit

RIGHT, WRONG = [-1.0, -2.0], [-2.0, -1.0]


def _commit(store, model, step, answers, **facts):
    key = cell_key(step=step, repo=f"org/{model}", commit=f"{model}-{step}")
    cells = {key: ("classification", choice_scores(answers))}
    draft, table = unit(cells, step, model=model, commit=f"{model}-{step}", **facts)
    store.commit(draft, table)


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    _commit(store, "m", 1000, [WRONG] * 4)
    _commit(store, "m", 2000, [RIGHT, RIGHT, RIGHT, WRONG])
    _commit(store, "m", 3000, [WRONG] * 4, suspect="wrong weights")
    tuned = {"arm": "instruct", "base_model": "m", "arm_tokens": 5}
    _commit(store, "m-chat", 10, [WRONG, WRONG, WRONG, RIGHT], **tuned)
    _commit(store, "m-chat-2", 10, [RIGHT] * 4, **tuned)
    return store


def test_an_undated_page_says_neither_when_nor_how_long(store, tmp_path):
    dated = report(store, tmp_path / "dated.html").read_text(encoding="utf-8")
    page = report(store, tmp_path / "page.html", dated=False).read_text(encoding="utf-8")
    today = store.runs()["created"].iloc[0][:10]
    assert f"scored {today} on cpu" in dated
    assert "scored on cpu" in page
    assert today not in page


def test_the_page_says_how_to_make_it_again(store):
    store.add_sweep("metrics: accuracy\n")
    assert gather(store).command.splitlines() == [
        "ckpt-analyzer run sweep.yaml --store store",
        "ckpt-analyzer fit store",
        "ckpt-analyzer report store",
    ]


def _accuracy(store):
    table = compare_pairs(store, store.trends())
    return table[table["metric"] == "accuracy"].set_index("model")


def test_each_tuned_model_is_paired_by_item_with_its_base(store):
    row = _accuracy(store).loc["m-chat"]
    assert (row["n_broken"], row["n_mended"], row["n_items"]) == (3, 1, 4)
    assert (row["base_value"], row["tuned_value"], row["difference"]) == (0.75, 0.25, -0.5)


def test_two_tuned_models_of_one_size_stay_apart(store):
    row = _accuracy(store).loc["m-chat-2"]
    assert (row["n_broken"], row["n_mended"]) == (0, 1)


def test_a_suspect_checkpoint_is_never_compared(store):
    assert set(_accuracy(store)["base_step"]) == {2000}


def test_a_store_without_tuned_models_has_nothing_to_compare(tmp_path):
    store = open_store(tmp_path / "base", create=True)
    _commit(store, "m", 1000, [RIGHT] * 4)
    assert compare_pairs(store, store.trends()) is None


def test_the_metrics_of_the_sweep_come_first(store):
    store.add_sweep("metrics: [classification_loss, accuracy]\n")
    names = [metric.name for metric in gather(store).metrics]
    assert names[:2] == ["classification_loss", "accuracy"]
    assert "accuracy_per_byte" in names[2:]


def test_a_sweep_of_one_metric_may_name_it_bare(store):
    store.add_sweep("metrics: gold_probability\n")
    assert gather(store).metrics[0].name == "gold_probability"


def test_a_report_says_which_rules_it_does_not_show_and_what_nobody_has_checked(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    for step, seed in ((500, 0), (1000, 0), (1000, 1)):
        key = cell_key("memo-trap", step, shots=2, shot_seed=seed)
        store.commit(*unit({key: ("classification", random_scores(seed))}, step))
    told = " ".join(gather(store).warnings)
    assert "tables show the prompts by seed 1; scores by seed 0 of 2 checkpoints" in told
    assert "Facts of pythia that nobody has checked" in told


def test_the_questions_of_a_page_call_tasks_by_their_titles(store, monkeypatch):
    asked = []
    monkeypatch.setattr(tuning, "answers_of", lambda *arguments: asked.append(arguments) or [])
    gather(store)
    assert asked[0][3]["memo-trap"] == "Memo Trap"
