"""The ways to say which steps of a model a sweep scores.

In: ``all``, a list, ``log:20`` or ``1000:143000:8000``, and the steps that exist. Out: steps that
exist. The module does not know what a checkpoint is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_LOG = re.compile(r"log:(\d+)")
_RANGE = re.compile(r"(\d+):(\d+):(\d+)")
#: Steps that follow from the scores: ``adaptive.py``.
ADAPTIVE = "adaptive"
#: The forms, for messages.
FORMS = "all, a list like [0, 1000], log:20, first:last:stride like 1000:143000:8000, or adaptive"


def select_steps(spec: str | Sequence[int], existing: Sequence[int]) -> tuple[int, ...]:
    """Return the steps of `existing` that `spec` asks for, ascending.

    ``log:N`` takes N steps spaced evenly in the logarithm between the first step above 0 and the
    last: each ideal place is served by the nearest step that is still free, so that N distinct
    steps come out wherever N exist. ``FIRST:LAST:STRIDE`` takes those of the range that exist, and
    includes LAST. Step 0 (untrained) is taken by ``all``, by name, and by a range that begins at 0.

    Raises
    ------
    ValueError
        If `spec` is none of these forms, or asks for a step that does not exist.
    """
    if not isinstance(spec, str):
        return _listed(spec, existing)
    if spec == "all":
        return tuple(existing)
    if match := _LOG.fullmatch(spec):
        return _log_spaced(int(match[1]), existing)
    if match := _RANGE.fullmatch(spec):
        return _strided(int(match[1]), int(match[2]), int(match[3]), existing)
    raise ValueError(f"steps are {FORMS}")


def check_form(spec: str) -> None:
    """Check that `spec` is one of the forms, whatever steps there will be.

    Raises
    ------
    ValueError
        If it is not, or is empty whatever exists.
    """
    if match := _LOG.fullmatch(spec):
        _check_count(int(match[1]))
    elif match := _RANGE.fullmatch(spec):
        _check_range(int(match[1]), int(match[2]), int(match[3]))
    elif spec != "all":
        raise ValueError(f"steps are {FORMS}")


def _check_count(count: int) -> None:
    if count < 2:
        raise ValueError("log:N needs N of at least 2")


def _check_range(first: int, last: int, stride: int) -> None:
    if stride == 0 or last < first:
        raise ValueError("a range is first:last:stride with first ≤ last and stride ≥ 1")


def _listed(wanted: Sequence[int], existing: Sequence[int]) -> tuple[int, ...]:
    known = set(existing)
    for step in wanted:
        if step not in known:
            near = min(existing, key=lambda other: abs(other - step))
            raise ValueError(f"step {step} does not exist; the nearest is {near}")
    return tuple(sorted(set(wanted)))


def _log_spaced(count: int, existing: Sequence[int]) -> tuple[int, ...]:
    _check_count(count)
    trained = [step for step in existing if step > 0]
    if len(trained) <= count:
        return tuple(trained)
    free = np.log(np.asarray(trained, dtype=float))
    chosen = [0, len(trained) - 1]
    for ideal in np.linspace(free[0], free[-1], count)[1:-1]:
        distance = np.abs(free - ideal)
        distance[chosen] = np.inf
        chosen.append(int(distance.argmin()))
    return tuple(sorted(trained[index] for index in chosen))


def _strided(first: int, last: int, stride: int, existing: Sequence[int]) -> tuple[int, ...]:
    _check_range(first, last, stride)
    inside = range(first, last + 1, stride)  # tells what is in it without being unfolded
    chosen = tuple(step for step in existing if step in inside or step == last)
    if not chosen:
        raise ValueError(
            f"no step exists in {first}:{last}:{stride}; there are {existing[0]} to {existing[-1]}"
        )
    return chosen
