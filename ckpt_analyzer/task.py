"""The records of a task: a data set of items, each with its choices.

Pure records: reading files is ``task_data``, scoring is ``scoring``. Tasks are declared in
``ckpt_analyzer/tasks``, one file each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Cause = Literal["strong prior", "unwanted imitation", "distractor task", "spurious few-shot"]
#: ``harness`` items are judged by the task's own rules: lm-evaluation-harness says what they get.
Kind = Literal["classification", "sequence_prob", "logodds", "absolute_logodds", "harness"]


@dataclass(frozen=True)
class Item:
    """One question of a task.

    Parameters
    ----------
    item_id
        Unique within the task and stable: the row number in the official file.
    context
        The tokens before the choices, byte-exact.
    choices
        The answer texts, byte-exact, each beginning with its space. One for ``sequence_prob``.
    gold
        Index of the right choice.
    part
        The part of the official file that the row comes from.
    other_context
        The second prompt of a log-odds item; the same choices are scored after it.
    choice_contexts
        A context for each choice, where they differ (Winogrande: the sentence up to the blank,
        filled in each way); `context` is then what all of them begin with. None: `context` for
        all.
    bare_choices
        The choices without what joins them to the context: their lengths count in metrics per byte
        and per character. None: the choices as they are.
    """

    item_id: str
    context: str
    choices: tuple[str, ...]
    gold: int
    part: int = 0
    other_context: str | None = None
    choice_contexts: tuple[str, ...] | None = None
    bare_choices: tuple[str, ...] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Every choice behind its context, then behind the other context if there is one."""
        own = self.choice_contexts or (self.context,) * len(self.choices)
        other = () if self.other_context is None else (self.other_context,) * len(self.choices)
        pairs = zip(own + other, self.choices + self.choices, strict=False)
        return tuple(context + choice for context, choice in pairs)


class SampleTokens(NamedTuple):
    """The tokens of a random sample of items, with what their texts share counted once."""

    n_items: int
    tokens: int


@dataclass(frozen=True)
class Task:
    """A data set of items and what is known about it.

    Parameters
    ----------
    name
        The key, e.g. ``memo-trap``.
    cause
        Which of the four causes of inverse scaling it stands for; None for a control or own data.
    kind
        How the prize scores it; it decides which metrics apply.
    data
        Where its rows are, see ``task_data``.
    n_items
        Rows in the official file; None where there is no official count.
    scored_bytes
        UTF-8 bytes of prompts and choices of all rows, each choice run on its own.
    sample_tokens
        Tokens under Pythia's tokenizer of one item and of larger samples up to all of them,
        ascending: what scoring computes is sized by it before the file is here.
    """

    name: str
    title: str
    kind: Kind
    description: str
    data: TaskFile
    n_items: int | None
    scored_bytes: int | None = None
    sample_tokens: tuple[SampleTokens, ...] = ()
    cause: Cause | None = None
    citation: str = ""
    licence: str = ""


@dataclass(frozen=True)
class TaskFile:
    """Where the rows of a task are.

    Parameters
    ----------
    name
        File name: ``memo-trap_classification.jsonl``; a path for own data.
    sha256
        Of the unpacked file; None for own data (it is then computed, not checked).
    repo
        Hub data set repository; None if the file is local or in the package.
    package
        Package folder that ships the file (the demo's tasks); None otherwise.
    """

    name: str
    sha256: str | None
    repo: str | None = None
    package: str | None = None
