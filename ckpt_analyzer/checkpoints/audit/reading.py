"""Ask a source for the metadata of a model's revisions.

In: a source, a model, the steps to read. Out: an ``AuditedModel``. Reads no weights on the Hub: one
request per revision that is not in the cache, and one per distinct configuration. A revision that
cannot be read is a finding, a repository that cannot be read is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_analyzer.checkpoints.audit.records import AuditedModel, AuditedRevision
from ckpt_analyzer.checkpoints.inventory import Inventory
from ckpt_analyzer.checkpoints.source import CheckpointSource, RevisionKey
from ckpt_analyzer.checkpoints.weight_files import choose
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.suite import Checkpoint, Model, Suite

_MAIN = "main"
_CONFIG = "config.json"


@dataclass(frozen=True)
class Question:
    """Which checkpoints of a model are to be audited, and where they lie.

    Parameters
    ----------
    commits
        What the source's ``commits`` said of the model.
    """

    suite: Suite
    model: Model
    source: CheckpointSource
    commits: Mapping[RevisionKey, str]


def read_model(
    question: Question,
    steps: Collection[int],
    on_read: Callable[[str], None] = lambda _revision: None,
) -> AuditedModel:
    """Return what the revisions at `steps` hold, and what is to be compared with them.

    Besides `steps`: the last step and ``main``, and whatever is known already without a request.

    Parameters
    ----------
    on_read
        Is told each revision once it is read.

    Raises
    ------
    SourceError
        If nothing of the repository can be read.
    """
    model, wanted = question.model, {*steps, question.model.steps[-1]}
    revisions = []
    for step in model.steps:
        checkpoint = question.suite.checkpoint(model, step)
        if RevisionKey(model.name, checkpoint.revision) not in question.commits:
            continue
        if step in wanted:
            revisions.append(_read(question.source, checkpoint))
            on_read(checkpoint.revision)
        elif (known := question.source.known_inventory(checkpoint)) is not None:
            revisions.append(_described(question.source, checkpoint, known))
    whole = len(revisions) == _n_existing(question)
    revisions += _main(question)
    return AuditedModel(
        suite=question.suite.name_of(model),
        model=model,
        revisions=tuple(revisions),
        refs=_refs(question),
        known_bad=tuple(bad for bad in question.suite.known_bad if bad.model == model.name),
        is_whole=whole,
    )


def _refs(question: Question) -> frozenset[str]:
    """Return what the repository lists, less what belongs to other models that share it."""
    model = question.model
    names = (key.revision for key in question.commits if key.model == model.name)
    others = [m for m in question.suite.models if m.repo == model.repo and m.name != model.name]
    return frozenset(name for name in names if all(other.read(name) is None for other in others))


def _n_existing(question: Question) -> int:
    model = question.model
    names = {model.name_at(step) for step in model.steps}
    return sum(RevisionKey(model.name, name) in question.commits for name in names)


def _main(question: Question) -> list[AuditedRevision]:
    """Return ``main`` to compare with, unless it is one of the steps or does not exist."""
    model = question.model
    own = {model.name_at(step) for step in model.steps}
    if _MAIN in own or RevisionKey(model.name, _MAIN) not in question.commits:
        return []
    checkpoint = Checkpoint(question.suite.name_of(model), model, model.steps[-1], _MAIN, 0)
    read = _read(question.source, checkpoint)
    return [AuditedRevision(_MAIN, None, read.inventory, read.weights, read.problem, read.config)]


def _read(source: CheckpointSource, checkpoint: Checkpoint) -> AuditedRevision:
    try:
        inventory = source.inventory(checkpoint)
    except SourceError:
        raise
    except CheckpointError as error:
        return AuditedRevision(checkpoint.revision, checkpoint.step, None, problem=error.problem)
    return _described(source, checkpoint, inventory)


def _described(
    source: CheckpointSource, checkpoint: Checkpoint, inventory: Inventory
) -> AuditedRevision:
    revision, step = checkpoint.revision, checkpoint.step
    config = _config(source, checkpoint, inventory)
    if config is None and _CONFIG in inventory.names:
        problem = "the checkpoint is not complete: config.json cannot be read"
        return AuditedRevision(revision, step, inventory, problem=problem)
    try:
        weights = choose(inventory.names, revision).weights
    except CheckpointError as error:
        return AuditedRevision(revision, step, inventory, problem=error.problem, config=config)
    return AuditedRevision(revision, step, inventory, weights, config=config)


def _config(
    source: CheckpointSource, checkpoint: Checkpoint, inventory: Inventory
) -> Mapping[str, Any] | None:
    if _CONFIG not in inventory.names:
        return None
    try:
        return parsed_config(source.text(checkpoint, inventory, _CONFIG))
    except SourceError:
        raise
    except CheckpointError:
        return None


def parsed_config(content: bytes) -> Mapping[str, Any] | None:
    """Return what a ``config.json`` says; None if it cannot be read."""
    try:
        config = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None
