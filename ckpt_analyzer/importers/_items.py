"""Scores of single items, as others stored them, made into a unit of a store.

In: a checkpoint, a task and rows of items. Out: a manifest and a table as of scores of our own, so
that trends, flips and comparisons use items. The module knows no format.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ckpt_analyzer.store.tally import tally
from ckpt_analyzer.store.unit import IMPORTED, CellKey, UnitManifest, facts_of
from ckpt_analyzer.suite import Checkpoint
from ckpt_analyzer.tables import ITEM_SCORES
from ckpt_analyzer.task import Item, Kind


@dataclass(frozen=True)
class ItemRow:
    """One item.

    Parameters
    ----------
    loglikelihood_nats, is_greedy
        Per choice; empty where the file tells none.
    bare_choices
        The choices as their lengths count; empty where the file tells none.
    values
        Our name of a metric → what the item got.
    """

    item_id: str
    loglikelihood_nats: tuple[float, ...] = ()
    is_greedy: tuple[bool, ...] = ()
    bare_choices: tuple[str, ...] = ()
    gold: int = 0
    part: int = 0
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What the items of one unit have in common.

    Parameters
    ----------
    content
        Digest of the documents: equal for equal questions, whatever answered them.
    where
        The file, for a digest of its own.
    """

    checkpoint: Checkpoint
    task: str
    kind: Kind
    shots: int
    dtype: str
    prompt_format: str
    content: str
    where: str
    commit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedUnit:
    """A unit that a store can take, and the texts of its items where the file has them."""

    draft: UnitManifest
    table: pa.Table
    items: tuple[Item, ...] = ()


def content_digest(documents: Sequence[object]) -> str:
    """Return one digest of documents in their order."""
    text = json.dumps(documents, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def make_unit(source: Source, rows: Sequence[ItemRow], items: Sequence[Item] = ()) -> ImportedUnit:
    """Return the unit of `rows`."""
    checkpoint, model = source.checkpoint, source.checkpoint.model
    scores = [[row.item_id, row.loglikelihood_nats, dict(row.values)] for row in rows]
    own_digest = content_digest([source.where.rpartition("/")[2], source.task, scores])
    key = CellKey(
        repo=model.repo,
        commit=source.commit or f"{IMPORTED}-{own_digest[:16]}",
        revision=checkpoint.revision,
        step=checkpoint.step,
        task=source.task,
        task_sha256=source.content,
        shots=source.shots,
        shot_seed=None,
        limit=None,
        limit_seed=None,
        dtype=source.dtype,
        prompt_format=source.prompt_format,
        scorer_version=IMPORTED,
    )
    digest = f"{IMPORTED}-{own_digest}"
    table = _table(source, key, digest, rows)
    draft = UnitManifest(
        **facts_of(checkpoint),
        commit=key.commit,
        weights_sha256=digest,
        suspect=None,
        cells=(tally(key, source.kind, table),),
        sweep_sha256="",
        seconds_fetch=0.0,
        seconds_score=0.0,
        device=IMPORTED,
        versions=dict(source.versions),
    )
    return ImportedUnit(draft, table, tuple(items))


def _table(source: Source, key: CellKey, digest: str, rows: Sequence[ItemRow]) -> pa.Table:
    checkpoint = source.checkpoint
    common: dict[str, Any] = {
        "suite": checkpoint.suite,
        "model": checkpoint.model.name,
        "arm": checkpoint.model.arm,
        "revision": checkpoint.revision,
        "commit": key.commit,
        "step": checkpoint.step,
        "tokens": checkpoint.tokens,
        "weights_sha256": digest,
        "dtype": source.dtype,
        "task": source.task,
        "shots": source.shots,
        "prompt_format": source.prompt_format,
        "other_loglikelihood_nats": None,
        "truncated": False,
    }
    listed = [common | _columns(row) for row in rows]
    return pa.Table.from_pylist(listed, schema=ITEM_SCORES)


def _columns(row: ItemRow) -> dict[str, Any]:
    scores = [nats if math.isfinite(nats) else math.nan for nats in row.loglikelihood_nats]
    return {
        "item_id": row.item_id,
        "part": row.part,
        "gold": row.gold,
        "loglikelihood_nats": scores,
        # Files do not tell tokens: 0 of them makes metrics per token unscored.
        "n_tokens": [0] * len(scores),
        "n_bytes": [len(text.encode(errors="surrogatepass")) for text in row.bare_choices],
        "n_chars": [len(text) for text in row.bare_choices],
        "is_greedy": list(row.is_greedy),
        "task_values": list(row.values.items()) or None,
    }
