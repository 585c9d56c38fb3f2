"""Copies of the sweep files that ran, each named by its content.

In: the text of a sweep file. Out: one file per text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.place import Place


def add_sweep(folder: Place, text: str) -> str:
    """Keep a copy of a sweep file, once, and return its sha256."""
    content = text.encode()
    sha256 = hashlib.sha256(content).hexdigest()
    place = folder / f"{sha256[:12]}.yaml"
    if not place.exists():
        write_whole(place, content)
    return sha256


def read_sweeps(folder: Place) -> tuple[str, ...]:
    """Return the texts of all sweep files that ran."""
    return tuple(path.read_bytes().decode() for path in _copies(folder))


def altered_sweeps(folder: Place) -> Iterator[Place]:
    """Yield the copies whose content is not what was written."""
    for path in _copies(folder):
        if hashlib.sha256(path.read_bytes()).hexdigest()[:12] != path.stem:
            yield path


def _copies(folder: Place) -> list[Place]:
    return sorted(folder.glob("*.yaml"))
