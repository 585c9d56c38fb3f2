"""What a report has to say of prompts that hold fewer examples than were asked for.

In: the manifests of a store. Out: a sentence per task and number of shots.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ckpt_analyzer.store.unit import Cell, UnitManifest


def cut_shots(units: Iterable[UnitManifest]) -> list[str]:
    """Return which prompts hold fewer examples than asked for, because more do not fit."""
    cells: dict[tuple[str, int, str], dict[str, Cell]] = defaultdict(dict)
    for unit in units:
        for cell in unit.cells:
            if cell.n_shots_cut:
                # All checkpoints of a model read the same prompts.
                key = cell.key
                cells[key.task, key.shots, key.prompt_format][unit.model] = cell
    return [
        _sentence(shots, task, prompt_format, models)
        for (task, shots, prompt_format), models in sorted(cells.items())
    ]


def _sentence(shots: int, task: str, prompt_format: str, models: dict[str, Cell]) -> str:
    each = [
        f"{model}: {cell.n_shots_cut:,} of {cell.n_items:,} prompts, "
        f"{cell.mean_shots:.1f} examples on average"
        for model, cell in sorted(models.items())
    ]
    how = "" if prompt_format == "raw" else f", {prompt_format} format"
    return (
        f"{task}, {shots}-shot{how}: examples that do not fit into the context were left out "
        f"({'; '.join(each)})."
    )
