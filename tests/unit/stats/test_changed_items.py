import pandas as pd

from ckpt_analyzer.stats.changed_items import COLUMNS, changed_items


def sides(scores):
    """`scores` maps (model, item) to (base, tuned)."""
    names = {"suite": "s", "base": "base", "tuned": "sft", "base_model": "m", "task": "t",
             "shots": 0, "prompt_format": "raw", "dtype": "fp32", "metric": "accuracy"}  # fmt: skip
    return pd.DataFrame(
        {**names, "model": model, "item": item, "side": side, "score": float(score)}
        for (model, item), pair in scores.items()
        for side, score in zip(("base", "tuned"), pair, strict=True)
    )


SCORES = {
    ("a", "often"): (1, 0), ("b", "often"): (1, 0),
    ("a", "once"): (1, 0), ("b", "once"): (1, 1),
    ("a", "mended"): (0, 1), ("b", "mended"): (0, 1),
    ("a", "same"): (1, 1), ("b", "same"): (0, 0),
}  # fmt: skip


def test_items_that_break_at_most_models_come_first_and_unchanged_ones_not_at_all():
    table = changed_items(sides(SCORES))
    assert tuple(table.columns) == COLUMNS
    assert list(table["item"]) == ["often", "once", "mended"]
    assert list(table["change"]) == ["broken", "broken", "mended"]
    assert list(table["n_broken"]) == [2, 1, 0]


def test_of_a_loss_the_items_that_rise_are_broken():
    table = changed_items(sides(SCORES), higher_is_better=False).set_index("item")
    assert table.loc["often", "change"] == "mended"
    assert table.loc["mended", "change"] == "broken"


def test_an_item_that_one_side_did_not_score_is_no_change():
    assert changed_items(sides({("a", "x"): (1, float("nan"))})).empty
