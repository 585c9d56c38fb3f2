"""Samples of lm-evaluation-harness 0.4 (``--log_samples``), read into item scores.

In: the rows of a ``samples_….jsonl`` and what the results file beside it says. Out: a unit of items
with the loglikelihood of every choice. The means of the rows must be those of the results file:
samples that belong to another run are refused, not trusted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckpt_analyzer.harness.names import OURS, metric_name
from ckpt_analyzer.importers._gathered import UnreadableError
from ckpt_analyzer.importers._items import (
    ImportedUnit,
    ItemRow,
    Source,
    content_digest,
    make_unit,
)
from ckpt_analyzer.suite import Checkpoint
from ckpt_analyzer.task import Item, Kind

_TOLERANCE = 1e-6
_FLAGS = {"True": True, "False": False, True: True, False: False}

#: Metrics whose value over a task is the mean over items, whatever the file: they must agree.
_MEANS = (*OURS, "mc1", "mc2", "exact_match")


@dataclass(frozen=True)
class Samples:
    """The rows of a file of samples, and what is known of the run.

    Parameters
    ----------
    n_items
        As the results file counts them; None if it does not.
    means
        What the results file gives for the task, by its own names.
    """

    rows: Sequence[Any]
    where: str
    checkpoint: Checkpoint
    task: str
    shots: int
    dtype: str
    commit: str
    n_items: int | None
    means: Mapping[str, float]
    version: str


@dataclass(frozen=True)
class _Asked:
    """One row: what was asked, and the answers' scores."""

    row: Mapping[str, Any]
    doc_id: str
    contexts: tuple[str, ...]
    continuations: tuple[str, ...]
    loglikelihood_nats: tuple[float, ...]
    is_greedy: tuple[bool, ...]

    @property
    def is_scored(self) -> bool:
        return all(map(math.isfinite, self.loglikelihood_nats))

    @property
    def bare_choices(self) -> tuple[str, ...]:
        return tuple(text.removeprefix(" ") for text in self.continuations)

    @property
    def gold(self) -> int | None:
        """The one right choice; None where the row does not tell."""
        target = str(self.row.get("target"))
        if target.isdecimal() and int(target) < len(self.continuations):
            return int(target)
        bare = self.bare_choices
        return bare.index(target) if bare.count(target) == 1 else None


def read_samples(samples: Samples) -> ImportedUnit:
    """Return the items of `samples`.

    Raises
    ------
    UnreadableError
        If rows are malformed, an item comes twice, or the rows are not those of the results file.
    """
    listed = [_asked(_mapping(row)) for row in samples.rows]
    first_filter = listed[0].row.get("filter") if listed else None
    asked = [each for each in listed if each.row.get("filter") == first_filter]
    _check_items(asked, samples)
    means = _metrics_that_are_means(asked, samples, first_filter)
    kind = _kind(asked)
    found = [_item_row(each, kind, means) for each in asked]
    source = Source(
        checkpoint=samples.checkpoint,
        task=samples.task,
        kind=kind,
        shots=samples.shots,
        dtype=samples.dtype,
        prompt_format="lm-eval",
        content=content_digest([[each.doc_id, each.row.get("doc")] for each in asked]),
        where=samples.where,
        commit=samples.commit,
        versions={"lm_eval": samples.version},
    )
    return make_unit(source, found, [_text(each) for each in asked])


def _mapping(row: object) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise UnreadableError("a line is not a sample: it is no JSON object")
    return row


def _asked(row: Mapping[str, Any]) -> _Asked:
    doc_id, answers = row.get("doc_id"), row.get("filtered_resps")
    arguments = row.get("arguments")
    if isinstance(doc_id, bool) or not isinstance(doc_id, int) or not isinstance(answers, list):
        raise UnreadableError("a line is not a sample: it lacks `doc_id` or `filtered_resps`")
    pairs = [_answer(answer, doc_id) for answer in answers]
    texts = [_argument(each, doc_id) for each in _listed(arguments)]
    if not pairs or len(texts) != len(pairs):
        raise UnreadableError(f"sample {doc_id} has {len(texts)} requests and {len(pairs)} answers")
    return _Asked(
        row,
        str(doc_id),
        tuple(context for context, _ in texts),
        tuple(continuation for _, continuation in texts),
        tuple(nats for nats, _ in pairs),
        tuple(greedy for _, greedy in pairs),
    )


def _listed(arguments: object) -> Sequence[object]:
    """Return the requests of a sample: a list, or ``gen_args_0`` … in order."""
    if isinstance(arguments, dict):
        keys = [f"gen_args_{place}" for place in range(len(arguments))]
        return [arguments.get(key) for key in keys]
    return arguments if isinstance(arguments, list) else ()


