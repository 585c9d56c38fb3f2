"""Suites and plug-ins from Python, and what a Hub says of a suite."""

import pytest

import ckpt_analyzer
from ckpt_analyzer import charts, metrics, suites, tasks
from ckpt_analyzer.errors import UnknownNameError, UserError
from hub_server import HubServer


@pytest.mark.parametrize(
    ("kind", "names"),
    [("suites", suites.names()), ("tasks", tasks.names()), ("metrics", metrics.names()),
     ("charts", charts.names())],
)  # fmt: skip
def test_the_catalog_lists_every_plug_in_of_a_kind(kind, names):
    assert tuple(ckpt_analyzer.catalog(kind).index) == names


def test_the_catalog_says_what_is_unverified_of_a_suite_and_all_of_a_task():
    listed = ckpt_analyzer.catalog("suites")
    assert set(listed.loc["bloom", "unverified"]) == {
        fact.about for fact in suites.load("bloom").facts if fact.standing == "unverified"
    }
    assert ckpt_analyzer.catalog("tasks").loc["memo-trap", "citation"]
    assert "demo" in ckpt_analyzer.catalog("sweeps").index
    with pytest.raises(UnknownNameError, match="did you mean 'tasks'"):
        ckpt_analyzer.catalog("task")


def test_a_suite_tells_its_models_and_how_its_facts_are_known():
    pythia = ckpt_analyzer.open_suite("pythia")
    models = pythia.models().set_index("name")
    assert models.loc["pythia-410m", "parameters"] == 405_334_016
    assert models.loc["pythia-410m", ["first_step", "last_step"]].tolist() == [0, 143_000]
    assert set(pythia.facts()["standing"]) == {"seen", "computed", "unverified"}
    assert pythia.known_bad()["link"].str.startswith("https://").all()
    with pytest.raises(UnknownNameError, match="did you mean 'pythia'"):
        ckpt_analyzer.open_suite("pythja")


def test_a_check_tells_what_the_hub_lacks():
    steps = suites.load("pythia").model("14m").steps
    with HubServer() as hub:
        for step in steps[:-1]:
            hub.add("EleutherAI/pythia-14m", f"step{step}", {"config.json": b"{}"})
        found = ckpt_analyzer.open_suite("pythia", endpoint=hub.endpoint).check(["pythia-14m"])
    told = found[~found["is_note"]]
    assert told["name"].tolist() == [f"step{steps[-1]}"]
    assert set(told["model"]) == {"pythia-14m"}


def test_a_folder_has_no_hub_to_be_checked_with():
    with pytest.raises(UserError, match="is a folder"):
        ckpt_analyzer.open_suite("toy-neox").check()
