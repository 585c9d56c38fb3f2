"""What the item explorer holds and what its words mean, in sentences.

In: the items of a page. Out: plain text; the template escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_analyzer.html_report import numbers
from ckpt_analyzer.html_report.item_payload import N_RANKED
from ckpt_analyzer.html_report.item_shapes import LEAST_CHANGE
from ckpt_analyzer.html_report.items import Carried, ItemTask, carried_by
from ckpt_analyzer.html_report.prose import listed


def explored(tasks: Sequence[ItemTask]) -> list[str]:
    """Return the note at the head of the explorer; nothing without items."""
    if not tasks:
        return []
    n_read = max(len(series.steps) for task in tasks for series in task.series)
    carried = carried_by(tasks)
    shots = listed([f"{n}-shot" for n in sorted({task.shots for task in tasks})])
    n_items = numbers.integer(sum(len(task.items) for task in tasks))
    return [
        f"{n_items} items, {shots}, their texts complete. The number of an item is the probability "
        "of its right choice among the given ones (ln p of the completion where there is one). "
        f"{_drawn(n_read, carried)} Suspect checkpoints are left out.",
        f"The words describe single items and test nothing. U and inverted U: the number changes by"
        f" {LEAST_CHANGE['probability']:g} or more ({LEAST_CHANGE['ln p']:g} for ln p) both before "
        "and after its turn, taken as means of three neighbouring checkpoints where there are nine;"
        " rising and falling: by as much between the ends. Right, then wrong: mostly right in the "
        "first third of the checkpoints, mostly wrong in the last. For a trend that flips, the "
        f"order “drives” lists up to {N_RANKED} items by what they add to the depth of its turn: "
        "the mean of both ends minus the middle.",
    ]


def _drawn(n_read: int, carried: Carried) -> str:
    step = f"in steps of 1/{carried.n_levels} of its range"
    if carried.n_checkpoints >= n_read:
        return f"Curves are drawn {step} at {n_read} checkpoints at most, even in log tokens."
    return (
        f"Words and ranks come from up to {n_read} checkpoints per model, even in log tokens; for "
        f"size, curves are drawn at {carried.n_checkpoints} of them, {step}."
    )
