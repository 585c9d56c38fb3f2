"""The records of a suite: a family of models, each with its saved states.

Pure records: no network, no files, no torch. Suites are declared in ``ckpt_analyzer/suites``, or
found in a folder by ``checkpoints/local.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ckpt_analyzer.errors import UnknownNameError

Arm = Literal["base", "sft", "dpo", "instruct"]
ARMS: tuple[Arm, ...] = get_args(Arm)


@dataclass(frozen=True)
class Model:
    """One size and arm of a suite, with the checkpoints that were saved of it.

    Parameters
    ----------
    name
        Unique within its suite, e.g. ``pythia-410m``.
    size
        The label that its authors use, e.g. ``410m``.
    repo
        Hub repository id; a folder for a local suite.
    parameters, non_embedding_parameters
        Exact counts. FLOPs follow ``6 * parameters * tokens``.
    steps
        Optimizer steps at which a checkpoint exists, ascending.
    tokens_per_step
        Training tokens per optimizer step. 0 for a tuned model that is published in one state only:
        its ``steps`` are then ``(1,)``, an ordinal ("the first published state"), and its tuning
        tokens are left out of FLOPs, as McKenzie et al. (2023) leave them out.
    tokens_before
        Training tokens seen before this arm's step 0: the base model's, for a tuned arm.
    revision
        Pattern of the Hub revision, or of the folder of a local suite. ``{step}`` is filled in, and
        ``{tokens_b}``: the arm's tokens by then in billions, rounded up.
    stored_bytes_per_parameter
        Size of a parameter in the published weight files.
    """

    name: str
    size: str
    repo: str
    parameters: int
    non_embedding_parameters: int | None
    steps: tuple[int, ...]
    tokens_per_step: int
    arm: Arm = "base"
    base_model: str | None = None
    tokens_before: int = 0
    revision: str = "step{step}"
    stored_bytes_per_parameter: int = 2


@dataclass(frozen=True)
class Checkpoint:
    """One saved state of a model."""

    suite: str
    model: Model
    step: int
    revision: str
    arm_tokens: int

    @property
    def tokens(self) -> int:
        """Training tokens seen by then, those of earlier arms included."""
        return self.model.tokens_before + self.arm_tokens

    @property
    def label(self) -> str:
        """Name for people: ``pythia-410m@step1000``."""
        return f"{self.model.name}@{self.revision}"


@dataclass(frozen=True)
class KnownBad:
    """Checkpoints that their publisher, or a public issue, reports as wrong.

    Parameters
    ----------
    is_expected
        The report is true and does no harm, e.g. equal weights at steps between which nothing was
        learnt: it is shown, and the checkpoints are trusted.
    """

    model: str
    steps: tuple[int, ...]
    reason: str
    link: str
    is_expected: bool = False


@dataclass(frozen=True)
class Suite:
    """A family of models.

    Parameters
    ----------
    root
        The folder of a local suite; None for a suite on the Hub.
    evidence
        How the facts are known, and what is unverified.
    """

    name: str
    title: str
    models: tuple[Model, ...]
    citation: str
    licence: str
    link: str
    evidence: str
    known_bad: tuple[KnownBad, ...] = ()
    root: str | None = None

    def model(self, name: str) -> Model:
        """Return the model called `name`, or the base model of size `name`.

        Raises
        ------
        UnknownNameError
            If there is none; it names the nearest.
        """
        for model in self.models:
            if model.name == name or (model.size == name and model.arm == "base"):
                return model
        known = {m.name for m in self.models} | {m.size for m in self.models}
        raise UnknownNameError(f"model of {self.name}", name, known)

    def select(self, sizes: Iterable[str], arms: Iterable[str]) -> tuple[Model, ...]:
        """Return the models of these sizes (or names) and arms, in the suite's order."""
        wanted = set(sizes)
        for name in wanted:
            if not any(name in (model.name, model.size) for model in self.models):
                self.model(name)
        arms = set(arms)
        return tuple(
            m for m in self.models if (m.size in wanted or m.name in wanted) and m.arm in arms
        )

    def checkpoint(self, model: Model, step: int) -> Checkpoint:
        """Return the checkpoint of `model` at `step`, which must be one of its steps."""
        if step not in model.steps:
            near = min(model.steps, key=lambda known: abs(known - step))
            raise UnknownNameError(f"step of {model.name}", str(step), [str(near)])
        arm_tokens = step * model.tokens_per_step
        return Checkpoint(
            suite=self.name,
            model=model,
            step=step,
            revision=model.revision.format(step=step, tokens_b=-(-arm_tokens // 10**9)),
            arm_tokens=arm_tokens,
        )

    def suspicion(self, checkpoint: Checkpoint) -> str | None:
        """Return why `checkpoint` is reported as wrong, or None."""
        for bad in self.known_bad:
            is_meant = bad.model == checkpoint.model.name and checkpoint.step in bad.steps
            if is_meant and not bad.is_expected:
                return f"{bad.reason} ({bad.link})"
        return None
