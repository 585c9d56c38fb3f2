"""What is stored of a scored unit: its rows, its manifest, and what its user is warned of.

In: a unit, what its revision resolved to, and what scoring gave. Out: tables.ITEM_SCORES and a
draft of the manifest. It reads and writes nothing.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from ckpt_analyzer import __version__
from ckpt_analyzer.checkpoints.source import ResolvedCheckpoint
from ckpt_analyzer.store.tally import ShotsUsed, tally
from ckpt_analyzer.store.unit import CellKey, UnitManifest, facts_of
from ckpt_analyzer.sweep.plan import Unit
from ckpt_analyzer.tables import ITEM_SCORES
from ckpt_analyzer.task_data import TaskItems

#: Whose versions are stored with every score.
VERSIONED = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


@dataclass(frozen=True)
class Scored:
    """What scoring a unit gave.

    Parameters
    ----------
    tables
        tables.CHOICE_SCORES of each cell, with ``task_values``.
    shots
        The examples in the prompts of each cell.
    notes
        What the user should know of the way that it took.
    """

    tables: Mapping[CellKey, pa.Table]
    shots: Mapping[CellKey, ShotsUsed]
    seconds_fetch: float
    seconds_score: float
    device: str
    notes: tuple[str, ...] = ()


def item_scores(unit: Unit, resolved: ResolvedCheckpoint, scored: Scored) -> pa.Table:
    """Return the rows of all cells of `unit` (tables.ITEM_SCORES)."""
    rows = [_rows(unit, resolved, cell, table) for cell, table in scored.tables.items()]
    return pa.concat_tables(rows)


def manifest_of(
    unit: Unit,
    resolved: ResolvedCheckpoint,
    scored: Scored,
    tasks: Mapping[str, TaskItems],
    *,
    sweep_sha256: str,
) -> UnitManifest:
    """Return the draft of the manifest of `unit`."""
    return UnitManifest(
        **facts_of(unit.checkpoint),
        commit=resolved.commit,
        weights_sha256=resolved.weights_sha256,
        suspect=unit.suspicion,
        cells=tuple(
            tally(key, tasks[key.task].task.kind, table, scored.shots[key])
            for key, table in scored.tables.items()
        ),
        sweep_sha256=sweep_sha256,
        seconds_fetch=scored.seconds_fetch,
        seconds_score=scored.seconds_score,
        device=scored.device,
        versions=_versions(),
        companions_digest=resolved.companions_digest,
    )


def warnings_of(manifest: UnitManifest) -> tuple[str, ...]:
    """Return what the user is warned of: prompts cut, shots left out, items not scored."""
    warnings = []
    for cell in manifest.cells:
        if cell.n_truncated:
            warnings.append(f"{cell.key.task}: {cell.n_truncated} prompts lost their left end")
        if cell.n_shots_cut:
            warnings.append(
                f"{cell.key.task}: {cell.n_shots_cut} of {cell.n_items} prompts hold fewer than "
                f"{cell.key.shots} shots, {cell.mean_shots:.1f} on average: more do not fit"
            )
        if cell.n_unscored:
            warnings.append(f"{cell.key.task}: {cell.n_unscored} items could not be scored")
    return tuple(warnings)


def judged(scores: pa.Table, task: TaskItems) -> pa.Table:
    """Return `scores` with what the task's own rules say of them."""
    kind = ITEM_SCORES.field("task_values")
    values = [None] * len(scores) if task.rules is None else task.rules.values(scores)
    pairs = [None if each is None else list(each.items()) for each in values]
    return scores.append_column(kind, pa.array(pairs, kind.type))


def _rows(unit: Unit, resolved: ResolvedCheckpoint, cell: CellKey, scores: pa.Table) -> pa.Table:
    checkpoint = unit.checkpoint
    constants = {
        "suite": checkpoint.suite,
        "model": checkpoint.model.name,
        "arm": checkpoint.model.arm,
        "revision": checkpoint.revision,
        "commit": resolved.commit,
        "step": checkpoint.step,
        "tokens": checkpoint.tokens,
        "weights_sha256": resolved.weights_sha256,
        "dtype": cell.dtype,
        "task": cell.task,
        "shots": cell.shots,
        "prompt_format": cell.prompt_format,
    }
    columns = [
        pa.repeat(pa.scalar(constants[field.name], field.type), len(scores))
        if field.name in constants
        else scores.column(field.name)
        for field in ITEM_SCORES
    ]
    return pa.table(columns, schema=ITEM_SCORES)


@cache
def _versions() -> dict[str, str]:
    installed = {name: importlib.metadata.version(name) for name in VERSIONED}
    return {"ckpt-analyzer": __version__, **installed}
