"""What the suites of a plan say without having been checked.

In: a plan. Out: a row per suite and kind of facts that is ``unverified``.
"""

from __future__ import annotations

import pandas as pd

from ckpt_analyzer.sweep.plan import Plan

COLUMNS = ("suite", "about", "source")


def unverified_facts(plan: Plan) -> pd.DataFrame:
    """Return the unverified facts of the suites of `plan`, each suite once."""
    suites = dict.fromkeys(listed.sourced.suite for listed in plan.listed)
    rows = [
        (suite.name, fact.about, fact.source)
        for suite in suites
        for fact in suite.facts
        if fact.standing == "unverified"
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).drop_duplicates(ignore_index=True)
