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
from ckpt_analyzer.prompt_rules import rules_at
from ckpt_analyzer.scoring.chat import Chat, check_template
from ckpt_analyzer.scoring.fitting import FittedItems, PromptAt, encode_fitting
from ckpt_analyzer.scoring.load import load_tokenizer
from ckpt_analyzer.scoring.plan import ScoringPlan, prepare
from ckpt_analyzer.store.tally import NO_SHOTS, ShotsUsed
from ckpt_analyzer.store.unit import CellKey
from ckpt_analyzer.sweep.sample import sample_items
from ckpt_analyzer.task import Item
from ckpt_analyzer.task_data import TaskItems
from ckpt_analyzer.task_data.few_shot import Drawn, prompted

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
    prompt_rules: str


class UnitPlan(NamedTuple):
    """What to compute for the cells of a unit, and the examples in the prompts of each."""

    scoring: ScoringPlan
    shots: tuple[ShotsUsed, ...]


class CellPrompts(NamedTuple):
    """The prompts of a cell, at any number of examples up to that of the cell."""

    at: PromptAt
    n_items: int


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
    _encoded: dict[_TextKey, FittedItems] = field(default_factory=dict)
    _plans: dict[tuple[_TextKey, ...], ScoringPlan] = field(default_factory=dict)

    def plan(
        self, cells: Sequence[CellKey], folder: Path, max_length_tokens: int, *, arm: str = "base"
    ) -> UnitPlan:
        """Return what to compute for `cells`, in their order.

        Parameters
        ----------
        folder
            Holds the tokenizer.
        max_length_tokens
            The longest input of the model.
        arm
            The training stage that the tokenizer belongs to, for messages.

        Raises
        ------
        ScoringError
            If the tokenizer cannot be read, an item cannot be encoded, or a chat format is asked
            for and there is no template.
        """
        tokenizer = tokenizer_sha256(folder)
        keys = tuple(_text_key(cell, tokenizer, max_length_tokens) for cell in cells)
        if keys not in self._plans:
            self._encode(dict(zip(keys, cells, strict=True)), folder, arm)
            while len(self._plans) >= _KEPT_PLANS:
                del self._plans[next(iter(self._plans))]
            self._plans[keys] = prepare([self._encoded[key].encoded for key in keys])
        shots = [_shots_used(cell, self._encoded[k]) for cell, k in zip(cells, keys, strict=True)]
        return UnitPlan(self._plans[keys], tuple(shots))

    def n_items(self, cell: CellKey) -> int:
        """Return how many items `cell` has."""
        n_items = len(self.tasks[cell.task].items)
        return n_items if cell.limit is None else min(cell.limit, n_items)

    def prompts(self, cell: CellKey) -> CellPrompts:
        """Return the items of `cell`: sampled, and with as many of their examples as one wants."""
        of_task = self.tasks[cell.task]
        items = sample_items(of_task.items, cell.limit, cell.limit_seed, cell.task)
        if of_task.rules is not None:
            return CellPrompts(_OwnPrompts(of_task, cell).at, len(items))
        drawn = Drawn(of_task.items, cell.shot_seed or 0, of_task.examples)
        prompts = prompted(items, cell.shots, drawn, rules_at(cell.prompt_rules).shots)
        return CellPrompts(lambda place, shots: prompts[place].at(shots), len(prompts))

    def _encode(self, cells: Mapping[_TextKey, CellKey], folder: Path, arm: str) -> None:
        missing = {key: cell for key, cell in cells.items() if key not in self._encoded}
        if not missing:
            return
        tokenizer = load_tokenizer(folder, trust_remote_code=self.trust_remote_code)
        for key, cell in missing.items():
            prompts = self.prompts(cell)
            chat = rules_at(cell.prompt_rules).chat
            if chat is not None:
                check_template(tokenizer, arm)
            self._encoded[key] = encode_fitting(
                tokenizer,
                prompts.at,
                prompts.n_items,
                cell.shots,
                max_length_tokens=key.max_length_tokens,
                render=None if chat is None else Chat(tokenizer, chat).render,
            )


@dataclass
class _OwnPrompts:
    """Prompts of a task that puts its examples together by its own rules."""

    of_task: TaskItems
    cell: CellKey
    _by_shots: dict[int, tuple[Item, ...]] = field(default_factory=dict)

    def at(self, place: int, shots: int) -> Item:
        if shots not in self._by_shots:
            self._by_shots[shots] = self._sampled(shots)
        return self._by_shots[shots][place]

    def _sampled(self, shots: int) -> tuple[Item, ...]:
        pool, cell = self.of_task.items, self.cell
        if shots:
            assert self.of_task.rules is not None
            assert cell.shot_seed is not None
            pool = self.of_task.rules.with_shots(shots, cell.shot_seed)
        return sample_items(pool, cell.limit, cell.limit_seed, cell.task)


def _shots_used(cell: CellKey, fitted: FittedItems) -> ShotsUsed:
    if not cell.shots:
        return NO_SHOTS
    n_cut = int((fitted.n_shots_I < cell.shots).sum())
    return ShotsUsed(n_cut, int(fitted.n_shots_I.sum()))


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
        prompt_rules=cell.prompt_rules,
    )
