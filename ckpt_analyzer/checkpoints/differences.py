"""What a suite says of its checkpoints against what the Hub lists.

In: models of a suite and the source that reads the Hub. Out: differences. Costs one request per
repository and page, and two per model for its parameters; downloads no weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.listed import parameters_by_config, with_listed_steps
from ckpt_analyzer.checkpoints.source import RevisionKey
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Checkpoint, Model, Suite

Kind = Literal[
    "no-repository", "no-tokenizer", "missing-step", "unknown-step", "unknown-name", "count",
    "parameters", "stored-parameters", "unreadable",
]  # fmt: skip
#: What is worth knowing and contradicts nothing that the suite says.
NOTES: tuple[Kind, ...] = ("unknown-name", "stored-parameters")


@dataclass(frozen=True)
class Difference:
    """One thing that the suite and the Hub tell differently.

    Parameters
    ----------
    name
        The checkpoint or repository.
    expected, found
        What the suite says, and what the Hub does; empty for nothing.
    """

    model: str
    kind: Kind
    name: str
    expected: str = ""
    found: str = ""

    @property
    def is_note(self) -> bool:
        """Whether it contradicts nothing that the suite says."""
        return self.kind in NOTES


@dataclass(frozen=True)
class ModelCheck:
    """A model, how many of its checkpoints the Hub lists, and what differs."""

    model: Model
    n_listed: int
    differences: tuple[Difference, ...]


def check_model(suite: Suite, model: Model, source: HubSource) -> ModelCheck:
    """Return what differs between `model` as its suite describes it and what the Hub has.

    Raises
    ------
    SourceError
        If the Hub is not reached, or refuses the repository.
    """
    if not model.saved and not source.has_repository(model.repo):
        missing = Difference(model.name, "no-repository", model.repo, expected=model.repo)
        return ModelCheck(model, 0, (missing,))
    commits = source.commits([model])
    found = with_listed_steps(model, commits)
    checkpoints = [suite.checkpoint(found, step) for step in found.steps]
    listed = [c for c in checkpoints if RevisionKey(model.name, c.revision) in commits]
    names = _others_left_out(suite, model, commits)
    differences = [
        *_steps(found, {c.revision for c in listed}, names),
        *_count(model, len(listed)),
        *_parameters(model, listed, source),
        *_tokenizer(model, source),
    ]
    return ModelCheck(model, len(listed), tuple(differences))


def _others_left_out(
    suite: Suite, model: Model, commits: Mapping[RevisionKey, str]
) -> frozenset[str]:
    """Return what the Hub lists, less what belongs to other models of the same repository."""
    others = [m for m in suite.models if m.repo == model.repo and m.name != model.name]
    names = (key.revision for key in commits if key.model == model.name)
    return frozenset(name for name in names if all(other.read(name) is None for other in others))


def _steps(model: Model, listed: set[str], names: frozenset[str]) -> Iterator[Difference]:
    expected = {model.name_at(step): step for step in model.steps}
    for name, step in expected.items():
        if name not in listed:
            yield Difference(model.name, "missing-step", name, expected=f"step {step}")
    for name in sorted(names - expected.keys() - {"main"}):
        read = model.read(name)
        if read is None:
            yield Difference(model.name, "unknown-name", name, found=name)
        else:
            yield Difference(model.name, "unknown-step", name, found=f"step {read.step}")


def _count(model: Model, n_listed: int) -> Iterator[Difference]:
    expected = model.n_published
    if expected is not None and expected != n_listed:
        yield Difference(model.name, "count", model.repo, str(expected), str(n_listed))


def _parameters(
    model: Model, listed: Sequence[Checkpoint], source: HubSource
) -> Iterator[Difference]:
    if not listed or not model.parameters:
        return
    last = listed[-1]
    try:
        by_config = parameters_by_config(source, last)
        stored = None if by_config else source.parameters(last)
    except CheckpointError as error:
        yield Difference(model.name, "unreadable", last.revision, found=error.problem)
        return
    expected = str(model.parameters)
    if by_config and by_config != model.parameters:
        yield Difference(model.name, "parameters", last.revision, expected, str(by_config))
    # Files may hold buffers, which are counted as well, or a tied table twice.
    if stored and stored != model.parameters:
        yield Difference(model.name, "stored-parameters", last.revision, expected, str(stored))


def _tokenizer(model: Model, source: HubSource) -> Iterator[Difference]:
    repo = model.tokenizer_repo
    if repo is not None and not source.has_repository(repo):
        yield Difference(model.name, "no-tokenizer", repo, expected=repo)
