"""Which checkpoint a results file is about: by the names inside it, never by its path.

In: a model's name or repository and a revision. Out: a checkpoint of a declared suite, and the
columns of a trend that follow from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckpt_analyzer.errors import UnknownNameError
from ckpt_analyzer.importers._gathered import UnreadableError
from ckpt_analyzer.suite import Checkpoint, Suite

#: Names under which the final Pythia models were evaluated before their release: v1.1 became the
#: unversioned models, and the 1b model of the release is the bf16 run (EleutherAI/pythia README).
_RENAMED = (
    (re.compile(r"^pythia-v1\.1-"), "pythia-"),
    (re.compile(r"^(pythia-1b)-bf16(?=$|-)"), r"\1"),
)

#: Suites whose branch ``main`` is the last step; elsewhere it may be an average or a later stage.
_MAIN_IS_LAST_STEP = ("pythia",)


@dataclass(frozen=True)
class Size:
    """Exact parameter counts of a model."""

    parameters: int
    non_embedding_parameters: int | None


@dataclass(frozen=True)
class FoundModel:
    """A model of a declared suite."""

    suite: Suite
    name: str


def size_of(model_name: str, suites: Sequence[Suite]) -> Size:
    """Return the exact parameter counts of the model of this name or Hub repository.

    Raises
    ------
    UnknownNameError
        If no suite has it; it names the nearest.
    """
    found = find_model(model_name, suites)
    model = found.suite.model(found.name)
    return Size(model.parameters, model.non_embedding_parameters)


def find_model(pretrained: str, suites: Sequence[Suite]) -> FoundModel:
    """Return the model of this name or Hub repository.

    Raises
    ------
    UnknownNameError
        If no suite has it; it names the nearest.
    """
    name = pretrained.rpartition("/")[2]
    for pattern, new in _RENAMED:
        name = pattern.sub(new, name)
    for suite in suites:
        for model in suite.models:
            if pretrained == model.repo or name == model.name:
                return FoundModel(suite, model.name)
    raise UnknownNameError("declared model", name, (m.name for s in suites for m in s.models))


def checkpoint_of(pretrained: str, revision: str, suites: Sequence[Suite]) -> Checkpoint:
    """Return the checkpoint that a revision of a model is.

    Raises
    ------
    UnreadableError
        If the model is not declared, or the revision names no step of it.
    """
    try:
        found = find_model(pretrained, suites)
        suite, model = found.suite, found.suite.model(found.name)
        if revision == "main" and suite.name in _MAIN_IS_LAST_STEP:
            return suite.checkpoint(model, model.steps[-1])
        pattern = re.escape(model.revision).replace(re.escape("{step}"), r"(?P<step>[0-9]{1,18})")
        pattern = pattern.replace(re.escape("{tokens_b}"), r"[0-9]+")
        match = re.fullmatch(pattern, revision)
        if match is None:
            raise UnreadableError(
                f"revision {revision!r} of {model.name} names no step "
                f"(they look like {model.revision!r})"
            )
        return suite.checkpoint(model, int(match["step"]))
    except UnknownNameError as error:
        raise UnreadableError(" ".join(str(error).split())) from error


def checkpoint_columns(checkpoint: Checkpoint, prompt_format: str) -> dict[str, Any]:
    """Return the columns of TRENDS that follow from the checkpoint."""
    model = checkpoint.model
    return {
        "suite": checkpoint.suite,
        "model": model.name,
        "size": model.size,
        "arm": model.arm,
        "base_model": model.base_model,
        "seed": model.seed,
        "parameters": model.parameters,
        "non_embedding_parameters": model.non_embedding_parameters,
        "prompt_format": prompt_format,
        "step": checkpoint.step,
        "tokens": checkpoint.tokens,
        "arm_tokens": checkpoint.arm_tokens,
        "flops": 6.0 * model.parameters * checkpoint.tokens,
        "n_unscored": 0,
        "chance": None,
        "constant_label": None,
        "has_items": False,
        "suspect": None,
    }


def dtype_of(*stated: object) -> str:
    """Return the first dtype that is stated, as torch calls it."""
    first = next((text for text in stated if text), "unstated")
    return str(first).removeprefix("torch.")


def parsed_args(raw: object) -> Mapping[str, str]:
    """Return ``a=1,b=2`` or a mapping as a mapping of texts; empty for anything else."""
    if isinstance(raw, str):
        pairs = (part.partition("=") for part in raw.split(",") if part)
        return {key.strip(): value.strip() for key, _, value in pairs}
    if isinstance(raw, Mapping):
        return {str(key): str(value) for key, value in raw.items() if value is not None}
    return {}
