"""Every error that the package raises on purpose.

::

    CkptAnalyzerError
    ├── UserError               something the user can mend; says where and what to type next
    │   ├── UnknownNameError    a suite, task, metric … that does not exist; names the nearest
    │   ├── SweepError          a sweep file that does not hold together
    │   ├── TaskDataError       a task file that is missing, altered or malformed
    │   ├── CheckpointError     a checkpoint that cannot be found, read or trusted
    │   │   └── SourceError     nothing of its repository can be read: no network, no access
    │   ├── StoreError          a store that is missing, foreign or damaged
    │   ├── EngineError         a cluster that is missing, full, or refuses a job
    │   ├── ImportFileError     a results file that cannot be understood
    │   └── ScoringError        a model or prompt that cannot be scored
    │       └── OutOfMemoryError  memory ran out, whatever was tried
    └── TableError              a table that breaks its schema: our own mistake
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class CkptAnalyzerError(Exception):
    """Root of all errors that the package raises on purpose."""


class UserError(CkptAnalyzerError):
    """A mistake that the user can mend.

    Parameters
    ----------
    problem
        What is wrong, in one sentence.
    where
        File, line, key or address at which it is wrong.
    hint
        What to do next: the nearest valid value or the command to type.
    """

    def __init__(self, problem: str, *, where: str = "", hint: str = "") -> None:
        self.problem = problem
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.problem]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.hint:
            lines.append(f"  next:  {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error of a worker process arrive as it was raised."""
        return _raised_again, (type(self), self.problem, self.where, self.hint)


def _raised_again(kind: type[UserError], problem: str, where: str, hint: str) -> UserError:
    error = kind.__new__(kind)
    UserError.__init__(error, problem, where=where, hint=hint)
    return error


class UnknownNameError(UserError):
    """A name that is not among the known ones."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, where: str = "", hint: str = ""
    ) -> None:
        known = sorted(known)
        near = nearest(name, known)
        listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
        guess = f"did you mean {near!r}?" if near else f"known: {listed or '(none)'}"
        super().__init__(
            f"there is no {kind} named {name!r}",
            where=where,
            hint="; ".join(filter(None, (guess, hint))),
        )


class SweepError(UserError):
    """A sweep file that does not hold together."""


class TaskDataError(UserError):
    """A task file that is missing, altered or malformed."""


class CheckpointError(UserError):
    """A checkpoint that cannot be found, read or trusted."""


class SourceError(CheckpointError):
    """A source or repository of which nothing can be read: no network, no access, a wrong name."""


class StoreError(UserError):
    """A store that is missing, foreign or damaged."""


class EngineError(UserError):
    """A cluster that is missing, full, or refuses a job."""


class ImportFileError(UserError):
    """A results file that cannot be understood."""


class ScoringError(UserError):
    """A model or prompt that cannot be scored."""


class OutOfMemoryError(ScoringError):
    """Memory ran out, and smaller packs did not help."""


class TableError(CkptAnalyzerError):
    """A table that breaks its schema: a mistake of ours, not of the user."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None when nothing is near."""
    matches = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None
