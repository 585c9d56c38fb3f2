"""The page "Flips in Pythia": its main figures, and that its tables have the shape of the code."""

import pandas as pd
import pytest

from docs.flips_in_pythia import (
    NAMED,
    PAGE,
    RIVALS,
    SOURCES,
    TABLES,
    Analysed,
    analyse,
    filled,
    shape,
    survivors,
)


def verdicts(**changes):
    row = {
        "task": "t", "model": "m", "parameters": 1, "verdict": "U", "flip_at": 1e10, "ci_lo": 1e9,
        "ci_hi": 1e11, "p": 0.01, "p_adjusted": 0.04, "item_se": 0.01, "shock_sd": 0.0,
    } | {f"{rival} {column}": 0.5 for rival in RIVALS for column in ("p", "q")}  # fmt: skip
    return pd.DataFrame([row | {f"{rival} verdict": "U" for rival in RIVALS} | changes])


def test_the_page_has_every_table_and_names_every_series_it_speaks_of():
    page = shape(PAGE.read_text(encoding="utf-8"))
    assert all(header for header, *_ in page.values())
    assert page["named"][1:] == [f" {task} | {model} " for task, model in NAMED]


def test_the_tables_on_the_page_have_the_columns_that_the_code_writes():
    page = PAGE.read_text(encoding="utf-8")
    series = pd.concat([verdicts(task=task, model=model) for task, model in NAMED])
    families = [Analysed(source.title, series) for source in SOURCES]
    made = {name: make(families) for name, make in TABLES.items()}
    assert shape(filled(page, made)) == shape(page), "run: python -m docs.flips_in_pythia FOLDER"


def test_the_counts_on_the_page_are_of_all_sources_and_rivals():
    page = PAGE.read_text(encoding="utf-8")
    for source in SOURCES:
        assert page.count(f"| {source.title} |") == 1 + len(RIVALS)


def test_only_what_is_significant_after_correction_survives():
    family = pd.concat([verdicts(), verdicts(task="lost", p_adjusted=0.06)])
    assert survivors([Analysed("x", family)])["task"].tolist() == ["t"]


@pytest.mark.shared_data
@pytest.mark.slow
def test_the_main_facts_of_the_page_hold_on_the_published_results(shared_data):
    table = analyse(SOURCES[0], shared_data / "lm_eval").verdicts.set_index(["task", "model"])
    resisting = table.loc[("resisting-correction", "pythia-12b")]
    assert resisting["verdict"] == "inverted_U"
    assert 10**10.3 < resisting["flip_at"] < 10**10.6
    assert resisting["ci_lo"] < 10**10.45 < resisting["ci_hi"]
    assert all(resisting[f"{rival} verdict"] == "inverted_U" for rival in RIVALS)
    assert all(resisting[f"{rival} p"] < 0.05 for rival in RIVALS)
    memo_trap = table.loc[("memo-trap", "pythia-12b")]
    assert memo_trap["quadratic verdict"] == "inverted_U"
    assert memo_trap["quadratic p"] < 0.05
    assert memo_trap["verdict"] not in ("U", "inverted_U")
    assert (table["item-clustered-glm q"] < 0.05).mean() > 0.3
    assert len(table) == 96
