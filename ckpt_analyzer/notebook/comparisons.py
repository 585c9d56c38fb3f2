"""Compare the two sides of a store, or stores, from Python.

In: one store or several. Out: the tables of ``analysis/comparing.py`` or
``analysis/side_by_side.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import overload

from ckpt_analyzer.analysis import comparing
from ckpt_analyzer.analysis.comparing import Asked, By, Comparison
from ckpt_analyzer.analysis.side_by_side import Matching, SideBySide, compare_stores
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.stats.group_differences import Draws
from ckpt_analyzer.store.given import check_store
from ckpt_analyzer.store.store import Store

DEFAULT_TOLERANCE = Matching().tolerance


@overload
def compare(
    store: Store,
    metric: str = ...,
    *,
    by: By = ...,
    sides: Sequence[str] = ...,
    every_step: bool = ...,
    draws: Draws | None = ...,
) -> Comparison: ...


@overload
def compare(
    store: Sequence[Store],
    metric: str = ...,
    *,
    every_step: bool = ...,
    tolerance: float = ...,
) -> SideBySide: ...


def compare(  # noqa: PLR0913  (one parameter per option of the verb)
    store: Store | Sequence[Store],
    metric: str = "accuracy",
    *,
    by: By = "arm",
    sides: Sequence[str] = (),
    every_step: bool = False,
    draws: Draws | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
) -> Comparison | SideBySide:
    """Compare arms or prompt formats of a store, or several stores, paired by item.

    Parameters
    ----------
    store
        One, or a sequence: the others are set against the first.
    by, sides
        Of one store: what its sides are (``arm`` or ``prompt_format``), and which, in order; by
        default all arms, each stage of tuning against the one before.
    every_step
        Whether every checkpoint is compared, not the last alone.
    draws
        Of one store: how items are drawn for the intervals of groups
        (``stats.group_differences.Draws``).
    tolerance
        Of several: by which share the tokens of two matched checkpoints may differ.

    Returns
    -------
    Comparison or SideBySide
        Of one store the frames ``tasks``, ``groups``, ``shapes``, ``moves`` and ``items``; of
        several ``points`` and ``shapes``, with ``notes``.

    Raises
    ------
    UserError
        If there are no two sides with the same items, or a name is not known.
    """
    if isinstance(store, (Store, str, PurePath)):
        named = (sides,) if isinstance(sides, str) else tuple(sides)
        asked = Asked(metric, by, named, every_step, draws or Draws())
        return comparing.compare(check_store(store), asked)
    for each in store:
        check_store(each)
    if len(store) < 2:
        raise UserError(
            "of a sequence two stores or more are compared",
            where=f"{len(store)} given",
            hint="to compare the arms of one store, give it without a list",
        )
    if by != "arm" or sides or draws:
        raise UserError(
            "`by`, `sides` and `draws` are of one store",
            where=f"{len(store)} stores are given",
            hint="leave them out, or give a single store",
        )
    return compare_stores(store, Matching(metric, tolerance, every_step))
