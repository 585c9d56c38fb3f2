"""Units for tests of the store: small, deterministic, and told apart by a few arguments."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.store.tally import tally
from ckpt_analyzer.store.unit import CellKey, UnitManifest
from ckpt_analyzer.tables import CHOICE_SCORES, ITEM_SCORES

TASK_SHA256 = hashlib.sha256(b"rows").hexdigest()


def choice_scores(loglikelihoods, golds=None, others=None, truncated=False):
    """CHOICE_SCORES of items with these lists of log-likelihoods."""
    n = len(loglikelihoods)
    lengths = [[1] * len(numbers) for numbers in loglikelihoods]
    return pa.table(
        {
            "item_id": [str(i) for i in range(n)],
            "part": [0] * n,
            "gold": golds or [0] * n,
            "loglikelihood_nats": loglikelihoods,
            "other_loglikelihood_nats": others or [None] * n,
            "n_tokens": lengths,
            "n_bytes": lengths,
            "n_chars": lengths,
            "is_greedy": [[False] * len(numbers) for numbers in loglikelihoods],
            "truncated": [truncated] * n,
        },
        schema=CHOICE_SCORES,
    )


def random_scores(seed, n_items=8, k=2):
    rng = np.random.default_rng(seed)
    golds = rng.integers(0, k, n_items).tolist()
    return choice_scores((-rng.gamma(2.0, 2.0, (n_items, k))).tolist(), golds)


def cell_key(task="memo-trap", step=1000, **changes):
    fields = {
        "repo": "EleutherAI/pythia-70m", "commit": f"commit-of-{step}", "revision": f"step{step}",
        "step": step, "task": task, "task_sha256": TASK_SHA256, "shots": 0, "shot_seed": None,
        "limit": None, "limit_seed": None, "dtype": "float32", "prompt_format": "plain",
        "scorer_version": "1",
    }  # fmt: skip
    return CellKey(**(fields | changes))


def unit(cells, step=1000, **changes):
    """Return (draft, table): `cells` maps a CellKey to (kind, CHOICE_SCORES)."""
    fields = {
        "suite": "pythia", "model": "pythia-70m", "size": "70m", "arm": "base",
        "base_model": None, "parameters": 70_426_624, "non_embedding_parameters": 18_915_328,
        "revision": f"step{step}", "commit": f"commit-of-{step}", "step": step,
        "tokens": step * 2_097_152, "arm_tokens": step * 2_097_152,
        "weights_sha256": hashlib.sha256(str(step).encode()).hexdigest(), "suspect": None,
        "sweep_sha256": "0" * 64, "seconds_fetch": 1.5, "seconds_score": 2.5, "device": "cpu",
        "versions": {"torch": "2.13"},
    } | changes  # fmt: skip
    draft = UnitManifest(
        **fields,
        cells=tuple(tally(key, kind, scores) for key, (kind, scores) in cells.items()),
    )
    tables = [_item_scores(draft, key, scores) for key, (_, scores) in cells.items()]
    return draft, pa.concat_tables(tables)


def simple_unit(step=1000, seed=0, task="memo-trap", **changes):
    """Return (draft, table) of one classification cell of random scores."""
    cells = {cell_key(task, step): ("classification", random_scores(seed))}
    return unit(cells, step, **changes)


def _item_scores(draft, key, scores):
    constant = {
        name: getattr(draft, name)
        for name in ("suite", "model", "arm", "revision", "commit", "step", "tokens")
    } | {
        "weights_sha256": draft.weights_sha256,
        "dtype": key.dtype,
        "task": key.task,
        "shots": key.shots,
        "prompt_format": key.prompt_format,
    }
    columns = [
        scores[field.name]
        if field.name in CHOICE_SCORES.names
        else pa.array([constant.get(field.name)] * scores.num_rows, field.type)
        for field in ITEM_SCORES
    ]
    return pa.table(columns, schema=ITEM_SCORES)


def commit_answers(store, model, step, answers, *, task="memo-trap", changes=None, **facts):
    """Commit a unit of `model` whose items have these log-likelihoods; `changes` are of its key."""
    commit = f"{model}-{step}"
    key = cell_key(task, step, repo=f"org/{model}", commit=commit, **(changes or {}))
    cells = {key: ("classification", choice_scores(answers))}
    draft, table = unit(cells, step, model=model, commit=commit, **facts)
    store.commit(draft, table)


def stored_rows(path):
    """All item scores of a store, in an order that does not depend on who wrote them when."""
    store = open_store(path)
    table = pa.concat_tables([store.read_unit(unit) for unit in store.manifests()])
    order = [(name, "ascending") for name in ("model", "step", "task", "item_id")]
    return table.sort_by(order)
