"""Whether a store has changed since one last looked, without reading it.

In: the folder of a store. Out: a short text that is another one after every unit, import or sweep.
"""

from __future__ import annotations

import hashlib

from ckpt_analyzer.store.place import Place

#: The folders whose small files say what a store holds; what a fit writes is not among them.
_LISTED = ("units", "imports", "sweeps")
_SMALL = (".json", ".yaml")


def glance(path: Place) -> str:
    """Return a digest of the names, sizes and times of the files that say what `path` holds."""
    seen = []
    for name in _LISTED:
        folder = path / name
        if not folder.is_dir():
            continue
        for entry in folder.iterdir():
            if entry.name.endswith(_SMALL) and not entry.name.startswith("."):
                facts = entry.stat()
                seen.append(f"{name}/{entry.name} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(seen)).encode()).hexdigest()[:16]
