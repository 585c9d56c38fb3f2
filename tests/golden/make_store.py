"""Make a small store of the present version, kept so that later versions go on reading it.

Run it with the code of a version before the next one changes the store, and commit both outputs:

    PYTHONPATH=.:tests python tests/golden/make_store.py tests/golden/store_of_version_N

Beside the folder it writes ``store_of_version_N.json``: the trends and items that the store gave.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.tables import AUDIT
from ckpt_analyzer.task import Item
from store_factory import TASK_SHA256, cell_key, choice_scores, unit

ANSWERS = {500: [[-1.0, -2.0], [-3.0, -2.5]], 1000: [[-2.0, -1.0], [float("nan"), -2.5]]}


def make(folder: Path) -> None:
    store = open_store(folder, create=True)
    store.add_sweep("name: kept\n")
    texts = [Item(str(i), f"Question {i}\r\n", (" yes", " no"), 0) for i in range(2)]
    store.save_items("memo-trap", TASK_SHA256, texts)
    for step, answers in ANSWERS.items():
        cells = {
            cell_key("memo-trap", step): ("classification", choice_scores(answers)),
            cell_key("neqa", step, shots=2, shot_seed=7): (
                "logodds",
                choice_scores([[-1.0, -3.0]], others=[[-2.0, -float(step) / 250]]),
            ),
        }
        store.commit(*unit(cells, step, companions_digest="c" * 64))
    published = store.trends(["accuracy"]).assign(
        step=2000, tokens=2000 * 2_097_152, arm_tokens=2000 * 2_097_152, value=0.25,
        has_items=False, stderr=None, n_items=None,
    )  # fmt: skip
    store.add_import(published.head(1), "someone's results.json")
    store.renew_audit(_audit(), is_whole=True)


def _audit() -> pd.DataFrame:
    fields = dict.fromkeys(AUDIT.names) | {
        "suite": "pythia", "model": "pythia-70m", "arm": "base", "revision": "step1000",
        "step": 1000, "commit": "commit-of-1000", "standing": "suspect", "finding": "x",
        "reason": "equals step500", "audited": "2026-11-23T00:00:00+00:00",
    }  # fmt: skip
    return pd.DataFrame([fields]).astype({"step": "Int64"})


def main() -> None:
    folder = Path(sys.argv[1])
    make(folder)
    store = open_store(folder)
    items = store.items()[["step", "task", "metric", "item", "score"]]
    tables = {"trends": store.trends(), "items": items}
    texts = (
        f'"{name}": {table.to_json(orient="split", index=False, double_precision=15)}'
        for name, table in tables.items()
    )
    folder.with_suffix(".json").write_text("{" + ",\n".join(texts) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
