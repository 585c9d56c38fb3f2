import pandas as pd

from ckpt_analyzer.stats.compare import compare_sides
from ckpt_analyzer.stats.sides import FAMILY, PAIR, format_sides, stage_pairs, tuning_sides


def rows(model, scores, *, arm="base", base_model=None, step=10, prompt_format="raw", size="1b"):
    return pd.DataFrame(
        {
            "suite": "s", "model": model, "size": size, "parameters": 10**9, "arm": arm,
            "base_model": base_model, "step": step, "arm_tokens": step * 100, "task": "t",
            "shots": 0, "prompt_format": prompt_format, "dtype": "fp32", "metric": "accuracy",
            "item": [str(i) for i in range(len(scores))], "part": 0,
            "score": [float(score) for score in scores],
        }
    )  # fmt: skip


BASE = rows("m", [1, 1, 1, 1])
SFT = rows("m-sft", [1, 1, 0, 0], arm="sft", base_model="m")
DPO = rows("m-dpo", [1, 0, 0, 0], arm="dpo", base_model="m")


def differences(sides):
    table = compare_sides(sides, PAIR, FAMILY)
    return {(row.base, row.tuned): row.difference for row in table.itertuples()}


def test_each_stage_is_compared_with_the_one_before_and_the_last_with_the_first():
    sides = tuning_sides(pd.concat([BASE, SFT, DPO]), ["base", "sft", "dpo"])
    assert differences(sides) == {
        ("base", "sft"): -0.5,
        ("sft", "dpo"): -0.25,
        ("base", "dpo"): -0.75,
    }


def test_two_stages_are_one_pair():
    assert stage_pairs(["base", "instruct"]) == [("base", "instruct")]


def test_a_tuned_model_is_paired_with_its_own_base_only():
    other = rows("other", [0, 0, 0, 0])
    sides = tuning_sides(pd.concat([BASE, other, SFT]), ["base", "sft"])
    assert set(sides["base_model"]) == {"m"}


def test_a_tuned_model_without_a_named_base_is_paired_by_size():
    sides = tuning_sides(pd.concat([BASE, SFT.assign(base_model=None)]), ["base", "sft"])
    assert differences(sides) == {("base", "sft"): -0.5}


def test_only_the_last_checkpoint_of_both_stands_for_them():
    early = rows("m", [0, 0, 0, 0], step=5)
    sides = tuning_sides(pd.concat([early, BASE, SFT]), ["base", "sft"])
    assert set(sides["base_step"]) == {10}


def test_every_checkpoint_of_the_second_arm_is_compared_on_request():
    early = rows("m-sft", [1, 1, 1, 0], arm="sft", base_model="m", step=3)
    sides = tuning_sides(pd.concat([BASE, early, SFT]), ["base", "sft"], every_step=True)
    table = compare_sides(sides, PAIR, FAMILY).set_index("tuned_step")
    assert dict(table["difference"]) == {3: -0.25, 10: -0.5}
    assert dict(table["tuned_tokens"]) == {3: 300, 10: 1000}


def test_prompt_formats_are_paired_within_one_model():
    chat = rows("m", [1, 0, 0, 0], prompt_format="chat")
    elsewhere = rows("n", [0, 0, 0, 0], prompt_format="raw")
    sides = format_sides(pd.concat([BASE, chat, elsewhere]), ("raw", "chat"))
    assert differences(sides) == {("raw", "chat"): -0.75}
    assert set(sides["model"]) == {"m"}
    assert set(sides["prompt_format"]) == {"raw → chat"}


def test_parts_keep_items_of_one_number_apart():
    twice = pd.concat([BASE.head(2), BASE.head(2).assign(part=1)])
    sides = tuning_sides(pd.concat([twice, SFT]), ["base", "sft"])
    assert sorted(sides.loc[sides["side"] == "base", "item"]) == ["0:0", "0:1", "1:0", "1:1"]


def test_without_the_second_arm_there_are_no_sides():
    sides = tuning_sides(BASE, ["base", "sft"])
    assert sides.empty
    assert {"side", "item", "score", *PAIR} == set(sides.columns)
