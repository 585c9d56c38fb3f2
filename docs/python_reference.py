"""The public Python functions as Markdown, from their signatures and docstrings.

In: ``ckpt_analyzer.__all__``, and the records that its functions return. Out: text.
``generate.py`` writes it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import ckpt_analyzer
from ckpt_analyzer.analysis.comparing import Comparison
from ckpt_analyzer.analysis.fitting import Fitted
from ckpt_analyzer.analysis.side_by_side import SideBySide
from ckpt_analyzer.checkpoints.spool import SpoolPlace
from ckpt_analyzer.engines import Terms
from ckpt_analyzer.live.viewing import Seen
from ckpt_analyzer.notebook.exchange import Imported
from ckpt_analyzer.notebook.stores import OpenedStore, View
from ckpt_analyzer.notebook.suites import OpenSuite
from ckpt_analyzer.notebook.sweeps import Follow, Planned, Ran
from ckpt_analyzer.reporting.figures import Wanted
from ckpt_analyzer.stats.flips import FlipOptions
from ckpt_analyzer.stats.group_differences import Draws
from ckpt_analyzer.sweep.from_place import Choices
from docs.python_equivalents import equivalents_table

_HEAD = (
    "# Python\n\n"
    "Generated from the docstrings by `make docs`. The {n} names of `import ckpt_analyzer`; what "
    "the command line does, they do. Tables are pandas, charts are Altair, and a mistake raises a "
    "`ckpt_analyzer.errors.UserError` that says what is wrong, where, and what to do next. "
    "[The notebook](notebook.ipynb) shows them at work.\n"
)
#: What a reader does with a store; the rest of its methods is for those who write into it.
_OF_STORE = (
    "trends", "items", "flips", "regression", "description", "runs", "audit", "item_texts",
    "sweeps", "is_fitted", "damaged", "status", "further", "questions", "view", "jobs", "cancel",
    "check", "quarantine", "compact", "gc",
)  # fmt: skip
_OF_SUITE = ("models", "facts", "known_bad", "check", "audit")
#: What has methods.
RETURNED = (OpenedStore, OpenSuite)
RECORDS = (
    Planned, Ran, Follow, Choices, Terms, SpoolPlace, Fitted, Comparison, SideBySide, Draws,
    Imported, FlipOptions, Wanted, Seen, View,
)  # fmt: skip
_EVERY_VERB = (
    "## Every verb in Python\n\nA test walks the command line: nothing is left out. A method of "
    "`OpenedStore` is one of what `open_store` returns, of `OpenSuite` one of what `open_suite` "
    "returns; `Terms`, `Follow` and the like are [records](#records).\n"
)
_SECTION = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)


def python_page() -> str:
    """Return ``python.md``."""
    functions = [getattr(ckpt_analyzer, name) for name in ckpt_analyzer.__all__]
    parts = [_HEAD.format(n=len(functions)), _contents()]
    parts += [_entry(function, "##") for function in functions]
    parts.append("## Store\n\nWhat `open_store` returns.\n")
    parts += [_entry(getattr(OpenedStore, name), "###", f"store.{name}") for name in _OF_STORE]
    parts.append("## Suite\n\nWhat `open_suite` returns. Its record is `suite.suite`.\n")
    parts += [_entry(getattr(OpenSuite, name), "###", f"suite.{name}") for name in _OF_SUITE]
    parts.append("## Records\n\nWhat functions return, or take.\n")
    parts += [_record(record) for record in RECORDS]
    parts += [_EVERY_VERB, equivalents_table()]
    return "\n".join(parts)


def _contents() -> str:
    names = ", ".join(f"[`{name}`](#{name})" for name in ckpt_analyzer.__all__)
    rest = "[the store](#store), [a suite](#suite), [records](#records)"
    return f"{names}; {rest}, [every verb](#every-verb-in-python).\n"


def _entry(function: Callable[..., Any], level: str, name: str = "") -> str:
    title = name.rpartition(".")[2] or function.__name__
    call = f"{name or function.__name__}{_signature(function)}"
    return f"{level} {title}\n\n```python\n{call}\n```\n\n{_prose(function)}"


def _record(record: type) -> str:
    return f"### {record.__name__}\n\n{_prose(record)}"


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    kept = [each for each in signature.parameters.values() if each.name != "self"]
    parts = [_parameter(each) for each in kept]
    first_named = next((i for i, each in enumerate(kept) if each.kind is each.KEYWORD_ONLY), None)
    if first_named is not None:
        parts.insert(first_named, "*")
    returned = str(signature.return_annotation)
    line = f"({', '.join(parts)}) -> {returned}"
    if len(line) < 80:
        return line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f") -> {returned}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{stars}{parameter.name}: {parameter.annotation}{default}"


def _prose(thing: Any) -> str:
    text = inspect.getdoc(thing) or ""
    first, *rest = _SECTION.split(text)
    parts = [_inline(first)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        parts.append(f"*{title}*\n\n{''.join(_items(body))}")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _items(body: str) -> Iterator[str]:
    """Yield a Markdown list item for each entry of a section, or its text where it has none."""
    for entry in re.split(r"^(?=\S)", body.strip(), flags=re.MULTILINE):
        name, _, told = entry.partition("\n")
        if not name:
            continue
        text = _inline(inspect.cleandoc(told))
        paragraphs = re.sub(r"\n(?=.)", "\n  ", text)
        yield f"- **{_inline(name)}**{': ' if text else ''}{paragraphs.strip()}\n"


def _inline(text: str) -> str:
    """Return reStructuredText of docstrings as Markdown: code, and definitions as list items."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    return re.sub(
        r"^(`[^\n]+`)\n((?:    [^\n]*\n?)+)",
        lambda found: f"- {found[1]}: {' '.join(found[2].split())}\n",
        text,
        flags=re.MULTILINE,
    )