def _argument(argument: object, doc_id: int) -> tuple[str, str]:
    values = list(argument.values()) if isinstance(argument, dict) else argument
    if (
        isinstance(values, list)
        and len(values) >= 2
        and all(isinstance(v, str) for v in values[:2])
    ):
        return values[0], values[1]
    raise UnreadableError(f"sample {doc_id} does not tell its context and continuation")


def _answer(answer: object, doc_id: int) -> tuple[float, bool]:
    value: Any
    value, flag = answer if isinstance(answer, list) and len(answer) == 2 else (None, None)
    if not isinstance(flag, str | bool) or flag not in _FLAGS:
        raise UnreadableError(
            f"sample {doc_id} holds no loglikelihoods: its answers were written by the model"
        )
    try:
        nats = float(value)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"sample {doc_id} has a loglikelihood that is no number") from error
    if isinstance(value, bool) or nats > 0:
        raise UnreadableError(f"sample {doc_id} has a loglikelihood of {value}")
    return nats, _FLAGS[flag]


def _check_items(asked: Sequence[_Asked], samples: Samples) -> None:
    if not asked:
        raise UnreadableError("the file has no samples")
    ids = [each.doc_id for each in asked]
    if len(set(ids)) < len(ids):
        raise UnreadableError("a sample comes twice")
    n_scored = sum(each.is_scored for each in asked)
    if samples.n_items not in (None, len(ids), n_scored):
        raise UnreadableError(
            f"{len(ids)} samples, and the results file beside them counts {samples.n_items}"
        )


def _metrics_that_are_means(
    asked: Sequence[_Asked], samples: Samples, kept: object
) -> tuple[str, ...]:
    """Return the metrics of the rows whose means the results file gives.

    Raises
    ------
    UnreadableError
        If the mean of a metric that is one is another than the file's.
    """
    names = []
    for name in dict.fromkeys(name for each in asked for name in each.row):
        key = name if name in samples.means else f"{name},{kept}"
        if key not in samples.means:
            continue
        values = [each.row.get(name) for each in asked if each.is_scored]
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
            raise UnreadableError(f"a sample has no number for {name}")
        if not values:
            continue
        mean, stated = float(np.mean(np.array(values, dtype=float))), samples.means[key]
        if abs(mean - stated) <= _TOLERANCE:
            names.append(name)
        elif name in _MEANS:
            raise UnreadableError(
                f"the samples have a mean {name} of {mean:.6g}, the results file beside them "
                f"says {stated:.6g}"
            )
    if not names and any(name.partition(",")[0] in _MEANS for name in samples.means):
        raise UnreadableError("no metric of the results file is in the samples")
    return tuple(names)


def _kind(asked: Sequence[_Asked]) -> Kind:
    """Return the kind whose rules give what the file itself says, else that of its own rules."""
    if all(len(each.continuations) == 1 for each in asked):
        return "sequence_prob"
    return "classification" if all(map(_agrees_with_our_rules, asked)) else "harness"


def _agrees_with_our_rules(asked: _Asked) -> bool:
    if not asked.is_scored:
        return asked.gold is not None
    if asked.gold is None or "acc" not in asked.row:
        return False
    nats = np.array(asked.loglikelihood_nats)
    n_chars = np.array([len(text) for text in asked.bare_choices])
    n_bytes = np.array([len(text.encode(errors="surrogatepass")) for text in asked.bare_choices])
    if not n_chars.all():
        return False
    ours = {"acc": nats, "acc_norm": nats / n_chars, "acc_bytes": nats / n_bytes}
    return all(
        float(int(scores.argmax()) == asked.gold) == asked.row[name]
        for name, scores in ours.items()
        if name in asked.row
    )


def _item_row(asked: _Asked, kind: Kind, means: Sequence[str]) -> ItemRow:
    named = {metric_name(name): float(asked.row[name]) for name in means if name in asked.row}
    return ItemRow(
        item_id=asked.doc_id,
        loglikelihood_nats=asked.loglikelihood_nats,
        is_greedy=asked.is_greedy,
        bare_choices=asked.bare_choices,
        gold=(asked.gold or 0) if kind == "classification" else 0,
        values=named if asked.is_scored else {},
    )


def _text(asked: _Asked) -> Item:
    is_one = len(set(asked.contexts)) == 1
    return Item(
        item_id=asked.doc_id,
        context=asked.contexts[0] if is_one else "",
        choices=asked.continuations,
        gold=asked.gold or 0,
        choice_contexts=None if is_one else asked.contexts,
    )
