"""The plans of scoring: what the cells of a unit read, made once for all checkpoints.

In: the items of the tasks, the cells of a unit, its tokenizer. Out: a ``ScoringPlan`` that takes
all cells of the unit together, so that what their texts share is computed once. Texts are encoded
once a run, and a plan is kept for all units with the same cells. It knows nothing of weights,
stores or sources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ckpt_analyzer.checkpoints.weight_files import TOKENIZER_FILES
from ckpt_analyzer.scoring.encode import EncodedItems, encode_items
from ckpt_analyzer.scoring.load import load_tokenizer
from ckpt_analyzer.scoring.plan import ScoringPlan, prepare
from ckpt_analyzer.store.unit import CellKey
from ckpt_analyzer.sweep.sample import sample_items
from ckpt_analyzer.task import Item
from ckpt_analyzer.task_data import TaskItems
from ckpt_analyzer.task_data.few_shot import with_shots

#: Plans in memory at a time. Units differ in their cells only where a run was broken off.
_KEPT_PLANS = 2


class _TextKey(NamedTuple):
    """What the token ids of a cell depend on."""

    tokenizer_sha256: str
    max_length_tokens: int
    task: str
    shots: int
    shot_seed: int | None
    limit: int | None
    limit_seed: int | None
    prompt_format: str


@dataclass
class UnitPlans:
    """Plans for the units of a run.

    Parameters
    ----------
    tasks
        By the name that cells call them.
    trust_remote_code
        Whether code of a tokenizer may run where transformers has none of its own.
    """

    tasks: Mapping[str, TaskItems]
    trust_remote_code: bool = False
    _encoded: dict[_TextKey, EncodedItems] = field(default_factory=dict)
    _plans: dict[tuple[_TextKey, ...], ScoringPlan] = field(default_factory=dict)

    def plan(self, cells: Sequence[CellKey], folder: Path, max_length_tokens: int) -> ScoringPlan:
        """Return what to compute for `cells`, in their order.

        Parameters
        ----------
        folder
            Holds the tokenizer.
        max_length_tokens
            The longest input of the model.

        Raises
        ------
        ScoringError
            If the tokenizer cannot be read, or an item cannot be encoded.
        """
        tokenizer = tokenizer_sha256(folder)
        keys = tuple(_text_key(cell, tokenizer, max_length_tokens) for cell in cells)
        if keys not in self._plans:
            self._encode(dict(zip(keys, cells, strict=True)), folder)
            while len(self._plans) >= _KEPT_PLANS:
                del self._plans[next(iter(self._plans))]
            self._plans[keys] = prepare([self._encoded[key] for key in keys])
        return self._plans[keys]

    def n_items(self, cell: CellKey) -> int:
        """Return how many items `cell` has."""
        n_items = len(self.tasks[cell.task].items)
        return n_items if cell.limit is None else min(cell.limit, n_items)

    def items(self, cell: CellKey) -> tuple[Item, ...]:
        """Return the items of `cell`: sampled, and with their shots."""
        task = self.tasks[cell.task]
        pool = task.items
        if cell.shots and task.rules is not None:
            assert cell.shot_seed is not None
            pool = task.rules.with_shots(cell.shots, cell.shot_seed)
        items = sample_items(pool, cell.limit, cell.limit_seed, cell.task)
        if not cell.shots or task.rules is not None:
            return items
        assert cell.shot_seed is not None
        return with_shots(items, cell.shots, cell.shot_seed, pool=pool)

    def _encode(self, cells: Mapping[_TextKey, CellKey], folder: Path) -> None:
        missing = {key: cell for key, cell in cells.items() if key not in self._encoded}
        if not missing:
            return
        tokenizer = load_tokenizer(folder, trust_remote_code=self.trust_remote_code)
        for key, cell in missing.items():
            length = key.max_length_tokens
            chosen = self.items(cell)
            self._encoded[key] = encode_items(tokenizer, chosen, max_length_tokens=length)


def tokenizer_sha256(folder: Path) -> str:
    """Return a digest of the tokenizer's files in `folder`."""
    digest = hashlib.sha256()
    for name in sorted(TOKENIZER_FILES):
        path = folder / name
        digest.update(path.read_bytes() if path.exists() else b"\0")
    return digest.hexdigest()


def _text_key(cell: CellKey, tokenizer: str, max_length_tokens: int) -> _TextKey:
    return _TextKey(
        tokenizer_sha256=tokenizer,
        max_length_tokens=max_length_tokens,
        task=cell.task,
        shots=cell.shots,
        shot_seed=cell.shot_seed,
        limit=cell.limit,
        limit_seed=cell.limit_seed,
        prompt_format=cell.prompt_format,
    )
