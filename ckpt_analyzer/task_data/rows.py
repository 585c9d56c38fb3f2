"""Read the rows of a task file into items, byte-exact.

In: the bytes of a JSONL or CSV file and the task's kind. Out: items. Texts are never stripped:
official rows hold choices that are a lone space and prompts with carriage returns. Knows nothing
of files and places.

The columns are those of the Inverse Scaling Prize: ``prompt``, ``classes`` (a string holding a
Python list, or a list), ``answer_index``, ``completion``, ``other_prompt``, ``part``; and ``id``.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ckpt_analyzer.errors import TaskDataError
from ckpt_analyzer.task import Item, Kind

_DIGITS = re.compile(r"-?\d{1,20}")
#: Of a whole number in a row: tables keep it in 32 bits.
_LARGEST = 2**31 - 1

RowFormat = Literal["jsonl", "csv"]


@dataclass(frozen=True)
class Row:
    """One row as it stands in the file: its line, counted from 1, and its columns."""

    line: int
    columns: Mapping[str, object]
    where: str

    def error(self, problem: str, hint: str = "mend the line, then run again") -> TaskDataError:
        """Return an error that names this line."""
        return TaskDataError(problem, where=f"{self.where}, line {self.line}", hint=hint)

    def text(self, column: str) -> str:
        """Return a text column, which must be there."""
        value = self.columns.get(column)
        if not isinstance(value, str):
            raise self.error(f"the column {column!r} is missing or not a text")
        self.check_characters(value)
        return value

    def check_characters(self, text: str) -> None:
        """Raise unless `text` can be written as UTF-8."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self.error("a text holds half of a surrogate pair (\\ud800 …)") from error

    def integer(self, column: str, default: int | None = None) -> int:
        """Return a whole-number column; in CSV it is written in digits."""
        value = self.columns.get(column, default)
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"the column {column!r} is missing or not a whole number")
        if abs(value) > _LARGEST:
            raise self.error(f"the number in the column {column!r} is too large")
        return value


def rows(content: bytes, row_format: RowFormat, where: str) -> Iterator[Row]:
    """Yield the rows of a file, in order.

    Raises
    ------
    TaskDataError
        If the bytes are not UTF-8, or a line is not of the format; it names the line.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Row(line, {}, where).error(
            "the line is not UTF-8 text", hint="save the file in UTF-8, then run again"
        ) from error
    text = text.removeprefix("\ufeff")  # a byte order mark: spreadsheets and editors write it
    if row_format == "csv":
        yield from _csv_rows(text, where)
        return
    # Not splitlines(): it also breaks at \r and at U+2028, which prompts may hold.
    for line, row_text in enumerate(text.removesuffix("\n").split("\n"), start=1):
        yield Row(line, _json_columns(row_text, Row(line, {}, where)), where)


def infer_kind(row: Row) -> Kind:
    """Return the kind of task that a row's columns stand for.

    Log-odds items say nothing of the sign; they are taken as ``logodds``.
    """
    for name in row.columns:
        row.check_characters(str(name))
    has_classes, has_completion = "classes" in row.columns, "completion" in row.columns
    if has_classes == has_completion:
        raise row.error(
            "a row needs either 'classes' or 'completion', not "
            + ("both" if has_classes else f"only {', '.join(row.columns) or 'nothing'}"),
            hint="columns: prompt, classes, answer_index; or prompt, completion",
        )
    if has_completion:
        return "sequence_prob"
    return "logodds" if "other_prompt" in row.columns else "classification"


def item_of(row: Row, kind: Kind, index: int) -> Item:
    """Return `row` as an item; `index` is its place in the file, from 0.

    Raises
    ------
    TaskDataError
        If a column is missing or malformed, two choices are equal, or the right one is not there.
    """
    choices, gold = _answers(row, kind)
    item_id = str(row.columns.get("id", index))
    row.check_characters(item_id)
    other = row.text("other_prompt") if kind in ("logodds", "absolute_logodds") else None
    return Item(
        item_id=item_id,
        context=row.text("prompt"),
        choices=choices,
        gold=gold,
        part=row.integer("part", default=0),
        other_context=other,
    )


class _Answers(NamedTuple):
    choices: tuple[str, ...]
    gold: int


def _answers(row: Row, kind: Kind) -> _Answers:
    if kind == "sequence_prob":
        completion = row.text("completion")
        if not completion:
            raise row.error("the completion is empty")
        return _Answers((completion,), 0)
    choices = _choices(row)
    gold = row.integer("answer_index")
    if not 0 <= gold < len(choices):
        raise row.error(f"answer_index is {gold}, but there are {len(choices)} choices from 0 on")
    return _Answers(choices, gold)


def _choices(row: Row) -> tuple[str, ...]:
    classes = row.columns.get("classes")
    if isinstance(classes, str):
        try:
            # The official files hold a Python list in a string; splitting it at quotes breaks on
            # apostrophes.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a lone backslash, which stays what it is
                classes = ast.literal_eval(classes)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise row.error("the column 'classes' is not a list of texts") from error
    if not isinstance(classes, list) or not all(isinstance(text, str) for text in classes):
        raise row.error("the column 'classes' is missing or not a list of texts")
    if len(classes) < 2:
        raise row.error("fewer than two choices")
    for place, text in enumerate(classes):
        row.check_characters(text)
        if not text:
            raise row.error(f"choice {place} is empty: there is nothing to score")
        if text in classes[:place]:
            raise row.error(f"the choice {text!r} stands twice")
    return tuple(classes)


def _json_columns(text: str, row: Row) -> Mapping[str, object]:
    try:
        columns = json.loads(text)
    except RecursionError as error:
        raise row.error("the line is nested too deeply") from error
    except json.JSONDecodeError as error:
        problem = "the line is empty" if not text.strip() else f"the line is not JSON: {error.msg}"
        raise row.error(problem) from error
    except ValueError as error:
        raise row.error("the line holds a number of thousands of digits") from error
    if not isinstance(columns, dict):
        raise row.error("the line is not a JSON object")
    return columns


def _csv_rows(text: str, where: str) -> Iterator[Row]:
    # newline="" keeps line ends within quotes.
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = reader.fieldnames or ()
        if len(names) == 1 and (mark := next((m for m in ";\t" if m in names[0]), "")):
            raise Row(1, {}, where).error(
                f"the columns are separated by {mark!r}",
                hint="save the file with commas between them, then run again",
            )
        if twice := [name for name in names if names.count(name) > 1]:
            raise Row(1, {}, where).error(f"the column {twice[0]!r} stands twice in the header")
        for columns in reader:
            row = Row(reader.line_num, columns, where)
            if None in columns or None in columns.values():
                raise row.error("the row has more or fewer cells than the header")
            yield row
    except csv.Error as error:
        line = reader.reader.line_num  # the DictReader's own is that of the row before
        raise Row(line, {}, where).error(f"the line is not CSV: {error}") from error
