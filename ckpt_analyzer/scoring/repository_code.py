"""Code that a repository brings along: not run, unless the user says so and it is needed.

In: a folder with a ``config.json``, and a way to load from it with or without its code. Out: what
was loaded. Where transformers has code of its own, that is what runs, so that allowing code changes
no score. Code that would be fetched from yet another repository is never run: no commit pins it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from ckpt_analyzer.errors import CheckpointError

KEY = "trust_remote_code"
_NAMING_FILES = ("config.json", "tokenizer_config.json")
#: Stands between a repository and its module where code of another repository is named.
_ELSEWHERE = "--"

Loaded = TypeVar("Loaded")


def load_with_code_if_needed(
    load: Callable[[bool], Loaded], folder: Path, *, is_allowed: bool
) -> Loaded:
    """Return what `load` makes of `folder`: without its code, or with it where that is needed.

    Parameters
    ----------
    load
        Is told whether code in `folder` may run.
    is_allowed
        Whether the user allows it.

    Raises
    ------
    CheckpointError
        If code is needed and not allowed, lies in another repository, or fails.
    Exception
        What `load` raises where no code is needed.
    """
    try:
        return load(False)
    except ValueError as error:
        if KEY not in str(error):  # so transformers tells what it would need
            raise
        if not is_allowed:
            raise CheckpointError(
                "the model needs Python code that its repository brings along, and code from "
                "elsewhere is not run unless you say so",
                where=str(folder),
                hint=f"read that code; if you trust it, set `{KEY}: true` in the sweep",
            ) from None
    if _ELSEWHERE in "".join(_named_modules(folder)):
        raise CheckpointError(
            "the model needs Python code of another repository, which no commit pins",
            where=str(folder),
            hint="put the code beside config.json in a folder of your own, and score that",
        )
    try:
        return load(True)
    except Exception as error:  # foreign code may raise anything
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise CheckpointError(
            f"the code of the repository fails: {type(error).__name__}: {first_line}",
            where=str(folder),
            hint="it may be written for another version of transformers or torch",
        ) from error


def _named_modules(folder: Path) -> Iterator[str]:
    """Yield the names of modules that the files of `folder` name."""
    for name in _NAMING_FILES:
        if (folder / name).is_file():
            content = json.loads((folder / name).read_bytes())
            yield json.dumps(content.get("auto_map"))
