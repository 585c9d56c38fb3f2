"""The audits of a store's checkpoints: one table per model.

In: rows of AUDIT. Out: Parquet files, and for every checkpoint that is suspect the reason. An
audit of all steps of a model takes the place of what was known of it. One of some steps keeps
earlier findings about the same commits: it may not have seen what they were equal to.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from ckpt_analyzer.errors import StoreError
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.store.versions import columns_since, upgraded_table
from ckpt_analyzer.store.write import parquet_bytes, read_parquet
from ckpt_analyzer.tables import AUDIT, conform

#: What ``findings`` returns.
FINDINGS = ("model", "standing", "steps", "finding", "reason", "link")


@dataclass(frozen=True)
class AuditedCommit:
    """A checkpoint in the state that was audited."""

    suite: str
    model: str
    step: int
    commit: str


def read_audits(folder: Place) -> pd.DataFrame:
    """Return AUDIT of all models; no rows before the first audit.

    Raises
    ------
    StoreError
        If a file is damaged.
    """
    tables = [AUDIT.empty_table(), *map(_read, sorted(folder.glob("*.parquet")))]
    return _frame(pa.concat_tables(tables))


def renew_audit(folder: Place, rows: pd.DataFrame, *, is_whole: bool) -> None:
    """Put the rows of one model in the place of earlier ones.

    Parameters
    ----------
    is_whole
        Whether `rows` are about all steps of the model that exist.

    Raises
    ------
    TableError
        If `rows` break their schema.
    StoreError
        If the file cannot be written.
    """
    if rows.empty:
        return
    place = folder / _file_name(str(rows["suite"].iloc[0]), str(rows["model"].iloc[0]))
    if not is_whole and place.exists():
        kept = _still_true(_frame(_read(place)), rows)
        told = set(kept["step"].dropna())
        rows = rows[(rows["standing"] != "sound") | ~rows["step"].isin(told)]
        rows = pd.concat([each for each in (kept, rows) if len(each)], ignore_index=True)
        content = [name for name in AUDIT.names if name != "audited"]
        rows = rows.drop_duplicates(content, keep="last")
    rows = rows.sort_values("step", kind="stable", na_position="last")
    write_whole(place, parquet_bytes(conform(rows, AUDIT)))


def findings(audit: pd.DataFrame) -> pd.DataFrame:
    """Return one row per finding that steps of a model have in common, suspects first.

    Returns
    -------
    pandas.DataFrame
        The columns `FINDINGS`. ``steps`` names up to four; a ref that is no step goes by its name.
    """
    found = audit[audit["standing"] != "sound"]
    keys = [name for name in FINDINGS if name != "steps"]
    rows = [
        dict(zip(keys, key, strict=True)) | {"steps": _steps(rows)}
        for key, rows in found.groupby(keys, sort=False, dropna=False)
    ]
    frame = pd.DataFrame(rows, columns=list(FINDINGS)).astype(object)
    frame = frame.where(frame.notna(), "")
    order = frame["standing"].map(["suspect", "expected", "note"].index)
    return frame.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _steps(rows: pd.DataFrame) -> str:
    known = rows["step"].notna()
    names = [f"{step}" for step in rows.loc[known, "step"]]
    names += list(rows.loc[~known, "revision"])
    if len(names) <= 5:
        return ", ".join(names)
    return f"{', '.join(names[:3])} … {names[-1]} ({len(names)})"


def suspects(audit: pd.DataFrame) -> Mapping[AuditedCommit, str | None]:
    """Return why each audited checkpoint is suspect; None for those that are not."""
    read = audit[audit["step"].notna() & audit["commit"].notna()]
    found: dict[AuditedCommit, str | None] = {}
    # Of a table that was not stored yet, what is absent may be NaN.
    for row in read.astype(object).where(read.notna(), None).to_dict("records"):
        key = AuditedCommit(row["suite"], row["model"], int(row["step"]), row["commit"])
        found.setdefault(key, None)
        if row["standing"] == "suspect":
            why = f"{row['reason']} ({row['link']})" if row["link"] else row["reason"]
            found[key] = "; ".join(filter(None, (found[key], why)))
    return found


def judged(unit: UnitManifest, audited: Mapping[AuditedCommit, str | None]) -> UnitManifest:
    """Return `unit` with what the audit of its very commit says of it, if there is one."""
    key = AuditedCommit(unit.suite, unit.model, unit.step, unit.commit)
    why = audited.get(key, unit.suspect)
    return unit if why == unit.suspect else dataclasses.replace(unit, suspect=why)


def _still_true(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return earlier rows about steps that `rows` leave out, or show unchanged."""
    now = dict(zip(rows["step"], rows["commit"], strict=True))
    is_absent = ~known["step"].isin(now)
    is_unchanged = known["step"].map(now) == known["commit"]
    return known[is_absent | (is_unchanged & (known["standing"] != "sound"))]


def _read(path: Place) -> pa.Table:
    try:
        return upgraded_table(read_parquet(path), AUDIT, columns_since(1, "AUDIT"))
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            "an audit in the store cannot be read",
            where=str(path),
            hint="remove the file and audit again: ckpt-analyzer audit SUITE --store DIR",
        ) from error


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas().astype({"step": "Int64"})
    return frame.astype(object).where(frame.notna(), None).astype({"step": "Int64"})


def _file_name(suite: str, model: str) -> str:
    digest = hashlib.sha256(f"{suite}\n{model}".encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', model)[:80]}-{digest}.parquet"
