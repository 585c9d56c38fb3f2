"""Read ``suite.json``: the facts of a local suite, written by whoever trained it.

In: the path of the file. Out: its content, checked. Knows nothing of the folders beside it.

::

    {"name": "toy", "title": "Toy suite", "licence": "MIT", "citation": "…",
     "models": [{"name": "toy-36k", "size": "36k", "arm": "base", "base_model": null,
                 "parameters": 36000, "non_embedding_parameters": 30000,
                 "tokens_per_step": 2048, "tokens_before": 0, "steps": [0, 1, 2, 4]}]}

Optional are ``title``, ``licence``, ``citation``, ``link`` and ``evidence``, and of a model all
but ``name``, ``size``, ``parameters``, ``tokens_per_step`` and ``steps``. The folder of a model is
named as the model; ``revision`` is the pattern of its step folders, where it is not to be found
from their names. ``provenance``, of the suite and of each model, may hold anything that its author
wants to keep (seeds, learning rates); it is not read.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.suite import Arm

SUITE_FILE = "suite.json"

_Positive = Annotated[int, Field(gt=0)]
_NotNegative = Annotated[int, Field(ge=0)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ModelEntry(_Record):
    """One model of the file; the fields are those of `ckpt_analyzer.suite.Model`."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    size: str
    parameters: _Positive
    tokens_per_step: _NotNegative
    steps: Annotated[list[_NotNegative], Field(min_length=1)]
    arm: Arm = "base"
    base_model: str | None = None
    non_embedding_parameters: _NotNegative | None = None
    tokens_before: _NotNegative = 0
    revision: str | None = None
    seed: int | None = None
    recipe: str = ""
    provenance: dict[str, object] = {}

    @field_validator("steps")
    @classmethod
    def _ascending(cls, steps: list[int]) -> list[int]:
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError("must ascend")
        return steps


class SuiteEntry(_Record):
    """The whole file; the fields are those of `ckpt_analyzer.suite.Suite`."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    models: Annotated[list[ModelEntry], Field(min_length=1)]
    title: str | None = None
    citation: str = ""
    licence: str = ""
    link: str = ""
    evidence: str = f"as stated in {SUITE_FILE}"
    provenance: dict[str, object] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [model.name for model in self.models]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the model {name!r} stands twice")
        for model in self.models:
            if model.base_model is not None and model.base_model not in names:
                raise ValueError(f"the base_model {model.base_model!r} is not among the models")
        return self


def read_suite_file(path: Path) -> SuiteEntry:
    """Return the content of the suite file at `path`.

    Raises
    ------
    CheckpointError
        If it is not JSON, or a key is missing, unknown, or of a wrong value; it names the key.
    """
    try:
        return SuiteEntry.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(
            f"{SUITE_FILE} is not right" + (f" at {key}" if key else "") + f": {first['msg']}",
            where=str(path),
            hint=f"mend it; {error.error_count()} place(s) in all",
        ) from None
