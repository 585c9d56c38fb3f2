"""Made-up items with trajectories of known shapes, for the suite of ``made_up_trends``."""

from __future__ import annotations

import numpy as np
import pandas as pd

import made_up_trends
from ckpt_analyzer.html_report.items import ItemSeries, ItemTask

#: The shapes that items take in turn: steady, U, inverted U, rising, falling, less of a U.
CURVES = (
    lambda along: np.full_like(along, 0.5),
    lambda along: 0.9 - 0.8 * np.sin(np.pi * along),
    lambda along: 0.1 + 0.8 * np.sin(np.pi * along),
    lambda along: 0.1 + 0.8 * along,
    lambda along: 0.9 - 0.8 * along,
    lambda along: 0.7 - 0.4 * np.sin(np.pi * along),
)


def item_table(n, word="river"):
    """`n` items with two choices; each text has a line of its own."""
    return pd.DataFrame(
        {
            "item_id": [str(i) for i in range(n)],
            "part": [0] * n,
            "context": [f"Finish it.\r\nLine {i}: the {word} of {i}.5 metres\nAnswer:"
                        for i in range(n)],
            "choices": [[" left", " right"]] * n,
            "gold": [i % 2 for i in range(n)],
        }
    )  # fmt: skip


def values(n_steps, n_items):
    """Values of items that take the shapes of CURVES in turn: steps × items."""
    along = np.linspace(0, 1, n_steps)
    return np.stack([CURVES[i % len(CURVES)](along) for i in range(n_items)], axis=1)


def series(trends, model, n_items):
    """Items of one model of `trends`, at all its checkpoints."""
    rows = trends[trends["model"] == model].drop_duplicates("step").sort_values("step")
    value_SI = values(len(rows), n_items)
    return ItemSeries(
        suite=str(rows["suite"].iloc[0]),
        model=model,
        arm=str(rows["arm"].iloc[0]),
        steps=tuple(int(step) for step in rows["step"]),
        places=tuple(float(place) for place in rows["arm_tokens"]),
        value_SI=value_SI,
        right_SI=(value_SI > 0.5).astype(float),
    )


def item_tasks(trends=None, n_items=40, tasks=None):
    """The items of `tasks` (all of them by default) under every model of `trends`."""
    trends = made_up_trends.trends() if trends is None else trends
    names = list(dict.fromkeys(trends["task"])) if tasks is None else tasks
    models = list(dict.fromkeys(trends["model"]))
    return [
        ItemTask(task, "probability", 0, "plain", "float32", item_table(n_items),
                 tuple(series(trends, model, n_items) for model in models))
        for task in names
    ]  # fmt: skip
