"""Names of lm-evaluation-harness and what they are called here.

Pure text: nothing of the harness is imported.
"""

from __future__ import annotations

#: In front of a task of the harness in a sweep: ``lm_eval:arc_easy``.
PREFIX = "lm_eval:"

#: Metrics of the harness that ours equal, and their names here.
OURS = {"acc": "accuracy", "acc_norm": "accuracy_per_char", "acc_bytes": "accuracy_per_byte"}

#: What to type where the harness is missing.
INSTALL = "pip install 'ckpt-analyzer[lm_eval]'"


def is_harness_task(name: str) -> bool:
    """Return whether a sweep means a task of the harness by `name`."""
    return name.startswith(PREFIX)


def metric_name(name: str) -> str:
    """Return what a metric of the harness is called here, in letters, digits and underscores."""
    return OURS.get(name) or "".join(c if c.isalnum() and c.isascii() else "_" for c in name)
