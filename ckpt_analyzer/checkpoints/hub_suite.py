"""Make a suite of one repository on the Hub whose revisions are the steps of a run.

In: a repository, the pattern of its revisions, perhaps the tokens per step. Out: a `Suite` of one
model. Steps are found from the refs (one request), parameters from the header of the weights,
tokens per step from ``trainer_state.json``; no weights are read. A branch is one commit, so that
what it holds appears at once: one that lacks files is still being uploaded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from ckpt_analyzer.checkpoints.growth import TRAINER_STATE, Growth, NothingYetError, Seen
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.local_suite import size_label, tokens_seen, tokens_unknown
from ckpt_analyzer.checkpoints.safetensors_header import ParameterCount, count_shapes
from ckpt_analyzer.checkpoints.weight_files import UNFINISHED, choose
from ckpt_analyzer.errors import CheckpointError, SourceError
from ckpt_analyzer.suite import Checkpoint, Model, Suite

PREFIX = "hub:"
_REPO = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class HubRun:
    """A repository with a revision per step.

    Parameters
    ----------
    repo
        ``org/name``.
    revision
        Pattern of the revisions, with ``{step}``.
    tokens_per_step
        None to read it from ``trainer_state.json``.
    """

    repo: str
    revision: str = "step{step}"
    tokens_per_step: int | None = None


@dataclass
class HubFacts:
    """What was read of repositories, kept from look to look: parameters by commit."""

    parameters: dict[str, ParameterCount] = field(default_factory=dict)


def is_repo(text: str) -> bool:
    """Return whether `text` has the form ``org/name``."""
    return _REPO.fullmatch(text) is not None


def is_step_pattern(revision: str) -> bool:
    """Return whether `revision` is a pattern in which ``{step}`` stands once."""
    return revision.count("{step}") == 1 and not re.search(r"[{}]", revision.replace("{step}", ""))


def find_hub_suite(
    source: HubSource, run: HubRun, *, growth: Growth | None = None, facts: HubFacts | None = None
) -> Suite:
    """Return the suite in the repository of `run`.

    Raises
    ------
    NothingYetError
        If `growth` is given and no revision holds a whole checkpoint.
    CheckpointError
        If no revision is a step, or parameters or tokens per step cannot be told.
    SourceError
        If nothing of the repository can be read.
    """
    model = _probe(run)
    model = replace(model, steps=_steps(source, run, model))
    suite = Suite(
        name=model.name,
        title=model.name,
        models=(model,),
        citation="",
        licence="",
        link="",
        evidence="read from the refs and the files of the repository",
    )
    checkpoints = [suite.checkpoint(model, step) for step in model.steps]
    if growth is not None:
        checkpoints = [each for each in checkpoints if _is_whole(source, each, growth)]
    if not checkpoints:
        raise _nothing(run, growth)
    count = _parameters(source, checkpoints, facts or HubFacts())
    known = replace(
        model,
        steps=tuple(each.step for each in checkpoints),
        size=size_label(count.parameters),
        parameters=count.parameters,
        non_embedding_parameters=count.non_embedding_parameters,
        tokens_per_step=run.tokens_per_step or _tokens_per_step(source, checkpoints),
    )
    return replace(suite, models=(known,))


def _probe(run: HubRun) -> Model:
    """Return the model of `run` before anything is known of it."""
    return Model(
        name=run.repo.rpartition("/")[2],
        size="",
        repo=run.repo,
        parameters=0,
        non_embedding_parameters=None,
        steps=(),
        tokens_per_step=0,
        revision=run.revision,
    )


def _steps(source: HubSource, run: HubRun, model: Model) -> tuple[int, ...]:
    pattern = re.compile(re.escape(run.revision).replace(re.escape("{step}"), r"(\d+)"))
    refs = {key.revision for key in source.commits((model,))}
    steps = {int(match[1]) for ref in refs if (match := pattern.fullmatch(ref))}
    # step007 is not what the pattern gives for 7.
    return tuple(sorted(step for step in steps if run.revision.format(step=step) in refs))


def _is_whole(source: HubSource, checkpoint: Checkpoint, growth: Growth) -> bool:
    seen = Seen(checkpoint.model.name, checkpoint.step)
    try:
        choose(source.inventory(checkpoint).names, checkpoint.label)
    except SourceError:
        raise
    except CheckpointError as error:
        return growth.note(seen, error.problem.removeprefix(UNFINISHED))
    return growth.note(seen, None)


def _nothing(run: HubRun, growth: Growth | None) -> CheckpointError:
    where = f"{PREFIX}{run.repo}"
    if growth is not None:
        return NothingYetError("there is no whole checkpoint yet", where=where, hint="wait for one")
    return CheckpointError(
        f"no branch or tag of {run.repo} is named like {run.revision}",
        where=where,
        hint="say how they are named: revision: step{step}",
    )


def _parameters(
    source: HubSource, checkpoints: Sequence[Checkpoint], facts: HubFacts
) -> ParameterCount:
    """Return the parameters by the first checkpoint that is whole; asks for headers alone."""
    problem = None
    for checkpoint in checkpoints:
        try:
            resolved = source.resolve(checkpoint)
            if resolved.commit not in facts.parameters:
                facts.parameters[resolved.commit] = count_shapes(source.shapes(resolved))
        except SourceError:
            raise
        except CheckpointError as error:
            problem = problem or error
        else:
            return facts.parameters[resolved.commit]
    assert problem is not None
    raise problem


def _tokens_per_step(source: HubSource, checkpoints: Sequence[Checkpoint]) -> int:
    """Return the tokens per step by the last checkpoint whose Trainer counted them."""
    for checkpoint in reversed(checkpoints):
        inventory = source.inventory(checkpoint)
        if checkpoint.step and TRAINER_STATE in inventory.names:
            state = source.text(checkpoint, inventory, TRAINER_STATE)
            return (tokens_seen(state) // checkpoint.step) or _unknown(checkpoint)
    return _unknown(checkpoints[-1])


def _unknown(checkpoint: Checkpoint) -> NoReturn:
    raise tokens_unknown(checkpoint.model.name, f"{PREFIX}{checkpoint.model.repo}")
