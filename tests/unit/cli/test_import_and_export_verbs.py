"""What the verbs say and do with files that are mixed."""

from __future__ import annotations

import json

import pytest

from ckpt_analyzer import importers
from ckpt_analyzer.store.store import open_store
from command_line import run
from store_factory import cell_key, random_scores, unit


def test_every_format_has_a_verb():
    listed = run("import", "--help").stdout
    assert set(importers.names()) == {"lm-eval", "lighteval", "table"}
    for name in importers.names():
        assert name in listed
        assert importers.load(name).name == name


@pytest.mark.slow
def test_a_wrong_file_is_named_the_rest_is_taken_in_and_a_count_ends_it(tmp_path):
    row = "model,task,metric,step,value\npythia-70m,mine,f1,{},0.5\n"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "good.csv").write_text(row.format(1000))
    (tmp_path / "results" / "wrong.csv").write_text(row.format(1001))
    done = run("import", "table", tmp_path / "results", "--store", tmp_path / "s", "--json")
    assert done.returncode == 0, done.stderr
    assert "wrong.csv: row 1: there is no step of pythia-70m named '1001'" in done.stderr
    assert "read 1 file, 1 not: 1 value, 0 scores of items, 1 model, 1 task" in done.stderr
    told = json.loads(done.stdout)
    assert (told["files"], told["values"], told["items"]) == (1, 1, 0)
    assert (told["models"], told["tasks"]) == (["pythia-70m"], ["mine"])
    assert list(told["failures"]) == [str(tmp_path / "results" / "wrong.csv")]
    assert open_store(tmp_path / "s").trends()["value"].tolist() == [0.5]


@pytest.mark.slow
def test_export_and_import_of_the_harness_files_keep_the_numbers(tmp_path):
    store = open_store(tmp_path / "s", create=True)
    store.commit(*unit({cell_key(): ("classification", random_scores(1))}))
    done = run("export", tmp_path / "s", "-o", tmp_path / "out", "--format", "lm-eval")
    assert done.returncode == 0, done.stderr
    done = run("import", "lm-eval", tmp_path / "out", "--store", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert "8 scores of items" in done.stderr
    assert "next: ckpt-analyzer fit" in done.stderr
    ours, theirs = (open_store(tmp_path / name).trends(["accuracy"]) for name in ("s", "again"))
    assert ours["value"].tolist() == theirs["value"].tolist()
    assert theirs["has_items"].all()


@pytest.mark.slow
def test_results_become_a_report_with_one_command(tmp_path):
    rows = "".join(f"pythia-70m,mine,f1,{step},{step / 2000}\n" for step in (1000, 2000))
    (tmp_path / "mine.csv").write_text(f"model,task,metric,step,value\n{rows}")
    page = tmp_path / "mine.html"
    done = run("import", "table", tmp_path / "mine.csv", "--store", tmp_path / "s", "-o", page)
    assert done.returncode == 0, done.stderr
    assert f"wrote {page}" in done.stderr
    assert "next:" not in done.stderr
    assert "pythia-70m" in page.read_text()


@pytest.mark.slow
def test_where_nothing_can_be_read_no_store_is_made(tmp_path):
    (tmp_path / "empty.json").write_text("{}")
    done = run("import", "lm-eval", tmp_path / "empty.json", "--store", tmp_path / "s")
    assert done.returncode == 2
    assert "no result could be read" in done.stderr
    assert not (tmp_path / "s").exists()
