"""What pydantic says of a sweep file, in the words of whoever wrote it.

In: the details of a failed validation and the YAML that it is of. Out: an error with file, line,
key, value and the nearest valid one. The module does not know what a sweep holds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ckpt_analyzer.errors import SweepError, nearest
from ckpt_analyzer.sweep.yaml_source import YamlSource

#: Characters of a wrong value that an error repeats.
_SHOWN = 200
#: A line for each key that every sweep has.
EXAMPLES = {
    "name": "name: my-sweep",
    "suites": "suites: [pythia]",
    "tasks": "tasks: prize",
    "store": "store: stores/my-sweep",
}
#: What people call a value that has another name here.
_MEANT = {"gpu": "cuda"}


def first_cause(details: Sequence[ErrorDetails]) -> ErrorDetails:
    """Return the first of `details`; of a mistyped key that, not the one that is then missing."""
    if details[0]["type"] != "missing":
        return details[0]
    unknown = (each for each in details if each["type"] == "extra_forbidden")
    return next(unknown, details[0])


def error_of(
    detail: ErrorDetails, source: YamlSource, sections: Mapping[str, type[BaseModel]]
) -> SweepError:
    """Return the error of a sweep file that pydantic tells of.

    Parameters
    ----------
    sections
        The records of a sweep by the key that they stand under; the whole under no key.
    """
    path = _yaml_path(detail["loc"], source.data)
    if detail["type"] == "extra_forbidden":
        whole = sections[""]
        section = sections.get(str(path[0]), whole) if len(path) > 1 else whole
        known = section.model_fields
        near = nearest(str(path[-1]), known)
        hint = f"did you mean {near!r}?" if near else f"known keys: {', '.join(known)}"
        return SweepError(f"unknown key {path[-1]!r}", where=source.where(path), hint=hint)
    if detail["type"] == "missing":
        return SweepError(
            f"the key {path[-1]!r} is missing", where=source.where(path[:-1]), hint=_example(path)
        )
    hint = _nearest_literal(detail)
    if path == ["limit"] and detail["input"] == 0:
        hint = "leave the key out to score all items"
    problem = f"{_shown(detail['input'])}: {_plain(detail)}"
    return SweepError(problem, where=source.where(path), hint=hint)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def _plain(detail: ErrorDetails) -> str:
    """Return what pydantic says in words that do not speak of types and patterns."""
    words = {
        "string_pattern_mismatch": "only letters, digits, '.', '_' and '-', and no sign in front",
        "path_type": "this is not a path",
        "int_parsing": "this is not a whole number",
        "int_from_float": "this is not a whole number",
        "int_type": "this is not a whole number",
        "too_short": "the list is empty; leave the key out for its default, or name something",
        "model_type": "an entry is a name like pythia, or a mapping with `suite` or `path`",
    }
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    return words.get(detail["type"], message)


def _yaml_path(loc: tuple[str | int, ...], data: Any) -> list[str | int]:  # noqa: ANN401
    """Return the part of a pydantic location that exists in the YAML (unions add type names)."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        if isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif not (isinstance(part, int) and part == 0 and index + 1 < len(loc)):
            break  # below a bare value that was wrapped in a list
        else:
            continue
        path.append(part)
    return path


def _nearest_literal(detail: ErrorDetails) -> str:
    expected = re.findall(r"'([^']+)'", detail.get("ctx", {}).get("expected", ""))
    given = str(detail["input"])
    near = difflib.get_close_matches(_MEANT.get(given, given), expected, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else ""


def _example(path: list[str | int]) -> str:
    example = EXAMPLES.get(str(path[-1]))
    return f"add for instance `{example}`" if example else ""
