"""Find a suite in a folder.

In: a folder. Out: a `Suite` whose root is that folder. Three layouts: a ``suite.json`` beside one
folder per model; one folder per model, each with step folders; a single model's step folders, as
the Trainer of transformers writes them. What ``suite.json`` does not state is read from the files:
parameters from the headers of the weights, tokens per step from ``trainer_state.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ckpt_analyzer.checkpoints.local import complete_files
from ckpt_analyzer.checkpoints.safetensors_header import ParameterCount, count_parameters
from ckpt_analyzer.checkpoints.step_folders import KNOWN_NAMES, StepFolders, find_step_folders
from ckpt_analyzer.checkpoints.suite_file import (
    SUITE_FILE,
    ModelEntry,
    SuiteEntry,
    read_suite_file,
)
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Model, Suite


@dataclass(frozen=True)
class _Found:
    """A model whose facts are to be read from its files; `repo` is its folder below the root."""

    name: str
    repo: str
    folder: Path
    saved: StepFolders


class _Complete(NamedTuple):
    folder: Path
    weights: tuple[str, ...]


def find_local_suite(folder: Path, *, tokens_per_step: int | None = None) -> Suite:
    """Return the suite in `folder`.

    Parameters
    ----------
    tokens_per_step
        Training tokens per optimizer step, for models of which the files do not tell.

    Raises
    ------
    CheckpointError
        If there are no checkpoints, or a fact about them is neither stated nor in the files.
    """
    if not folder.is_dir():
        raise CheckpointError("there is no such folder", where=str(folder), hint="check the path")
    root = folder.resolve()
    if (root / SUITE_FILE).is_file():
        return _stated_suite(root, read_suite_file(root / SUITE_FILE))
    return Suite(
        name=root.name,
        title=root.name,
        models=tuple(_model(found, tokens_per_step) for found in _find_models(root)),
        citation="",
        licence="",
        link="",
        evidence="read from the files of the checkpoints",
        root=str(root),
    )


def _stated_suite(root: Path, entry: SuiteEntry) -> Suite:
    return Suite(
        name=entry.name,
        title=entry.title or entry.name,
        models=tuple(_stated_model(root, model) for model in entry.models),
        citation=entry.citation,
        licence=entry.licence,
        link=entry.link,
        evidence=entry.evidence,
        root=str(root),
    )


def _stated_model(root: Path, entry: ModelEntry) -> Model:
    folder = root / entry.name
    if not folder.is_dir():
        raise CheckpointError(
            f"{SUITE_FILE} names the model {entry.name!r}, which has no folder",
            where=str(root),
            hint=f"create {entry.name}/ with step folders, or take the model out of {SUITE_FILE}",
        )
    return Model(
        name=entry.name,
        size=entry.size,
        repo=entry.name,
        parameters=entry.parameters,
        non_embedding_parameters=entry.non_embedding_parameters,
        steps=tuple(entry.steps),
        tokens_per_step=entry.tokens_per_step,
        arm=entry.arm,
        base_model=entry.base_model,
        tokens_before=entry.tokens_before,
        seed=entry.seed,
        revision=entry.revision or find_step_folders(folder).revision or "step{step}",
    )


def _find_models(root: Path) -> tuple[_Found, ...]:
    saved = find_step_folders(root)
    if saved.steps:
        return (_Found(root.name, ".", root, saved),)
    found = [
        _Found(path.name, path.name, path, find_step_folders(path))
        for path in sorted(root.iterdir())
        if path.is_dir()
    ]
    models = tuple(model for model in found if model.saved.steps)
    if not models:
        raise CheckpointError(
            "there are no checkpoints in the folder",
            where=str(root),
            hint=f"checkpoints are folders named {KNOWN_NAMES}, here or in a folder per model",
        )
    return models


def _model(found: _Found, tokens_per_step: int | None) -> Model:
    count = _parameters(found)
    return Model(
        name=found.name,
        size=_size_label(count.parameters),
        repo=found.repo,
        parameters=count.parameters,
        non_embedding_parameters=count.non_embedding_parameters,
        steps=found.saved.steps,
        tokens_per_step=tokens_per_step or _tokens_per_step(found),
        revision=found.saved.revision,
    )


def _parameters(found: _Found) -> ParameterCount:
    first, weights = _first_complete(found)
    if not all(name.endswith(".safetensors") for name in weights):
        raise CheckpointError(
            f"the parameters of {found.name} cannot be counted without unpickling {weights[0]}",
            where=str(first),
            hint=f"state them in a {SUITE_FILE}, or save the checkpoints as safetensors",
        )
    return count_parameters(first / name for name in weights)


def _first_complete(found: _Found) -> _Complete:
    """Return the first checkpoint that is whole: any may be half-written, the last most often."""
    problem = None
    for step in found.saved.steps:
        folder = found.folder / found.saved.revision.format(step=step)
        try:
            return _Complete(folder, complete_files(folder).weights)
        except CheckpointError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _tokens_per_step(found: _Found) -> int:
    for step in reversed(found.saved.steps):
        path = found.folder / found.saved.revision.format(step=step) / "trainer_state.json"
        if step and path.is_file() and (tokens := _tokens_seen(path)):
            return tokens // step
    raise CheckpointError(
        f"the training tokens per step of {found.name} are not known",
        where=str(found.folder),
        hint=f"set tokens_per_step in the sweep, or state it in a {SUITE_FILE}; the Trainer "
        "writes them with include_num_input_tokens_seen",
    )


def _tokens_seen(trainer_state: Path) -> int:
    """Return the tokens that the Trainer counted; 0 if it did not, or the file is half-written."""
    try:
        state = json.loads(trainer_state.read_bytes())
    except ValueError:
        return 0
    tokens = state.get("num_input_tokens_seen", 0) if isinstance(state, dict) else 0
    return tokens if isinstance(tokens, int) else 0


def _size_label(parameters: int) -> str:
    for unit, scale in (("b", 10**9), ("m", 10**6), ("k", 10**3)):
        if parameters >= scale:
            return f"{parameters / scale:.3g}{unit}"
    return str(parameters)
