"""Load the items of a task, and make a task of the user's own file.

In: a `Task` and where to look. Out: its items, byte-exact, with the sha256 of the file that they
come from. Locating is ``locate.py``, the row format ``rows.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ckpt_analyzer.errors import TaskDataError
from ckpt_analyzer.task import Item, Task, TaskFile
from ckpt_analyzer.task_data.locate import read_task_file
from ckpt_analyzer.task_data.own_rules import OwnRules
from ckpt_analyzer.task_data.places import Places
from ckpt_analyzer.task_data.rows import Row, RowFormat, infer_kind, item_of, rows

#: The endings of own data, longest first.
_ENDINGS: dict[str, RowFormat] = {".jsonl.gz": "jsonl", ".jsonl": "jsonl", ".csv": "csv"}


@dataclass(frozen=True)
class TaskItems:
    """The items of a task, in the order of its file, and the sha256 of the unpacked file.

    Parameters
    ----------
    rules
        Of a task of another framework, whose examples and metrics are its own; else None.
    """

    task: Task
    items: tuple[Item, ...]
    sha256: str
    rules: OwnRules | None = None

    @property
    def scored_bytes(self) -> int:
        """UTF-8 bytes of prompts and choices, each choice run on its own."""
        return sum(len(text.encode()) for item in self.items for text in item.texts)


def load_items(
    task: Task,
    *,
    data_dir: Path | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    cache_dir: Path | None = None,
) -> TaskItems:
    """Return the items of `task`.

    Own data is read from its path, a task of the package from the package, an official task from
    `data_dir` if that is given and else from the Hub.

    Parameters
    ----------
    data_dir
        A folder with official files, plain or gzipped.
    endpoint, token, cache_dir
        Of the Hub; None for the client's own defaults.

    Raises
    ------
    TaskDataError
        If the file is missing, altered or malformed; it names the line and what to do next.
    """
    located = read_task_file(task.data, Places(data_dir, endpoint, token, cache_dir))
    found = rows(located.content, _row_format(task.data.name), located.where)
    items = tuple(item_of(row, task.kind, index) for index, row in enumerate(found))
    _check_ids(items, located.where)
    return TaskItems(task, items, located.sha256)


def own_task(path: Path) -> Task:
    """Return the task that the JSONL or CSV file at `path` stands for, named after the file.

    The kind follows from the columns of the first row, see `rows.infer_kind`.

    Raises
    ------
    TaskDataError
        If the file is missing, empty, of another format, or its columns fit no kind.
    """
    row_format = _row_format(path.name)
    located = read_task_file(TaskFile(str(path), sha256=None), Places())
    name = _stem(path.name)
    return Task(
        name=name,
        title=name,
        kind=infer_kind(_first_row(located.content, row_format, located.where)),
        description=f"Own data, from the file {path.name}.",
        data=TaskFile(str(path), sha256=None),
        n_items=None,
    )


def _first_row(content: bytes, row_format: RowFormat, where: str) -> Row:
    row = next(rows(content, row_format, where), None) if content.strip() else None
    if row is None:
        raise TaskDataError("the file has no rows", where=where, hint="give one row per item")
    return row


def _row_format(name: str) -> RowFormat:
    for ending, row_format in _ENDINGS.items():
        if name.endswith(ending):
            return row_format
    raise TaskDataError(
        "the file is of no known format",
        where=name,
        hint=f"own data ends in {', '.join(_ENDINGS)}",
    )


def _stem(name: str) -> str:
    return name.removesuffix(next(ending for ending in _ENDINGS if name.endswith(ending)))


def _check_ids(items: tuple[Item, ...], where: str) -> None:
    seen: set[str] = set()
    for item in items:
        if item.item_id in seen:
            raise TaskDataError(
                f"the id {item.item_id!r} stands twice", where=where, hint="give each row its own"
            )
        seen.add(item.item_id)
