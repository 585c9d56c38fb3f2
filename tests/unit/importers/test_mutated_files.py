"""Result files that were spoilt anyhow: an error that names the file, and never a wrong number."""

from __future__ import annotations

import copy
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_lighteval import GENERAL, RESULTS
from test_lm_eval import NEW, OLD
from test_lm_eval_forms import PROMPTS, ROWS, results, write_run

from ckpt_analyzer.errors import ImportFileError
from ckpt_analyzer.importers.lighteval import read_lighteval
from ckpt_analyzer.importers.lm_eval import read_lm_eval
from ckpt_analyzer.importers.table import read_table

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=2),
)
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def places(value, path=()):
    """Every place in a JSON value, but the whole."""
    children = value.items() if isinstance(value, dict) else ()
    children = enumerate(value) if isinstance(value, list) else children
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


@st.composite
def mutated(draw, document):
    """`document` with one to three places removed or replaced by junk."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*places(document)] or [None]))
        if path is None:
            break
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        if draw(st.booleans()):
            parent[path[-1]] = draw(JUNK)
        else:
            del parent[path[-1]]
    return document


def numbers(value):
    """All finite numbers in a JSON value."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return {number for each in inner for number in numbers(each)}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {float(value)} if is_number and math.isfinite(value) else set()


def check_file(read, folder, name, document):
    """A file gives numbers that stand in it, or is listed; the good one beside it is kept."""
    (folder / "spoilt.json").write_text(json.dumps(document))
    imported = read([folder])
    spoilt = str(folder / "spoilt.json")
    is_listed = any(each.startswith(spoilt) for each in imported.failures)
    assert spoilt in imported.files_read or is_listed
    assert str(folder / name) in imported.files_read
    known = numbers(document) | numbers(json.loads((folder / name).read_text()))
    for row in imported.trends.to_dict("records"):
        assert row["value"] in known
        assert math.isfinite(row["value"])
        assert row["shots"] >= 0


@FEW
@given(document=st.one_of(mutated(OLD), mutated(NEW)))
def test_a_spoilt_results_file_of_the_harness(tmp_path, document):
    good = {"results": PROMPTS, "config": {**OLD["config"], "num_fewshot": 7}}
    (tmp_path / "good.json").write_text(json.dumps(good))
    check_file(read_lm_eval, tmp_path, "good.json", document)


@FEW
@given(document=mutated({"config_general": GENERAL, "results": {**RESULTS}}))
def test_a_spoilt_results_file_of_lighteval(tmp_path, document):
    good = {
        "config_general": {**GENERAL, "model_name": "EleutherAI/pythia-160m", "model_config": {}},
        "results": {"x|other|3": {"acc": 0.125}},
    }
    (tmp_path / "good.json").write_text(json.dumps(good))
    check_file(read_lighteval, tmp_path, "good.json", document)


@FEW
@given(rows=mutated(ROWS))
def test_spoilt_samples_give_the_means_of_their_run_or_nothing(tmp_path, rows):
    content = results(ROWS)
    imported = read_lm_eval([write_run(tmp_path, rows, content)])
    assert len(imported.units) + len(imported.failures) == 1
    for unit in imported.units:
        table = unit.table.to_pylist()
        values = [dict(row["task_values"] or {}) for row in table]
        accuracies = [each["accuracy"] for each in values if "accuracy" in each]
        if accuracies:
            stated = content["results"]["toy"]["acc,none"]
            assert sum(accuracies) / len(accuracies) == pytest.approx(stated)
        in_file = {
            float(answer[0]) for row in rows for answer in row["filtered_resps"]
        }  # an accepted file has loglikelihoods throughout
        for row in table:
            assert {x for x in row["loglikelihood_nats"] if not math.isnan(x)} <= in_file
            assert len(row["loglikelihood_nats"]) == len(row["is_greedy"]) == len(row["n_chars"])


@FEW
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "parquet"])
def test_any_bytes_are_listed_and_the_rest_is_read(tmp_path, ending, content):
    read, good = read_lm_eval, ("good.json", json.dumps(OLD))
    if ending in ("csv", "parquet"):
        row = "model,task,metric,step,value\npythia-70m,t,m,1000,0.5\n"
        read, good = read_table, ("good.csv", row)
    (tmp_path / good[0]).write_text(good[1])
    (tmp_path / f"spoilt.{ending}").write_bytes(content)
    imported = read([tmp_path])
    assert [*imported.failures] == [str(tmp_path / f"spoilt.{ending}")]
    assert imported.files_read == (str(tmp_path / good[0]),)
    (tmp_path / good[0]).unlink()
    with pytest.raises(ImportFileError, match="no result could be read"):
        read([tmp_path])


@FEW
@given(
    cells=st.dictionaries(
        st.sampled_from(["model", "task", "metric", "step", "value", "shots", "n_items", "tokens"]),
        st.sampled_from(["", "-1", "0.5", "nan", "inf", "1e400", "x", "1000", "true", '"a"']),
        min_size=1,
        max_size=3,
    )
)
def test_a_spoilt_table_gives_what_stands_in_it_or_nothing(tmp_path, cells):
    row = {"model": "pythia-70m", "task": "t", "metric": "m", "step": "1000", "value": "0.25"}
    row |= cells
    (tmp_path / "spoilt.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    good = "model,task,metric,step,value\npythia-160m,good,m,1000,0.5\n"
    (tmp_path / "good.csv").write_text(good)
    imported = read_table([tmp_path])
    assert len(imported.trends) + len(imported.failures) == 2
    for each in imported.trends.to_dict("records"):
        if each["task"] != "good":
            assert each["value"] == float(row["value"])
            assert each["step"] == float(row["step"])
            assert (each["model"], each["task"]) == (row["model"], row["task"].strip('"'))
