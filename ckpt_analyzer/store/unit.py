"""The records of a unit: what its scores depend on, and what its manifest says.

Pure records: no files, no tables. A unit is one checkpoint × its tasks; a cell is one task of it,
under one number of shots, prompt format and dtype.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property, lru_cache
from typing import Any, ClassVar

from pydantic import ConfigDict

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.versions import VERSION
from ckpt_analyzer.suite import Arm, Checkpoint
from ckpt_analyzer.task import Kind

#: The version of the scorer of cells whose scores others made.
IMPORTED = "imported"


@dataclass(frozen=True)
class CellKey:
    """All that a score depends on and that is known before any download.

    Parameters
    ----------
    commit
        The sha that `revision` resolved to; of a local checkpoint, a digest of its files.
    limit, limit_seed
        How many items were drawn, and the seed of the draw; None for all items.
    shot_seed
        Seed of the draw of in-context examples; None for zero shots.
    scorer_version
        Changes when the scoring core may give other numbers.
    prompt_rules
        How examples and chat turns are put together, see ``prompt_rules.py``; empty for raw
        prompts without examples.
    tokenizer
        Digest of the tokenizer, where it lies in another repository than the weights, which
        `commit` does not pin; else empty.
    """

    repo: str
    commit: str
    revision: str
    step: int
    task: str
    task_sha256: str
    shots: int
    shot_seed: int | None
    limit: int | None
    limit_seed: int | None
    dtype: str
    prompt_format: str
    scorer_version: str
    prompt_rules: str = ""
    tokenizer: str = ""


@dataclass(frozen=True)
class TableKey:
    """The columns of ITEM_SCORES that tell the cells of one unit apart."""

    task: str
    shots: int
    prompt_format: str
    dtype: str


@dataclass(frozen=True)
class Cell:
    """One task of a unit, with its counts.

    Parameters
    ----------
    n_items
        Rows in the table, those that were not scored included.
    n_truncated
        Items whose prompt lost its left end.
    n_unscored
        Items with a choice whose log-likelihood is not a finite number.
    n_shots_cut
        Items whose prompt holds fewer examples than asked for, because more do not fit.
    n_shots_used
        Examples in all prompts together; None without shots, and where it was not counted.
    values
        Metrics that the task's own rules gave its items (column ``task_values``), sorted.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    key: CellKey
    kind: Kind
    n_items: int
    n_truncated: int
    n_unscored: int
    n_shots_cut: int = 0
    n_shots_used: int | None = None
    values: tuple[str, ...] = ()

    @property
    def mean_shots(self) -> float:
        """Examples of a prompt on average; NaN where they were not counted."""
        if self.n_shots_used is None or not self.n_items:
            return float("nan")
        return self.n_shots_used / self.n_items

    @property
    def table_key(self) -> TableKey:
        """The cell's place in its unit's table."""
        key = self.key
        return TableKey(key.task, key.shots, key.prompt_format, key.dtype)


@dataclass(frozen=True)
class UnitManifest:
    """All that is known of a unit beside its table.

    Parameters
    ----------
    tokens, arm_tokens
        Training tokens seen by then: in all, and since this arm's step 0.
    suspect
        Why the checkpoint is not trusted; None if it is.
    seconds_fetch, seconds_score
        Wall time of the weights' way into memory, and of scoring.
    versions
        Name of a library → its version.
    packed_as
        Which rows of the table are this unit's, where several share it: those with this number in
        the column ``unit``. None if all are.
    format
        The version of the store that wrote manifest and table, see ``versions.py``.
    companions_digest
        Of configuration and tokenizer, see ``ResolvedCheckpoint``; empty if it was not known.
    seed
        The publisher's number of the training run; None where a size was trained once.
    copied_from
        The checkpoint with the same weights of which the scores were taken over; None if scored.
    parquet, parquet_sha256, parquet_bytes, created
        The table's file, filled in by ``write.commit_unit``; empty in a draft. `created` is UTC,
        ISO 8601.

    Raises
    ------
    StoreError
        If two cells could not be told apart in the unit's table.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    suite: str
    model: str
    size: str
    arm: Arm
    base_model: str | None
    parameters: int
    non_embedding_parameters: int | None
    revision: str
    commit: str
    step: int
    tokens: int
    arm_tokens: int
    weights_sha256: str
    suspect: str | None
    cells: tuple[Cell, ...]
    sweep_sha256: str
    seconds_fetch: float
    seconds_score: float
    device: str
    versions: Mapping[str, str] = field(hash=False)
    companions_digest: str = ""
    seed: int | None = None
    copied_from: str | None = None
    parquet: str = ""
    parquet_sha256: str = ""
    parquet_bytes: int = 0
    created: str = ""
    packed_as: int | None = None
    format: int = VERSION

    def __post_init__(self) -> None:
        counts = Counter(cell.table_key for cell in self.cells)
        twice = [key for key, count in counts.items() if count > 1]
        if twice:
            raise StoreError(
                f"two cells of {self.model}@{self.revision} share task, shots, prompt format and "
                "dtype",
                where=str(twice[0]),
                hint="score other seeds or limits in a sweep of their own",
            )

    @cached_property
    def unit_id(self) -> str:
        """Name of the unit's files: the same cells of the same weights have the same id."""
        keys = sorted(json.dumps(_told(cell.key), sort_keys=True) for cell in self.cells)
        digest = hashlib.sha256("\n".join([*keys, self.weights_sha256]).encode()).hexdigest()
        # A revision may hold "/", a local model's name any character.
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{self.model}-{self.revision}").strip(".")
        return f"{readable[:100]}-{digest[:16]}"


def facts_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the fields of a manifest that say which checkpoint it is of, its commit left out."""
    model = checkpoint.model
    return {
        "suite": checkpoint.suite,
        "model": model.name,
        "size": model.size,
        "arm": model.arm,
        "base_model": model.base_model,
        "seed": model.seed,
        "parameters": model.parameters,
        "non_embedding_parameters": model.non_embedding_parameters,
        "revision": checkpoint.revision,
        "step": checkpoint.step,
        "tokens": checkpoint.tokens,
        "arm_tokens": checkpoint.arm_tokens,
    }


def _told(key: CellKey) -> dict[str, object]:
    """Return the fields of `key` by name, without those that later versions added and it leaves be.

    A field with a default is one that was added: units of before keep their id.
    """
    added = _defaults(type(key))
    return {name: value for name, value in vars(key).items() if value != added.get(name, MISSING)}


def _defaults(kind: type[CellKey]) -> dict[str, object]:
    return {each.name: each.default for each in fields(kind) if each.default is not MISSING}


def sort_key(key: CellKey) -> tuple[str, ...]:
    """Return a total order over cells, None included."""
    return tuple(map(_as_text, vars(key).values()))


@lru_cache(maxsize=16_384)
def _as_text(value: str | int | None) -> str:
    return json.dumps(value)
