"""Series that join models hold the models of one seed."""

import pandas as pd
import pytest

from ckpt_analyzer.stats.flips import find_flips
from ckpt_analyzer.stats.series_tables import Cut, cut_series


def table(seeds):
    rows = [
        {"model": f"m-{size}-seed{seed}", "size": f"{size}m", "seed": seed, "metric": "accuracy",
         "task": "t", "parameters": size * 10**6, "step": step, "tokens": step * 1000,
         "flops": 6.0 * size * step, "value": 0.1 * size + 0.01 * (seed or 0), "stderr": 0.01}
        for seed in seeds
        for size in (1, 2, 4, 8)
        for step in (10, 20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("axis", ["parameters", "flops"])
def test_runs_of_two_seeds_are_two_series(axis):
    series = cut_series(table([1, 2]), Cut(axis))
    assert {one.key["model"] for one in series} == {"(seed 1)", "(seed 2)"}
    for one in series:
        assert len(one.value_K) == 4
        seed = int(one.key["model"][6])
        assert one.value_K == pytest.approx([0.1 * n + 0.01 * seed for n in (1, 2, 4, 8)])


def test_models_without_a_seed_are_joined_as_before():
    with_column, without = table([None]), table([None]).drop(columns="seed")
    for frame in (with_column, without):
        (one, two) = cut_series(frame, Cut("parameters"))
        assert (one.key["model"], len(one.value_K), len(two.value_K)) == ("(all)", 4, 4)


@pytest.mark.parametrize("axis", ["parameters", "flops"])
def test_two_recipes_of_the_same_sizes_and_seeds_are_two_series(axis):
    from ckpt_analyzer import suites

    suite = suites.load("datadecide")
    rows = [
        {"suite": suite.name_of(model), "model": model.name, "size": model.size,
         "seed": model.seed, "metric": "accuracy", "task": "t", "parameters": model.parameters,
         "step": 1250, "tokens": model.tokens_at(1250), "value": float(level), "stderr": 0.01}
        for level, recipe in enumerate(("c4", "falcon"))
        for model in suite.models
        if model.recipe == recipe and model.size in ("4M", "60M", "1B")
    ]  # fmt: skip
    series = cut_series(pd.DataFrame(rows), Cut(axis))
    assert {one.key["suite"] for one in series} == {"datadecide c4", "datadecide falcon"}
    for one in series:
        assert set(one.value_K) == {float(one.key["suite"].endswith("falcon"))}


def test_a_size_that_two_models_share_is_no_point_of_a_curve_over_sizes():
    frame = table([None])
    twin = frame[frame["size"] == "2m"].assign(model="twin", value=0.9)
    for one in cut_series(pd.concat([frame, twin]), Cut("parameters")):
        assert one.value_K == pytest.approx([0.1, 0.4, 0.8])
        assert one.notes == ("size-twice-left-out",)
    twins = frame.assign(model=frame["model"] + "-twin")
    flips = find_flips(pd.concat([frame, twins]), axis="parameters")
    assert set(flips["verdict"]) == {"inconclusive"}
    assert flips["flags"].map(lambda flags: "size-twice-left-out" in flags).all()
