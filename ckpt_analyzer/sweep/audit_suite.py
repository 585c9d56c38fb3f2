"""The audit of a suite as a whole, without a sweep.

In: the name of a suite or a folder, sizes, an arm. Out: what is to be asked of each model, and the
table of its audit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ckpt_analyzer import suites as known_suites
from ckpt_analyzer.checkpoints.audit.reading import Question, read_model
from ckpt_analyzer.checkpoints.audit.table import audit_table
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.listed import listed_models
from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.checkpoints.local_suite import find_local_suite
from ckpt_analyzer.checkpoints.source import CheckpointSource
from ckpt_analyzer.errors import UnknownNameError, UserError
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.suite import ARMS, Model, Suite


@dataclass(frozen=True)
class SuiteChoice:
    """Which models to audit.

    Parameters
    ----------
    suite
        The name of a suite, or a folder of checkpoints.
    sizes
        Sizes or names of models; none for all.
    arm
        Empty for all.
    on_wait
        Is told of every wait that the Hub asks for, in seconds.
    """

    suite: str
    sizes: tuple[str, ...] = ()
    arm: str = ""
    endpoint: str | None = None
    on_wait: Callable[[float], None] = lambda _seconds: None


def questions_of(choice: SuiteChoice) -> tuple[Question, ...]:
    """Return one question per chosen model; asks each repository for its refs.

    Raises
    ------
    UserError
        If the suite, a size or the arm does not exist, or a repository cannot be read.
    """
    # An audit tells nothing of tokens: a run that does not state them is audited all the same.
    suite = find_suite(choice.suite, tokens_per_step=1)
    source = _source(suite, choice)
    listed = listed_models(suite, _models(suite, choice), source)
    return tuple(Question(suite, model, source, listed.commits) for model in listed.models)


def audit_whole(
    question: Question, store: Store | None, on_read: Callable[[str], None]
) -> pd.DataFrame:
    """Return the audit of all steps of a model (tables.AUDIT), and keep it in `store`.

    Raises
    ------
    SourceError
        If nothing of the repository can be read.
    StoreError
        If the store cannot be written.
    """
    audited = read_model(question, question.model.steps, on_read)
    table = audit_table(audited)
    if store is not None:
        store.renew_audit(table, is_whole=audited.is_whole)
    return table


def find_suite(name: str, *, tokens_per_step: int | None = None) -> Suite:
    """Return the suite called `name`, or the one in that folder.

    Parameters
    ----------
    tokens_per_step
        Of models of a folder; None to read it from their files.

    Raises
    ------
    UserError
        If there is neither.
    """
    folder = Path(name)
    is_path = "/" in name or "\\" in name or name.startswith(".")
    if is_path or (name not in known_suites.names() and folder.is_dir()):
        return find_local_suite(folder, tokens_per_step=tokens_per_step)
    return known_suites.load(name)


def _source(suite: Suite, choice: SuiteChoice) -> CheckpointSource:
    if suite.root is not None:
        return LocalSource(suite)
    return metadata_source(choice)


def metadata_source(choice: SuiteChoice) -> HubSource:
    """Return a source of metadata on a Hub, which fetches no weights."""
    # An audit fetches no weights: the folder for them is never made.
    nowhere = Path(tempfile.gettempdir()) / "ckpt-analyzer-audit"
    return HubSource(
        cache_dir=nowhere,
        max_cache_bytes=0,
        endpoint=choice.endpoint,
        reading=HubReading(on_wait=choice.on_wait),
    )


def _models(suite: Suite, choice: SuiteChoice) -> Sequence[Model]:
    if choice.arm and choice.arm not in ARMS:
        raise UnknownNameError("arm", choice.arm, ARMS)
    sizes = choice.sizes or tuple(model.name for model in suite.models)
    models = suite.select(sizes, (choice.arm,) if choice.arm else ARMS)
    if not models:
        have = sorted({model.arm for model in suite.select(sizes, ARMS)})
        raise UserError(
            f"{suite.name} has no model of arm {choice.arm} in these sizes",
            hint=f"arms in these sizes: {', '.join(have)}",
        )
    return models
