"""From a store to its report.

In: a store. Out: an HTML file. This module joins the store, the comparison of arms and the report
(``reporting/items.py`` reads the items for it); what the page looks like is ``html_report/``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import yaml

from ckpt_analyzer import metrics, suites, tasks
from ckpt_analyzer.analysis.fitting import fit, is_current
from ckpt_analyzer.analysis.side_by_side import labels_of
from ckpt_analyzer.charts._series import SETTING
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.page import write_report
from ckpt_analyzer.html_report.prose import suspect_warnings
from ckpt_analyzer.html_report.report_data import ReportData
from ckpt_analyzer.html_report.run_rows import RUN_COLUMNS
from ckpt_analyzer.metric import Metric
from ckpt_analyzer.reporting.items import read_items
from ckpt_analyzer.reporting.shots import cut_shots
from ckpt_analyzer.reporting.stores import joined, read_beside
from ckpt_analyzer.reporting.tuning import read_tuning
from ckpt_analyzer.stats.compare import compare_arms
from ckpt_analyzer.stats.movement import lines
from ckpt_analyzer.store.audits import findings
from ckpt_analyzer.store.given import check_store
from ckpt_analyzer.store.protocols import hidden_protocols
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.task import Item, Task

#: Said in the head of a report whose sweep allows it.
CODE_RAN = (
    "The sweep sets trust_remote_code: Python code of the models' repositories may have been run, "
    "where transformers has none of its own."
)
#: The metrics that a report opens with after those of its sweeps, in this order.
FIRST = ("accuracy", "classification_loss", "gold_probability", "sequence_loss")
#: Of so many metrics, the first ones, causes and sizes are compared: items are drawn for each.
_COMPARED = 3


def report(
    store: Store | Sequence[Store],
    path: Path | str,
    *,
    title: str | None = None,
    with_suspects: bool = False,
    dated: bool = True,
) -> Path:
    """Write the report of `store` to `path` and return it; the store is fitted if it is not yet.

    Of several stores one page shows all, each under its folder's name.

    Parameters
    ----------
    title
        Of the page; by default the suites that it shows.
    dated
        Whether the page says when its units were scored and how long that took. Without it, the
        same checkpoints scored twice make the same page.
    with_suspects
        Whether checkpoints under suspicion take part in curves and flips.

    Raises
    ------
    StoreError
        If the store holds no scores.
    UserError
        If `path` is a folder.
    """
    page = Path(path)
    if page.is_dir():
        raise UserError(
            "the report is a file, and this is a folder",
            where=str(page),
            hint=f"give a file in it: {page / 'report.html'}",
        )
    given = [store] if isinstance(store, (Store, str, PurePath)) else store
    stores = [check_store(each) for each in given]
    data = [fitted_data(each, title, with_suspects=with_suspects) for each in stores]
    shown = data[0] if len(data) == 1 else _beside(stores, data, title)
    if not dated:
        shown = replace(shown, runs=shown.runs.assign(created=None, seconds=np.nan))
    write_report(shown, page)
    return page


def _beside(stores: Sequence[Store], data: Sequence[ReportData], title: str | None) -> ReportData:
    """Return one page of all stores, with what the others differ in from the first."""
    page = joined(labels_of(stores), data, title)
    beside = read_beside(stores, [metric.name for metric in page.metrics[:_COMPARED]])
    return replace(page, beside=beside)


def fitted_data(
    store: Store, title: str | None = None, *, with_suspects: bool = False
) -> ReportData:
    """Return what the report of `store` shows; the store is fitted if it is not yet.

    Raises
    ------
    StoreError
        If the store holds no scores.
    """
    if not is_current(store, with_suspects=with_suspects):
        fit(store, with_suspects=with_suspects)
    return gather(store, title, with_suspects=with_suspects)


def gather(store: Store, title: str | None = None, *, with_suspects: bool = False) -> ReportData:
    """Return everything that the report of `store` shows."""
    trends = store.trends()
    first = _metrics(trends["metric"].unique(), _swept_metrics(store))[:_COMPARED]
    tuning = read_tuning(store, [metric.name for metric in first])
    warnings = [f"not read: {each.path}: {each.reason}" for each in store.damaged()]
    if any(yaml.safe_load(text).get("trust_remote_code") for text in store.sweeps()):
        warnings.append(CODE_RAN)
    warnings += cut_shots(store.manifests())
    selection = store.selection()
    hidden = hidden_protocols(selection.chosen, selection.superseded)
    warnings += [f"Not shown: {each.words}." for each in hidden]
    warnings += _unverified(set(trends["suite"]))
    if with_suspects:
        warnings += suspect_warnings(trends, "taken into every fit, as was asked")
        trends = trends.assign(suspect=None)
    return ReportData(
        title=title or f"Trends of {', '.join(map(str, trends['suite'].unique()))}",
        trends=trends,
        flips=store.flips(),
        regression=store.regression(),
        movement=(movement := store.description("movement")),
        movement_lines=lines(movement),
        surface=store.description("surface"),
        runs=_runs(store),
        tasks=[_card(store, name) for name in trends["task"].unique()],
        sweep_yaml="\n---\n".join(store.sweeps()) or None,
        warnings=warnings,
        comparisons=compare_pairs(store, trends),
        items=read_items(store, trends.loc[trends["has_items"], "task"].unique()),
        metrics=_metrics(trends["metric"].unique(), _swept_metrics(store)),
        doubts=_doubts(store, trends),
        command=_commands(store),
        over_tuning=tuning.steps,
        tuned=tuning.tables,
        questions=tuning.questions,
    )


def _unverified(names: Set[str]) -> list[str]:
    """Return which facts of the suites called `names` nobody has checked: one line per suite."""
    found = []
    for suite in map(suites.load, suites.names()):
        about = [fact.about for fact in suite.facts if fact.standing == "unverified"]
        if about and not names.isdisjoint(map(suite.name_of, suite.models)):
            found.append(f"Facts of {suite.name} that nobody has checked: {', '.join(about)}.")
    return found


def _commands(store: Store) -> str:
    """Return what to type to make the page again."""
    name = store.path.name
    sources = dict.fromkeys(record.source for record in store.imports())
    lines = [f"ckpt-analyzer import lm-eval {shlex.quote(s)} --store {name}" for s in sources]
    if store.sweeps():
        lines.append(f"ckpt-analyzer run sweep.yaml --store {name}")
    return "\n".join([*lines, f"ckpt-analyzer fit {name}", f"ckpt-analyzer report {name}"])


def compare_pairs(store: Store, trends: pd.DataFrame) -> pd.DataFrame | None:
    """Return tuned models against their base models, paired by item; None if no pair has items.

    Peak memory: the items of one metric at the last checkpoints, 200 bytes each.
    """
    is_tuned = (trends["arm"] != "base") & trends["base_model"].notna() & trends["has_items"]
    pairs = trends[is_tuned][["suite", "arm", "model", "base_model"]].drop_duplicates()
    if pairs.empty:
        return None
    known = sorted(set(trends["metric"]) & set(metrics.names()))
    tables = [table for metric in known for table in _compared(store, pairs, metric)]
    return pd.concat(tables, ignore_index=True)


def _compared(store: Store, pairs: pd.DataFrame, metric: str) -> Iterator[pd.DataFrame]:
    """Yield one table per suite, arm and setting: the family over which p is adjusted."""
    ends = store.items(metric=metric, last=True)
    ends = ends.assign(item=ends["part"].astype(str) + ":" + ends["item"])
    for (_, arm), mine in pairs.groupby(["suite", "arm"]):
        both = pd.concat(_sides(pair, ends) for _, pair in mine.iterrows())
        for _, scores in both.groupby(list(SETTING)):
            family = scores[["suite", *SETTING]].head(1)
            table = compare_arms(scores, base="base", tuned=str(arm))
            yield table.assign(model=table["size"]).merge(family, how="cross")


def _sides(pair: pd.Series, ends: pd.DataFrame) -> pd.DataFrame:
    """Return the items of both models of `pair`, under the name of the tuned one as size.

    Two models of an arm may share a size, which would then not tell the pairs apart.
    """
    models = [pair["model"], pair["base_model"]]
    of_pair: pd.DataFrame = ends[(ends["suite"] == pair["suite"]) & ends["model"].isin(models)]
    return of_pair.assign(size=str(pair["model"]))


def _card(store: Store, name: str) -> TaskCard:
    example = _example(store, name)
    if name not in tasks.names():
        return TaskCard(name, name.replace("-", " "), None, None, "", example)
    task: Task = tasks.load(name)
    return TaskCard(
        name=task.name,
        title=task.title,
        cause=task.cause,
        kind=task.kind,
        description=task.description,
        example=example,
        n_items=task.n_items,
        citation=task.citation,
        licence=task.licence,
    )


def _example(store: Store, task: str) -> Item | None:
    if task not in {cell.key.task for unit in store.manifests() for cell in unit.cells}:
        return None  # imported means have no items
    texts = store.item_texts(task)
    if texts.empty:
        return None
    row = texts.iloc[0]
    return Item(
        item_id=str(row["item_id"]),
        context=str(row["context"]),
        choices=tuple(map(str, row["choices"])),
        gold=int(row["gold"]),
    )


def _doubts(store: Store, trends: pd.DataFrame) -> pd.DataFrame:
    """Return what was found about models that the report shows; of steps, also those not scored."""
    audit = store.audit()
    return findings(
        audit[audit["model"].isin(trends["model"]) & (audit["finding"] != "missing-step")]
    )


def _runs(store: Store) -> pd.DataFrame:
    rows = [
        {
            "model": unit.model,
            "revision": unit.revision,
            "step": unit.step,
            "dtype": ", ".join(sorted({cell.key.dtype for cell in unit.cells})),
            "scorer_version": ", ".join(sorted({cell.key.scorer_version for cell in unit.cells})),
            "created": unit.created,
            "n_items": sum(cell.n_items for cell in unit.cells),
            "n_truncated": sum(cell.n_truncated for cell in unit.cells),
            "n_unscored": sum(cell.n_unscored for cell in unit.cells),
            "seconds": unit.seconds_fetch + unit.seconds_score,
            "device": unit.device,
            "packages": json.dumps(dict(unit.versions)),
        }
        for unit in store.manifests()
    ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def _metrics(present: Iterable[str], swept: Sequence[str]) -> list[Metric]:
    """Return the records of the metrics `present`: those of the sweeps, then FIRST, then others."""
    found = set(present)
    ordered = dict.fromkeys([*swept, *FIRST, *sorted(found)])
    return [metrics.load(name) for name in ordered if name in found & set(metrics.names())]


def _swept_metrics(store: Store) -> list[str]:
    """Return the metrics that the sweeps of `store` name, in their order."""
    named = [yaml.safe_load(text).get("metrics", []) for text in store.sweeps()]
    return [name for names in named for name in ([names] if isinstance(names, str) else names)]
