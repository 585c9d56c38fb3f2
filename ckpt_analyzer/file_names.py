"""Names that others gave, as names of files.

In: the name of a model, task or metric. Out: a name that leads out of no folder.
"""

from __future__ import annotations

import re


def file_name(name: str) -> str:
    """Return `name` with everything that is no letter, digit or one of ``._+-`` replaced.

    It is never empty, and begins with no dot: ``..`` is no name of a file.
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "__", name).lstrip(".") or "_"
