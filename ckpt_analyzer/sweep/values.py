"""The forms of the values in a sweep file: what each may be, and what it becomes.

In: what YAML makes of a value. Out: types for the records of ``config.py``. What a value names
(a suite, a task) is not known here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ckpt_analyzer.store.object_place import ObjectPlace
from ckpt_analyzer.store.place import place_of
from ckpt_analyzer.suite import Arm
from ckpt_analyzer.sweep import steps as step_specs

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(KiB|MiB|GiB|TiB|KB|MB|GB|TB)")
_BYTES = {
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip


def as_list(value: Any) -> Any:  # noqa: ANN401
    """Return one value as a list of it; a list stays."""
    return value if isinstance(value, list) else [value]


def _check_steps(value: Any) -> Any:  # noqa: ANN401
    if value in ("all", step_specs.ADAPTIVE):
        return value
    if isinstance(value, str):
        step_specs.check_form(value)
        return value
    steps = as_list(value)
    if not steps or not all(type(step) is int and step >= 0 for step in steps):
        raise ValueError(f"steps are {step_specs.FORMS}")
    return tuple(steps)


def _as_budget(value: Any) -> str:  # noqa: ANN401
    if value != "auto":
        budget_bytes(str(value))
    return str(value)


def _as_place(value: Any) -> Any:  # noqa: ANN401
    return place_of(value) if isinstance(value, str) and "://" in value else value


def _check_revision(value: str) -> str:
    if value.count("{step}") != 1 or re.search(r"[{}]", value.replace("{step}", "")):
        raise ValueError("a pattern of revisions holds {step} once, like step{step}")
    return value


#: A folder, or an address like ``s3://bucket/prefix``.
StorePlace = Annotated[Path | ObjectPlace, BeforeValidator(_as_place)]
PromptFormat = Literal["raw", "chat"]
Size = Annotated[str, BeforeValidator(str)]
Names = Annotated[tuple[Size, ...], BeforeValidator(as_list), Field(min_length=1)]
Steps = Annotated[str | tuple[int, ...], BeforeValidator(_check_steps)]
Arms = Annotated[tuple[Arm, ...], BeforeValidator(as_list), Field(min_length=1)]
Shots = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(as_list), Field(min_length=1)
]
Formats = Annotated[
    tuple[PromptFormat, ...], BeforeValidator(as_list), Field(min_length=1, max_length=2)
]
Seeds = Annotated[tuple[int, ...], BeforeValidator(as_list), Field(min_length=1)]
RevisionPattern = Annotated[str, AfterValidator(_check_revision)]
#: ``auto``, or a size that ``budget_bytes`` reads.
Budget = Annotated[str, BeforeValidator(_as_budget)]


def budget_bytes(text: str) -> int:
    """Return ``4GiB`` in bytes; ValueError if it is no size."""
    match = _BUDGET.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError("a memory budget is `auto` or a size like 4GiB")
    return int(float(match[1]) * _BYTES[match[2]])
