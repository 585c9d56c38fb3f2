"""Read the index of a checkpoint in shards: which tensor is in which file.

In: a folder with the index. Out: the names of the tensors of each shard. Knows nothing of
the shards themselves.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from ckpt_analyzer.checkpoints.weight_files import incomplete

ENDING = ".index.json"


def tensors_by_shard(folder: Path, companions: Iterable[str]) -> Mapping[str, Set[str]]:
    """Return file name → names of its tensors; empty for a checkpoint without an index.

    Raises
    ------
    CheckpointError
        If the index cannot be read.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for name in companions:
        if name.endswith(ENDING):
            for tensor, file in _weight_map(folder / name).items():
                found[file].add(tensor)
    return found


def _weight_map(index: Path) -> Mapping[str, str]:
    try:
        content = json.loads(index.read_bytes())
    except (ValueError, RecursionError) as error:
        raise incomplete(f"{index.name} cannot be read", str(index)) from error
    entries = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(entries, dict) or not all(isinstance(v, str) for v in entries.values()):
        raise incomplete(f"{index.name} cannot be read", str(index))
    return entries
