"""Audit a suite from Python.

In: the name of a suite, or a folder. Out: what its metadata say of every checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ckpt_analyzer import tables
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.sweep.audit_suite import SuiteChoice, audit_whole, questions_of


def audit(
    suite: str,
    sizes: Sequence[str] = (),
    *,
    arm: str = "",
    store: Store | None = None,
    endpoint: str | None = None,
) -> pd.DataFrame:
    """Return what the metadata of `suite` say about its checkpoints; no weights are read.

    Parameters
    ----------
    suite
        The name of a suite, or a folder of checkpoints.
    sizes
        Sizes or names of models; none for all.
    arm
        ``base``, ``sft``, ``dpo`` or ``instruct``; empty for all.
    store
        Keeps the findings: from then on suspects carry no flip there.
    endpoint
        Of a Hub other than huggingface.co.

    Returns
    -------
    pandas.DataFrame
        The columns of ``tables.AUDIT``, one row per checkpoint and finding; ``standing`` is
        ``sound``, ``suspect``, ``expected`` or ``note``.

    Raises
    ------
    UserError
        If the suite, a size or the arm does not exist, or a repository cannot be read.
    """
    questions = questions_of(SuiteChoice(suite, tuple(sizes), arm, endpoint))
    found = [audit_whole(each, store, lambda _revision: None) for each in questions]
    if not found:
        return pd.DataFrame(columns=list(tables.AUDIT.names))
    return pd.concat(found, ignore_index=True)
