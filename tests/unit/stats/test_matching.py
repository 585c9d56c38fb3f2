import pandas as pd
import pytest

from ckpt_analyzer.stats.matching import Match, match_points, match_series


def trend(tokens, values, *, model="m", size="1b", parameters=10**9, arm="base", **changes):
    frame = pd.DataFrame({
        "suite": "s", "model": model, "size": size, "parameters": parameters, "arm": arm,
        "task": "t", "metric": "accuracy", "shots": 0, "prompt_format": "raw", "dtype": "fp32",
        "step": range(1, len(tokens) + 1), "tokens": tokens, "arm_tokens": tokens, "value": values,
        "stderr": 0.03, "n_items": 100, "has_items": True, "suspect": None,
    })  # fmt: skip
    return frame.assign(**changes)


def test_checkpoints_match_where_their_tokens_are_nearest_and_within_the_tolerance():
    found = match_points(trend([100, 200, 400], [1, 2, 3]), trend([103, 300, 404], [4, 5, 6]),
                         Match(tolerance=0.05))  # fmt: skip
    assert list(found["tokens_base"]) == [100, 400]
    assert list(found["difference"]) == [3, 3]


def test_a_wider_tolerance_matches_more():
    found = match_points(trend([100, 200], [1, 2]), trend([103, 230], [4, 5]), Match(0.2))
    assert list(found["tokens_tuned"]) == [103, 230]


def test_no_checkpoint_is_matched_twice():
    found = match_points(trend([100], [1]), trend([99, 101, 100], [4, 5, 6]), Match(0.05))
    assert list(found["tokens_tuned"]) == [100]


def test_only_the_last_matched_checkpoint_is_kept_on_request():
    found = match_points(trend([1, 2], [1, 2]), trend([1, 2], [3, 5]), Match(last=True))
    assert list(found["difference"]) == [3]


def test_an_arm_that_counts_no_tokens_is_matched_by_its_steps():
    tuned = {"arm": "instruct", "arm_tokens": 0}
    found = match_points(trend([7, 7], [1, 2], **tuned), trend([9, 9], [3, 5], **tuned), Match())
    assert list(found["step_base"]) == [1, 2]


def test_a_suspect_checkpoint_is_not_matched():
    found = match_points(
        trend([1, 2], [1, 2], suspect=["bad", None]), trend([1, 2], [3, 4]), Match()
    )
    assert list(found["tokens_base"]) == [2]


def test_the_interval_takes_the_means_as_independent():
    row = match_points(trend([1], [0.5]), trend([1], [0.6], stderr=0.04), Match()).iloc[0]
    assert row["ci_hi"] - row["difference"] == pytest.approx(1.959964 * 0.05, abs=1e-6)
    assert row["p"] == pytest.approx(0.0455, abs=1e-4)  # two standard errors


def test_a_mean_without_an_error_has_no_interval():
    row = match_points(trend([1], [0.5]), trend([1], [0.6], stderr=None), Match()).iloc[0]
    assert row["difference"] == pytest.approx(0.1)
    assert row[["ci_lo", "p"]].isna().all()


def test_models_match_by_name_then_by_size_then_by_parameters():
    ours = pd.concat([trend([1], [0]), trend([1], [0], model="n", size="2b", parameters=2 * 10**9)])
    assert list(match_series(ours, trend([1], [0], model="n", size="x"))["model_base"]) == ["n"]
    assert list(match_series(ours, trend([1], [0], model="own", size="2b"))["model_base"]) == ["n"]
    near = trend([1], [0], model="own", size="own", parameters=1_030_000_000)
    assert list(match_series(ours, near)["model_base"]) == ["m"]
    far = trend([1], [0], model="own", size="own", parameters=1_400_000_000)
    assert match_series(ours, far).empty


def test_arms_tasks_and_shots_never_mix():
    for change in ({"arm": "sft"}, {"task": "u"}, {"shots": 5}, {"metric": "loss"}):
        assert match_series(trend([1], [0]), trend([1], [0]).assign(**change)).empty


def test_equal_dtypes_are_matched_where_there_are_some():
    both = pd.concat([trend([1], [0]), trend([1], [0], dtype="bf16")])
    assert list(match_series(both, trend([1], [0], dtype="bf16"))["dtype_base"]) == ["bf16"]
    assert len(match_series(trend([1], [0]), trend([1], [0], dtype="bf16"))) == 1
