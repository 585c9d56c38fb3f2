"""Find a suite in a folder.

In: a folder, or a pattern such as ``runs/*/step_{step}``. Out: a `Suite` whose root is that folder.
Layouts: a ``suite.json`` beside one folder per model; one folder per model, each with step folders;
a single model's step folders, as the Trainer of transformers writes them; whatever a pattern says.
What ``suite.json`` does not state is read from the files: parameters from the headers of the
weights, tokens per step from ``trainer_state.json``. Of a run that is still at work (`Growth`), the
suite holds what is whole by now.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import NamedTuple

from ckpt_analyzer.checkpoints.growth import TRAINER_STATE, Growth, NothingYetError, Seen
from ckpt_analyzer.checkpoints.local import complete_files
from ckpt_analyzer.checkpoints.run_pattern import find_runs, is_pattern, read_pattern
from ckpt_analyzer.checkpoints.safetensors_header import ParameterCount, count_parameters
from ckpt_analyzer.checkpoints.step_folders import (
    KNOWN_NAMES,
    StepFolders,
    find_step_folders,
    is_step_folder,
)
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


def find_local_suite(
    folder: Path, *, tokens_per_step: int | None = None, growth: Growth | None = None
) -> Suite:
    """Return the suite in `folder`.

    Parameters
    ----------
    folder
        A folder, or a pattern with ``{step}`` (see ``run_pattern.py``).
    tokens_per_step
        Training tokens per optimizer step, for models of which the files do not tell.
    growth
        Of runs that are still at work: checkpoints that are not whole are left out, and noted.

    Raises
    ------
    NothingYetError
        If `growth` is given and no checkpoint is whole.
    CheckpointError
        If there are no checkpoints, or a fact about them is neither stated nor in the files.
    """
    if is_pattern(folder):
        pattern = read_pattern(folder)
        root = pattern.root.resolve()
        found = [_Found(r.name, r.repo, root / r.repo, r.saved) for r in find_runs(pattern)]
        where = str(folder)
    else:
        if not folder.is_dir():
            raise CheckpointError(
                "there is no such folder", where=str(folder), hint="check the path"
            )
        root, where = folder.resolve(), str(folder.resolve())
        if (root / SUITE_FILE).is_file():
            return _stated_suite(root, read_suite_file(root / SUITE_FILE), growth)
        found = _find_models(root)
    found = _whole_ones(found, growth, needs_state=tokens_per_step is None)
    if not found:
        raise _nothing_there(where, growth)
    return Suite(
        name=root.name,
        title=root.name,
        models=tuple(_model(each, tokens_per_step) for each in found),
        citation="",
        licence="",
        link="",
        evidence="read from the files of the checkpoints",
        root=str(root),
    )


def root_of(folder: Path) -> Path:
    """Return the root of the suite that a folder or pattern stands for; it need not be there."""
    return (read_pattern(folder).root if is_pattern(folder) else folder).resolve()


def _whole_ones(found: list[_Found], growth: Growth | None, *, needs_state: bool) -> list[_Found]:
    """Return of `found` the steps that are whole, and the models that have one."""
    if growth is None:
        return found
    kept = []
    for each in found:
        folders = {
            step: each.folder / each.saved.revision.format(step=step) for step in each.saved.steps
        }
        steps = tuple(
            step
            for step, path in folders.items()
            if growth.is_whole(Seen(each.name, step), path, needs_state=needs_state)
        )
        if steps:
            kept.append(replace(each, saved=replace(each.saved, steps=steps)))
    return kept


def _nothing_there(where: str, growth: Growth | None) -> CheckpointError:
    if growth is None and is_step_folder(where):
        return CheckpointError(
            "this folder is a checkpoint itself",
            where=where,
            hint=f"give the folder above, which holds it: {PurePath(where).parent}",
        )
    if growth is None:
        return CheckpointError(
            "there are no checkpoints in the folder",
            where=where,
            hint=f"checkpoints are folders named {KNOWN_NAMES}, here or in a folder per model; "
            "for other names give a pattern such as runs/*/step_{step}",
        )
    return NothingYetError("there is no whole checkpoint yet", where=where, hint="wait for one")


def _stated_suite(root: Path, entry: SuiteEntry, growth: Growth | None) -> Suite:
    models = [_stated_model(root, model) for model in entry.models]
    if growth is not None:
        models = [model for each in models if (model := _grown(root, each, growth)) is not None]
        if not models:
            raise _nothing_there(str(root), growth)
    return Suite(
        name=entry.name,
        title=entry.title or entry.name,
        models=tuple(models),
        citation=entry.citation,
        licence=entry.licence,
        link=entry.link,
        evidence=entry.evidence,
        root=str(root),
    )


def _grown(root: Path, model: Model, growth: Growth) -> Model | None:
    """Return `model` with the steps that are whole by now; None if there is none."""
    folders = {step: root / model.repo / model.revision.format(step=step) for step in model.steps}
    steps = tuple(
        step
        for step, folder in folders.items()
        if folder.is_dir() and growth.is_whole(Seen(model.name, step), folder)
    )
    return replace(model, steps=steps) if steps else None


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
        recipe=entry.recipe,
        revision=entry.revision or find_step_folders(folder).revision or "step{step}",
    )


def _find_models(root: Path) -> list[_Found]:
    saved = find_step_folders(root)
    if saved.steps:
        return [_Found(root.name, ".", root, saved)]
    found = [
        _Found(path.name, path.name, path, find_step_folders(path))
        for path in sorted(root.iterdir())
        if path.is_dir()
    ]
    return [model for model in found if model.saved.steps]


def _model(found: _Found, tokens_per_step: int | None) -> Model:
    count = _parameters(found)
    return Model(
        name=found.name,
        size=size_label(count.parameters),
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
            hint=f"save the checkpoints as safetensors, or state them in a {SUITE_FILE} in the "
            "folder above that of the model: docs/own-training-run.md",
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
        except FileNotFoundError:
            continue  # removed since it was listed
    if problem is None:
        raise NothingYetError("all checkpoints are gone", where=str(found.folder))
    raise problem


def _tokens_per_step(found: _Found) -> int:
    for step in reversed(found.saved.steps):
        path = found.folder / found.saved.revision.format(step=step) / TRAINER_STATE
        if step and path.is_file() and (tokens := tokens_seen(path.read_bytes())):
            return tokens // step
    raise tokens_unknown(found.name, str(found.folder))


def tokens_seen(trainer_state: bytes) -> int:
    """Return the tokens that the Trainer counted; 0 if it did not, or the file is half-written."""
    try:
        state = json.loads(trainer_state)
    except ValueError:
        return 0
    tokens = state.get("num_input_tokens_seen", 0) if isinstance(state, dict) else 0
    return tokens if isinstance(tokens, int) else 0


def tokens_unknown(model: str, where: str) -> CheckpointError:
    """Return the error of a model of which neither the user nor its files tell the tokens."""
    return CheckpointError(
        f"the training tokens per step of {model} are not known",
        where=where,
        hint="set tokens_per_step in the sweep (--tokens-per-step for a folder); the Trainer "
        "writes them with include_num_input_tokens_seen",
    )


def size_label(parameters: int) -> str:
    """Return the name of a size after its parameters: 405m for 405,334,016."""
    for unit, scale in (("b", 10**9), ("m", 10**6), ("k", 10**3)):
        if parameters >= scale:
            return f"{parameters / scale:.3g}{unit}"
    return str(parameters)
