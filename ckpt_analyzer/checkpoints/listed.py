"""Models with what only their source knows: the steps of open models, counts of parameters.

In: models of a suite and a source. Out: the models, completed, and the commits that exist of them.
A model that its suite describes in full is left as it is, and costs nothing beyond its listing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ckpt_analyzer.checkpoints.config_size import count_from_config
from ckpt_analyzer.checkpoints.source import CheckpointSource, RevisionKey
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.suite import Checkpoint, Model, Saved, Suite


@dataclass(frozen=True)
class ListedModels:
    """Models, completed, and the commit of everything that could be a checkpoint of them."""

    models: tuple[Model, ...]
    commits: Mapping[RevisionKey, str] = field(hash=False)


def listed_models(suite: Suite, models: Sequence[Model], source: CheckpointSource) -> ListedModels:
    """Return `models` of `suite` as `source` completes them.

    Raises
    ------
    CheckpointError
        If the source cannot say what it has, an open model has no checkpoint, or its parameters
        are told by nothing.
    """
    bases = [suite.model(str(model.base_model)) for model in models if _lacks_tokens(model)]
    commits = source.commits(dict.fromkeys([*models, *bases]))
    completed = []
    for model in models:
        known = with_listed_steps(model, commits)
        if _lacks_tokens(known):
            base = with_listed_steps(suite.model(str(known.base_model)), commits)
            known = replace(known, tokens_before=base.tokens_before + base.tokens_at(_last(base)))
        _last(known)
        if not known.parameters:
            known = replace(known, parameters=_parameters(suite, known, source, commits))
        completed.append(known)
    return ListedModels(tuple(completed), commits)


def with_listed_steps(model: Model, commits: Mapping[RevisionKey, str]) -> Model:
    """Return `model` with all the steps that `commits` has of it, if it is open.

    Steps that the suite knows stay, listed or not. Where two names stand for one step, the one that
    the suite knows counts, else the first in the alphabet.
    """
    if not model.is_open:
        return model
    saved = {each.step: each for each in model.saved}
    found = dict.fromkeys(model.steps)
    for name in sorted(key.revision for key in commits if key.model == model.name):
        read = model.read(name)
        if read is None or read.step in found:
            continue
        found[read.step] = None
        tokens = None if model.tokens_per_step else read.tokens
        saved[read.step] = Saved(read.step, name, tokens)
    steps = tuple(sorted(found))
    return replace(model, steps=steps, saved=tuple(saved[step] for step in sorted(saved)))


def _lacks_tokens(model: Model) -> bool:
    return model.arm != "base" and not model.tokens_before


def _last(model: Model) -> int:
    if not model.steps:
        raise CheckpointError(
            f"no checkpoint of {model.name} was found",
            where=model.repo,
            hint="see what the Hub lists: ckpt-analyzer suites NAME --check",
        )
    return model.steps[-1]


def _parameters(
    suite: Suite, model: Model, source: CheckpointSource, commits: Mapping[RevisionKey, str]
) -> int:
    """Return the parameters of the last checkpoint that exists: by its configuration, or counted.

    Raises
    ------
    CheckpointError
        If neither tells.
    """
    for step in reversed(model.steps):
        checkpoint = suite.checkpoint(model, step)
        if RevisionKey(model.name, checkpoint.revision) not in commits:
            continue
        count = parameters_by_config(source, checkpoint) or source.parameters(checkpoint)
        if count:
            return count
        break
    raise CheckpointError(
        f"the parameters of {model.name} are not known: neither its suite nor its files state them",
        where=model.repo,
        hint="leave the model out: sizes: [...]",
    )


def parameters_by_config(source: CheckpointSource, checkpoint: Checkpoint) -> int | None:
    """Return the parameters that the configuration of `checkpoint` describes; None if unknown.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be read.
    """
    inventory = source.inventory(checkpoint)
    if "config.json" not in inventory.names:
        return None
    try:
        content = json.loads(source.text(checkpoint, inventory, "config.json"))
    except SourceError:
        raise
    except (CheckpointError, ValueError):
        return None
    return count_from_config(content) if isinstance(content, dict) else None
