"""Tasks of lm-evaluation-harness as items of ours.

In: a name that the installed harness knows, or that a folder of the user's own YAML files defines.
Out: ``TaskItems``: the harness's own requests (contexts, continuations, examples), to be scored by
our core. What an item gets for its scores is ``rules``'s. Documents come through ``datasets``, from
the Hub or from local files, as the task's YAML says.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval.api.task import ConfigurableTask, MultipleChoiceTask
from lm_eval.api.task import Task as HarnessTask
from lm_eval.tasks import TaskManager

from ckpt_analyzer.errors import TaskDataError, UnknownNameError
from ckpt_analyzer.harness.names import PREFIX
from ckpt_analyzer.harness.rules import HarnessRules
from ckpt_analyzer.task import Item, Kind, Task, TaskFile
from ckpt_analyzer.task_data import TaskItems

#: What a task of the harness raises when it is built: its YAML, templates, Python files and
#: ``datasets`` all have a say in it, and there is no common root.
BROKEN = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip

#: Parts of a configuration that say where documents lie, or what only people read.
_NOT_CONTENT = ("dataset_path", "dataset_name", "dataset_kwargs", "metadata", "tag", "task_alias")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")

#: Rules that ours are equal to.
_STANDARD_RULES = (ConfigurableTask.process_results, MultipleChoiceTask.process_results)

_CANNOT = {
    "generate_until": "it lets the model write, and only given answers are scored here",
    "loglikelihood_rolling": "it scores whole documents without choices",
}


@dataclass(frozen=True)
class _Document:
    """One document, with the (context, continuation) pairs that the harness asks of it."""

    doc_id: int
    doc: Any
    requests: tuple[tuple[str, str], ...]


@cache
def load_harness_tasks(name: str, include: Path | None = None) -> tuple[TaskItems, ...]:
    """Return the items of the task called `name`, or of every task of the group or tag `name`.

    Parameters
    ----------
    name
        As the harness knows it, without ``lm_eval:``.
    include
        A folder of the user's own YAML files, which go before those of the harness.

    Raises
    ------
    UnknownNameError
        If there is no such task; it names the nearest.
    TaskDataError
        If the task lets models write, or its documents cannot be had.
    """
    manager = _manager_of(name, include)
    if name not in manager.all_tasks:
        raise UnknownNameError("task of lm-evaluation-harness", name, manager.all_tasks)
    with _broken_tasks(name), _silence():
        found = manager.load([name])["tasks"]
    return tuple(_task_items(key, task) for key, task in found.items())


def _manager_of(name: str, include: Path | None) -> TaskManager:
    """Return a manager that knows `name` if any does; that of all 13,000 tasks takes seconds."""
    if include is not None and name in _manager(include, is_alone=True).all_subtasks:
        return _manager(include, is_alone=True)
    return _manager(include, is_alone=False)


@cache
def _manager(include: Path | None, *, is_alone: bool) -> TaskManager:
    if include is not None and not include.is_dir():
        raise TaskDataError(
            "there is no such folder of tasks",
            where=f"lm_eval_include: {include}",
            hint="give a folder that holds YAML files of tasks",
        )
    with _silence():
        path = None if include is None else str(include)
        return TaskManager(include_path=path, include_defaults=not is_alone)


def _task_items(name: str, task: HarnessTask) -> TaskItems:
    _check_can_be_scored(name, task)
    with _broken_tasks(name):
        documents = build_documents(task, shots=0, seed=0)
        kind = _kind(task, documents)
        items = tuple(_item(task, each, kind) for each in documents)
        sha256 = _digest(task, items)
    record = Task(
        name=name,
        title=name,
        kind=kind,
        description=f"{name} of lm-evaluation-harness.",
        data=TaskFile(f"{PREFIX}{name}", sha256=sha256),
        n_items=len(items),
        citation="https://github.com/EleutherAI/lm-evaluation-harness",
    )
    return TaskItems(record, items, sha256, rules=_Rules(task, kind, name))


class _Rules(HarnessRules):
    """The rules of a task, with its examples."""

    def with_shots(self, shots: int, seed: int) -> tuple[Item, ...]:
        """Return all items with `shots` examples, drawn by the harness under `seed`.

        Raises
        ------
        TaskDataError
            If the task has too few documents for examples, or allows none.
        """
        with _broken_tasks(self.name):
            documents = build_documents(self.task, shots=shots, seed=seed)
            return tuple(_item(self.task, each, self.kind) for each in documents)


def build_documents(task: HarnessTask, *, shots: int, seed: int) -> tuple[_Document, ...]:
    """Return what the harness asks of each document, in its order."""
    task.set_config(key="num_fewshot", value=shots)
    task.set_fewshot_seed(seed=seed)
    with _silence():
        task.build_all_requests(rank=0, world_size=1)
    asked: dict[int, list[Any]] = {}
    for instance in task.instances:
        asked.setdefault(instance.doc_id, []).append(instance)
    return tuple(
        _Document(
            doc_id,
            instances[0].doc,
            tuple(each.args[:2] for each in sorted(instances, key=lambda each: each.idx)),
        )
        for doc_id, instances in asked.items()
    )


def _item(task: HarnessTask, document: _Document, kind: Kind) -> Item:
    contexts = tuple(context for context, _ in document.requests)
    is_one = len(set(contexts)) == 1
    gold = _gold(task, document) if kind == "classification" else None
    return Item(
        item_id=str(document.doc_id),
        context=contexts[0] if is_one else _common_start(contexts),
        choices=tuple(continuation for _, continuation in document.requests),
        gold=gold or 0,
        choice_contexts=None if is_one else contexts,
        bare_choices=_bare_choices(task, document),
    )


def _common_start(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    pairs = zip(first, last, strict=False)
    n_equal = next((n for n, (one, other) in enumerate(pairs) if one != other), len(first))
    return first[:n_equal]


def _kind(task: HarnessTask, documents: Sequence[_Document]) -> Kind:
    """Return how items are judged: by our rules where they are those of the task."""
    is_standard = type(task).process_results in _STANDARD_RULES
    if not is_standard or callable(task.config.process_results):
        return "harness"
    if task.OUTPUT_TYPE == "loglikelihood" and all(len(each.requests) == 1 for each in documents):
        return "sequence_prob"
    # Not so where a task asks for more than its choices, as acc_mutual_info does: each without the
    # question as well.
    are_choices = all(_bare_choices(task, each) is not None for each in documents)
    golds_known = all(_gold(task, each) is not None for each in documents)
    return "classification" if are_choices and golds_known else "harness"


def _gold(task: HarnessTask, document: _Document) -> int | None:
    """Return the index of the one right choice; None where there are several, or none."""
    if isinstance(task, MultipleChoiceTask):
        gold = document.doc["gold"]
    elif task.multiple_input:
        gold = task.doc_to_text(document.doc)
    else:
        gold = task.doc_to_target(document.doc)
    choices = _bare_choices(task, document)
    if isinstance(gold, str) and choices is not None and gold in choices:
        gold = choices.index(gold)
    is_index = isinstance(gold, int) and 0 <= gold < len(document.requests)
    return int(gold) if is_index else None


def _bare_choices(task: HarnessTask, document: _Document) -> tuple[str, ...] | None:
    """Return the choices whose lengths the harness divides by; None where it does not."""
    if isinstance(task, MultipleChoiceTask):
        return tuple(document.doc["choices"])
    if task.OUTPUT_TYPE != "multiple_choice":
        return None
    choices = tuple(map(str, task.doc_to_choice(document.doc)))
    return choices if len(choices) == len(document.requests) else None


def _check_can_be_scored(name: str, task: HarnessTask) -> None:
    problem = _CANNOT.get(str(task.OUTPUT_TYPE))
    if getattr(task, "MULTIMODAL", False):
        problem = "its documents hold images or sound"
    if getattr(task, "UNSAFE_CODE", False):
        problem = "it runs code that the harness itself marks as unsafe"
    if problem is None:
        return
    raise TaskDataError(
        f"the task {name} cannot be scored here: {problem}",
        where=f"tasks: {PREFIX}{name}",
        hint="name tasks of output_type multiple_choice or loglikelihood; for whole documents "
        "let the harness use our core: python -m ckpt_analyzer.harness --model ckpt_analyzer",
    )


def _digest(task: HarnessTask, items: Sequence[Item]) -> str:
    """Return the address of what is asked: configuration, documents and those for examples."""
    config = {k: v for k, v in task.dump_config().items() if k not in _NOT_CONTENT}
    config.pop("num_fewshot", None)
    examples = getattr(getattr(task, "sampler", None), "df", None) or ()
    asked = [[i.item_id, i.context, i.choice_contexts, i.choices, i.gold] for i in items]
    content = {"config": config, "examples": list(examples), "asked": asked}
    text = json.dumps(content, sort_keys=True, default=_as_text, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _as_text(value: object) -> str:
    """Return `value` without where it lies in memory."""
    return _ADDRESS.sub("", str(value))


@contextlib.contextmanager
def _broken_tasks(name: str) -> Iterator[None]:
    """Say of a task that cannot be built which one it is."""
    try:
        yield
    except BROKEN as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise TaskDataError(
            f"the task cannot be built: {type(error).__name__}: {first_line}",
            where=f"{PREFIX}{name}",
            hint="its documents come through `datasets`: look at the network, or at dataset_path "
            "and dataset_kwargs in its YAML; try it with: lm-eval validate --tasks " + name,
        ) from error


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the harness's bars and chatter off the terminal; errors are raised all the same."""
    chatty = [logging.getLogger(name) for name in ("lm_eval", "datasets")]
    levels = [each.level for each in chatty]
    for each in chatty:
        each.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for each, level in zip(chatty, levels, strict=True):
            each.setLevel(level)
