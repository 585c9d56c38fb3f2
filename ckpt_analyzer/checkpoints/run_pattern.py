"""Find the checkpoints of runs whose folders a user describes: ``runs/*/step_{step}``.

In: a pattern. Out: one entry per run, with its steps and how their folders are named. Each ``*``
stands for a name (all that differ are runs of their own), ``{step}`` for a number, also with
leading zeros. Knows nothing of what the folders hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ckpt_analyzer.checkpoints.step_folders import StepFolders, step_field
from ckpt_analyzer.errors import CheckpointError

FIELD = "{step}"


@dataclass(frozen=True)
class FoundRun:
    """One run: its name, its folder below the root of the pattern, and its steps.

    Parameters
    ----------
    repo
        The folder in which the step folders lie, from the root on.
    """

    name: str
    repo: str
    saved: StepFolders


@dataclass(frozen=True)
class RunPattern:
    """Where the checkpoints of runs lie.

    Parameters
    ----------
    root
        The part of the path before the first ``*`` or ``{step}``.
    folders
        The names between the root and the step, some with ``*``.
    step
        The name that holds ``{step}``, and what follows it.
    """

    root: Path
    folders: tuple[str, ...]
    step: tuple[str, ...]


def is_pattern(path: Path) -> bool:
    """Return whether `path` describes folders instead of naming one."""
    return FIELD in str(path) or "*" in str(path)


def read_pattern(path: Path) -> RunPattern:
    """Return the parts of a pattern.

    Raises
    ------
    CheckpointError
        If ``{step}`` does not stand in it exactly once.
    """
    parts = path.parts
    with_step = [place for place, part in enumerate(parts) if FIELD in part]
    behind = parts[with_step[0] + 1 :] if with_step else ()
    if str(path).count(FIELD) != 1 or any("*" in part for part in behind):
        raise CheckpointError(
            "a pattern of checkpoints holds {step} exactly once, and no * behind it",
            where=str(path),
            hint="for instance runs/*/step_{step}: each * is one run",
        )
    first = next(place for place, part in enumerate(parts) if "*" in part or FIELD in part)
    return RunPattern(Path(*parts[:first]), parts[first : with_step[0]], parts[with_step[0] :])


def find_runs(pattern: RunPattern) -> tuple[FoundRun, ...]:
    """Return the runs that exist by now, sorted by name.

    Raises
    ------
    CheckpointError
        If the root is missing, or one run fills up its steps with zeros in several ways.
    """
    if not pattern.root.is_dir():
        raise CheckpointError(
            "there is no such folder", where=str(pattern.root), hint="check the path"
        )
    digits: dict[_Run, set[str]] = {}
    for run, found in _matches(pattern):
        digits.setdefault(run, set()).add(found)
    runs = [_found_run(pattern, run, digits[run]) for run in digits]
    return tuple(sorted(runs, key=lambda run: run.name))


@dataclass(frozen=True)
class _Run:
    """What the stars of a pattern stand for, before the step and in its name."""

    repo: str
    folders: tuple[str, ...]
    inside: tuple[str, ...]


def _matches(pattern: RunPattern) -> Iterator[tuple[_Run, str]]:
    between = re.compile("/".join(map(_regex, pattern.folders)) or r"\.")
    name = re.compile(_regex(pattern.step[0]))
    place = name.groupindex["step"] - 1
    for folder in _folders(pattern):
        repo = folder.relative_to(pattern.root).as_posix()
        stars = between.fullmatch(repo)
        assert stars is not None, "the folders were found by the same stars"
        for path in sorted(folder.iterdir()):
            match = name.fullmatch(path.name)
            if match and path.joinpath(*pattern.step[1:]).is_dir():
                groups = match.groups()
                inside = groups[:place] + groups[place + 1 :]
                yield _Run(repo, stars.groups(), inside), match["step"]


def _folders(pattern: RunPattern) -> list[Path]:
    if not pattern.folders:
        return [pattern.root]
    return [path for path in pattern.root.glob("/".join(pattern.folders)) if path.is_dir()]


def _regex(part: str) -> str:
    """Return the regular expression of one name: groups for the stars, and one called step."""
    escaped = re.escape(part).replace(r"\*", "([^/]*)")
    return escaped.replace(re.escape(FIELD), r"(?P<step>\d+)")


def _found_run(pattern: RunPattern, run: _Run, digits: set[str]) -> FoundRun:
    field = step_field(digits)
    for text in sorted(digits):
        if field.format(step=int(text)) != text:
            raise CheckpointError(
                f"steps are written in several ways: {', '.join(sorted(digits)[:4])}",
                where=str(pattern.root / run.repo),
                hint="rename the folders in one way",
            )
    name = "-".join((*run.folders, *run.inside)) or pattern.root.resolve().name
    steps = tuple(sorted(map(int, digits)))
    return FoundRun(name, run.repo, StepFolders(steps, _revision(pattern, run, field)))


def _revision(pattern: RunPattern, run: _Run, field: str) -> str:
    """Return the pattern of the step folders of one run, its stars filled in."""
    stars = iter(run.inside)
    pieces = re.split(r"(\*|\{step\})", pattern.step[0])
    filled = [
        field if piece == FIELD else _literal(next(stars) if piece == "*" else piece)
        for piece in pieces
    ]
    return "/".join(["".join(filled), *map(_literal, pattern.step[1:])])


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
