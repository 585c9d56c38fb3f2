"""The trend over shots, from a sweep to the page: what does not fit is cut and said."""

import json
import re

import pytest

from ckpt_analyzer.store.store import open_store
from command_line import ITEMS, SUITE, run

SHOTS = [0, 1, 2, 5, 10, 25]

SWEEP = """\
name: few-shot
suites: [{{path: '{suite}'}}]
sizes: [36k, 73k]
steps: [64, 4096]
tasks: ['{task}']
shots: [0, 1, 2, 5, 10, 25]
limit: 60
device: cpu
store: {store}
"""


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    home = tmp_path_factory.mktemp("shots")
    sweep = home / "sweep.yaml"
    task = ITEMS / "toy-grammar.jsonl"
    sweep.write_text(SWEEP.format(suite=SUITE, task=task, store=home / "store"))
    done = run("run", sweep)
    assert done.returncode == 0, done.stderr
    return home, done


def test_every_number_of_shots_is_scored_and_what_does_not_fit_is_counted(scored):
    home, done = scored
    cells = [cell for unit in open_store(home / "store").manifests() for cell in unit.cells]
    assert sorted({cell.key.shots for cell in cells}) == SHOTS
    for cell in cells:
        assert cell.n_truncated == 0
        if cell.key.shots in (0,):
            assert (cell.n_shots_cut, cell.n_shots_used) == (0, None)
        elif cell.key.shots <= 5:
            assert (cell.n_shots_cut, cell.mean_shots) == (0, cell.key.shots)
        elif cell.key.shots == 25:
            assert cell.n_shots_cut == 60
            assert 5 < cell.mean_shots < 25
    assert "prompts hold fewer than 25 shots" in done.stdout


def test_status_says_how_many_prompts_were_cut(scored):
    done = run("status", scored[0] / "store", "--json")
    rows = json.loads(done.stdout)
    assert len(rows) == 2
    assert all(row["with fewer shots"] >= 120 for row in rows)
    assert all(row["truncated"] == 0 for row in rows)


def test_fit_gives_a_verdict_over_shots_for_each_checkpoint_and_size(scored):
    done = run("fit", scored[0] / "store", "--axis", "shots")
    assert done.returncode == 0, done.stderr
    for place in ("36k, step 64", "36k, step 4096", "73k, step 64", "73k, step 4096"):
        assert place in done.stdout
    flips = open_store(scored[0] / "store").flips()
    ours = flips[(flips["axis"] == "shots") & (flips["metric"] == "accuracy")]
    assert len(ours) == 4
    assert set(ours["n_checkpoints"]) == {len(SHOTS)}
    assert ours["size"].is_unique


def test_the_page_shows_the_trend_over_shots_and_what_was_cut(scored):
    page = scored[0] / "report.html"
    done = run("report", scored[0] / "store", "-o", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    section = re.search(r'<section id="shots">.*?</section>', text, re.DOTALL)[0]
    for shots in SHOTS:
        assert f'<th scope="col">{shots}-shot</th>' in section
    accuracy = open_store(scored[0] / "store").trends(["accuracy"])
    last = accuracy[(accuracy["step"] == 4096) & (accuracy["size"] == "36k")]
    values = [f"<td>{value:.3f}</td>" for value in last.sort_values("shots")["value"]]
    assert "".join(values) in section
    assert "examples that do not fit into the context were left out" in text


def test_more_shots_later_score_only_what_is_new(scored):
    home, _ = scored
    sweep = home / "sweep.yaml"
    sweep.write_text(sweep.read_text().replace("25]", "25, 7]"))
    plan = json.loads(run("plan", sweep, "--json").stdout)
    assert (plan["n_units"], plan["n_items"]) == (4, 240)
