import errno

import numpy as np
import pandas as pd
import pytest

from ckpt_analyzer.analysis import fitting as analysis
from ckpt_analyzer.analysis.fitting import axes_of, fit
from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.stats.flips import find_flips
from ckpt_analyzer.store import atomic
from ckpt_analyzer.store.store import Store, open_store
from ckpt_analyzer.tables import FLIPS
from store_factory import simple_unit


def trends(sizes, shots):
    rows = [("pythia", "base", size, k) for size in range(1, sizes + 1) for k in range(shots)]
    return pd.DataFrame(rows, columns=["suite", "arm", "parameters", "shots"])


@pytest.mark.parametrize(
    ("sizes", "shots", "expected"),
    [
        (1, 1, ("tokens",)),
        (3, 2, ("tokens",)),
        (4, 1, ("tokens", "parameters", "flops")),
        (1, 5, ("tokens", "shots")),
        (8, 4, ("tokens", "parameters", "flops", "shots")),
    ],
)
def test_an_axis_is_fitted_where_it_has_points_enough_for_a_verdict(sizes, shots, expected):
    assert axes_of(trends(sizes, shots)) == expected


def test_a_store_is_fitted_from_its_items_and_not_from_their_means(tmp_path):
    store = open_store(tmp_path / "store", create=True)
    for i, step in enumerate((1000, 2000, 4000, 8000, 16000, 32000)):
        store.commit(*simple_unit(step, seed=i))
    found = fit(store).flips.sort_values("metric", ignore_index=True)
    expected = find_flips(store.items()).sort_values("metric", ignore_index=True)
    columns = ["metric", "verdict", "p", "shock_sd", "item_se", "mde_80"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    of_means = find_flips(store.trends()).sort_values("metric", ignore_index=True)
    assert not np.allclose(found["mde_80"], of_means["mde_80"])


@pytest.mark.parametrize("most_scores", [1, 100, 10**9])
def test_along_every_axis_items_are_read_in_parts_that_change_nothing(
    tmp_path, monkeypatch, most_scores
):
    store = open_store(tmp_path / "store", create=True)
    for size in range(4):
        for step in (1000, 2000, 4000, 8000, 16000):
            facts = {"model": f"m{size}", "size": f"{size}", "parameters": 10 ** (size + 6)}
            store.commit(*simple_unit(step, seed=step + size, **facts))
    monkeypatch.setattr(analysis, "MOST_SCORES", most_scores)
    read = []
    real = Store.scores_at
    monkeypatch.setattr(
        Store, "scores_at", lambda self, *args: read.append(real(self, *args)) or read[-1]
    )
    found = fit(store).flips
    items, columns = store.items(), [n for n in FLIPS.names if n != "second_opinions"]
    for axis in ("tokens", "parameters", "flops"):
        expected = find_flips(items, axis=axis)
        mine = found.loc[found["axis"] == axis, columns]
        keys = ["metric", "model", "size"]
        pd.testing.assert_frame_equal(
            mine.sort_values(keys, ignore_index=True),
            expected[columns].sort_values(keys, ignore_index=True),
        )
    largest = max(sum(scores.size for scores in each.values()) for each in read)
    n_metrics = items["metric"].nunique()
    assert largest <= max(most_scores, n_metrics * 5 * 8)  # series of 5 points and 8 items


@pytest.mark.parametrize(
    ("reason", "hint"),
    [(errno.EROFS, "with a copy that you may write to: cp -r "), (errno.ENOSPC, "make room")],
)
def test_a_store_that_cannot_be_written_is_no_matter_of_an_option(
    tmp_path, monkeypatch, reason, hint
):
    store = open_store(tmp_path / "store", create=True)
    for i, step in enumerate((1000, 2000, 4000, 8000)):
        store.commit(*simple_unit(step, seed=i))

    def refused(path, content):
        raise OSError(reason, "refused")

    monkeypatch.setattr(atomic, "_write_flushed", refused)
    with pytest.raises(StoreError) as caught:
        fit(store)
    assert hint in caught.value.hint
    assert "--store" not in caught.value.hint
