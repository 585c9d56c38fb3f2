"""A sweep of what a person has, without a sweep file: a folder, a repository, a suite.

In: a place and a few choices. Out: the sweep that says the same, with its text, so that the store
keeps the whole experiment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ckpt_analyzer import suites as known_suites
from ckpt_analyzer.checkpoints.run_pattern import is_pattern
from ckpt_analyzer.errors import SweepError, nearest
from ckpt_analyzer.suite import ARMS
from ckpt_analyzer.sweep.config import HUB, Sweep, parse_sweep
from ckpt_analyzer.sweep.shipped import find_sweep, shipped_sweeps

#: Items of each task, where nothing is said of it: enough for a trend, quick on a laptop.
DEFAULT_LIMIT = 300


@dataclass(frozen=True)
class Choices:
    """What the command line says of a sweep that has no file; None for what is left out.

    Parameters
    ----------
    limit
        Items of each task; 0 for all.
    """

    tasks: tuple[str, ...] = ()
    shots: tuple[int, ...] = ()
    sizes: tuple[str, ...] = ()
    steps: str | None = None
    limit: int | None = None
    tokens_per_step: int | None = None
    revision: str | None = None

    @property
    def any(self) -> bool:
        """Whether anything was chosen."""
        return self != Choices()


def is_place(given: Path) -> bool:
    """Return whether `given` is a place of checkpoints, and no sweep file or shipped sweep."""
    text = str(given)
    if given.is_dir() or is_pattern(given) or text.startswith(HUB):
        return True
    return text in known_suites.names() and not find_sweep(given).is_file()


def require_something(given: Path) -> None:
    """Raise unless `given` is a place of checkpoints, a sweep file or a shipped sweep.

    Raises
    ------
    SweepError
        If it is nothing; it names the nearest suite or shipped sweep, or all that it may be.
    """
    if is_place(given) or find_sweep(given).exists():
        return
    near = nearest(str(given), [*known_suites.names(), *(path.stem for path in shipped_sweeps())])
    raise SweepError(
        f"there is no sweep file {given}, and no folder or suite of that name",
        hint=f"did you mean {near!r}?"
        if near
        else "check the path; a pattern like 'runs/*/step_{step}', hub:org/name and a suite will "
        "do as well: ckpt-analyzer suites",
    )


def sweep_of_place(given: Path, choices: Choices) -> Sweep:
    """Return the sweep over all checkpoints in `given`: a folder, pattern, ``hub:…`` or suite.

    Raises
    ------
    SweepError
        If a choice is wrong, or a whole suite is asked for without its sizes.
    """
    text = yaml.safe_dump(_content(given, choices), sort_keys=False, allow_unicode=True)
    return parse_sweep(text, f"the sweep of {given}", is_file=False)


def _content(given: Path, choices: Choices) -> dict[str, Any]:
    place = str(given)
    is_suite = place in known_suites.names() and not given.is_dir()
    if is_suite and not choices.sizes:
        models = (m for m in known_suites.load(place).models if m.arm == "base")
        sizes = ", ".join(dict.fromkeys(model.size for model in models))
        raise SweepError(
            f"all checkpoints of {place} are a lot to download",
            where=place,
            hint=f"choose with --sizes, and perhaps --steps log:12; sizes: {sizes}",
        )
    is_named = is_suite or place.startswith(HUB)
    entry: dict[str, Any] = {"suite": place} if is_named else {"path": place}
    entry |= {
        name: value
        for name in ("tokens_per_step", "revision")
        if (value := getattr(choices, name)) is not None
    }
    name = _name(given)
    limit = DEFAULT_LIMIT if choices.limit is None else choices.limit
    return {
        "name": name,
        "suites": [entry],
        "sizes": list(choices.sizes) or ["all"],
        "steps": _steps(choices.steps),
        "arms": ["base"] if is_suite else list(ARMS),
        "tasks": list(choices.tasks) or ["prize"],
        "shots": list(choices.shots) or [0],
        **({"limit": limit} if limit else {}),
        "store": f"stores/{name}",
    }


def _steps(text: str | None) -> str | list[int]:
    if text is None:
        return "all"
    parts = text.split(",")
    return [int(part) for part in parts] if all(p.strip().isdecimal() for p in parts) else text


def _name(given: Path) -> str:
    """Return the last name of the place that is one, as the name of a sweep may be."""
    text = str(given)
    if not text.startswith(HUB) and not is_pattern(given):
        text = str(given.resolve())
    names = [part for part in text.removeprefix(HUB).split("/") if "*" not in part]
    name = next((part for part in reversed(names) if part and "{" not in part), "run")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:80] or "run"
