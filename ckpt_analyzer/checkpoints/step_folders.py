"""Recognise folders that are named after a training step.

In: a folder. Out: the steps saved in it and the pattern of their names. Known names: ``step1000``,
``step_1000``, ``step-1000``, ``checkpoint-1000``, ``global_step1000``, also with leading zeros.
Knows nothing of their content; names that a user describes are ``run_pattern.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from ckpt_analyzer.errors import CheckpointError

KNOWN_NAMES = "step1000, step_1000, checkpoint-1000 or global_step1000"
_NAME = re.compile(r"(?P<prefix>step[_-]?|checkpoint-|global_step)(?P<digits>\d+)")


@dataclass(frozen=True)
class StepFolders:
    """The steps that are saved in a folder, ascending, and how their folders are named.

    Parameters
    ----------
    revision
        Pattern with ``{step}``; empty if there are no steps.
    """

    steps: tuple[int, ...]
    revision: str


def is_step_folder(folder: str) -> bool:
    """Return whether `folder` is itself named after a training step."""
    return _NAME.fullmatch(PurePath(folder).name) is not None


def find_step_folders(folder: Path) -> StepFolders:
    """Return the step folders in `folder`; none if there are none.

    Raises
    ------
    CheckpointError
        If they are named in several ways, so that a step could stand for two of them.
    """
    matches = [
        match
        for path in folder.iterdir()
        if path.is_dir() and (match := _NAME.fullmatch(path.name))
    ]
    if not matches:
        return StepFolders((), "")
    steps = tuple(sorted(int(match["digits"]) for match in matches))
    pattern = matches[0]["prefix"] + step_field({match["digits"] for match in matches})
    for match in matches:
        if pattern.format(step=int(match["digits"])) != match.string:
            raise CheckpointError(
                f"the step folders are named in several ways: {matches[0].string}, {match.string}",
                where=str(folder),
                hint="rename them in one way",
            )
    return StepFolders(steps, pattern)


def step_field(digits: set[str]) -> str:
    """Return ``{step}``, or ``{step:06d}`` where the numbers `digits` are filled up with zeros."""
    is_padded = any(text.startswith("0") and text != "0" for text in digits)
    width = max(map(len, digits))
    return f"{{step:0{width}d}}" if is_padded else "{step}"
