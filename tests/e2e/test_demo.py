"""The demo as a newcomer runs it: really trained models, from checkpoints to verdicts and page."""

import pytest

from ckpt_analyzer.stats.compare import compare_arms
from ckpt_analyzer.store.store import open_store
from command_line import run

pytestmark = pytest.mark.slow

SIZES = ["36k", "73k", "122k"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder in which the demo ran, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def store(demo):
    return open_store(demo[0] / "stores" / "demo")


@pytest.fixture(scope="module")
def verdicts(store):
    """Verdicts on the accuracy of the base models through training, by task and size."""
    flips = store.flips()
    base = flips[(flips["arm"] == "base") & (flips["metric"] == "accuracy")]
    return base[base["axis"] == "tokens"].set_index(["task", "size"])


def test_it_prints_a_table_and_where_to_look_next(demo):
    folder, done = demo
    assert "toy-proverb" in done.stdout
    assert "reports/demo/index.html" in done.stderr
    assert (folder / "reports" / "demo" / "index.html").stat().st_size > 100_000


def test_every_checkpoint_of_every_size_and_arm_is_scored_on_every_task(store):
    trends = store.trends(["accuracy"])
    assert len(trends) == 3 * (17 + 4) * 6
    assert set(trends["n_items"]) == {360}
    assert trends["n_unscored"].sum() == 0


def test_the_exception_and_the_proverb_are_u_shaped_at_every_size(verdicts):
    for task in ("toy-rare-exception", "toy-proverb"):
        assert list(verdicts.loc[task].loc[SIZES, "verdict"]) == ["U"] * 3


def test_memorised_noise_is_an_inverted_u_at_every_size(verdicts):
    assert list(verdicts.loc["toy-noisy-labels"].loc[SIZES, "verdict"]) == ["inverted_U"] * 3


def test_the_control_rises_and_the_coin_never_flips(verdicts):
    assert list(verdicts.loc["toy-grammar"].loc[SIZES, "verdict"]) == ["monotone_up"] * 3
    coin = set(verdicts.loc["toy-coin"]["verdict"])
    assert "flat" in coin
    assert coin <= {"flat", "inconclusive"}


def test_the_turning_point_of_the_proverb_comes_later_in_the_smallest_model(verdicts):
    places = list(verdicts.loc["toy-proverb"].loc[SIZES, "flip_at"])
    assert places[0] > 1.25 * max(places[1:])


def test_the_fall_of_the_proverb_under_tuning_is_a_fall(store):
    flips = store.flips()
    tuned = flips[(flips["arm"] == "instruct") & (flips["metric"] == "accuracy")]
    assert set(tuned[tuned["task"] == "toy-proverb"]["verdict"]) == {"monotone_down"}


def test_flips_survive_correction_and_lie_inside_their_intervals(verdicts):
    flips = verdicts[verdicts["verdict"].isin(("U", "inverted_U"))]
    assert (flips["p_adjusted"] < 0.05).all()
    assert (flips["ci_lo"] <= flips["flip_at"]).all()
    assert (flips["flip_at"] <= flips["ci_hi"]).all()


def test_tuning_breaks_the_proverb_and_mends_the_noisy_labels(store):
    compared = compare_arms(store.items(metric="accuracy")).set_index(["task", "size"])
    assert (compared.loc["toy-proverb"]["difference"] < -0.9).all()
    assert (compared.loc["toy-noisy-labels"]["difference"] > 0.2).all()
    assert (compared.loc["toy-proverb"]["p_adjusted"] < 1e-6).all()


def test_a_second_demo_scores_nothing_again(demo):
    again = run("demo", cwd=demo[0])
    assert again.returncode == 0
    assert "0 checkpoints to score, 63 already" in again.stderr
    assert again.stdout == demo[1].stdout
