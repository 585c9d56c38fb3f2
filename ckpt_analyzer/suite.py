"""The records of a suite: a family of models, each with its saved states.

Pure records: no network, no files, no torch. Suites are declared in ``ckpt_analyzer/suites``, or
found in a folder by ``checkpoints/local.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from ckpt_analyzer.checkpoints.locating import pattern
from ckpt_analyzer.checkpoints.locating.place import Locating, Place
from ckpt_analyzer.checkpoints.locating.revision_name import RevisionName
from ckpt_analyzer.errors import UnknownNameError

Arm = Literal["base", "sft", "dpo", "instruct"]
ARMS: tuple[Arm, ...] = get_args(Arm)

#: How a fact is known: read at its publisher's (or in code that uses it), computed from such facts,
#: or not checked, from memory included.
Standing = Literal["seen", "computed", "unverified"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
About = Literal[
    "repositories", "revisions", "steps", "tokens", "parameters", "stored bytes", "tuned models",
    "known bad", "tokenizer", "seeds", "licence",
]  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """How one kind of facts of a suite is known.

    Parameters
    ----------
    source
        Where it is from; of a computed fact, what it was computed from.
    """

    about: About
    standing: Standing
    source: str


@dataclass(frozen=True)
class BatchChange:
    """From the step after `after_step` on, a step has `tokens_per_step` tokens."""

    after_step: int
    tokens_per_step: int


@dataclass(frozen=True)
class Stage:
    """A part of training whose checkpoints are named in a pattern of their own.

    Parameters
    ----------
    revision
        As `Model.revision`. Without ``{step}``, the stage has one checkpoint, right after
        `after_step`.
    after_step
        The stage has the steps after this one.
    offset
        What is added to a number in a name to get the step: names may count from 0 again.
    """

    revision: str
    after_step: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Saved:
    """A checkpoint whose name or tokens do not follow from its step.

    Parameters
    ----------
    tokens
        Training tokens since this arm's step 0; None if they follow from the step.
    """

    step: int
    name: str
    tokens: int | None = None


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
        Exact counts. FLOPs follow ``6 * parameters * tokens``. 0 parameters: the suite does not
        know them, they are counted from what the Hub says before anything is planned.
    steps
        Optimizer steps at which a checkpoint exists, ascending.
    tokens_per_step
        Training tokens per optimizer step. 0 for a tuned model that is published in one state only:
        its ``steps`` are then ``(1,)``, an ordinal ("the first published state"), and its tuning
        tokens are left out of FLOPs, as McKenzie et al. (2023) leave them out. 0 also where only
        the names of the checkpoints tell the tokens.
    tokens_before
        Training tokens seen before this arm's step 0: the base model's, for a tuned arm. 0 for a
        tuned arm: the last that the Hub lists of its base model.
    revision
        Pattern of the names of the checkpoints: of the Hub revision, unless `locating` says
        otherwise, or of the folder of a local suite. The fields are those of
        ``locating/pattern.py``; tokens are this arm's.
    stored_bytes_per_parameter
        Size of a parameter in the published weight files.
    seed
        The publisher's number of the training run, where a size was trained several times.
    recipe
        What tells it from models of the same size and seed: the data that it was trained on, say.
        Models of two recipes are never points of one curve. Empty where a suite has one.
    locating
        How a checkpoint is found on the Hub, given its name.
    batch_changes
        Where the batch size changed, ascending; before the first, `tokens_per_step` holds.
    stages
        The patterns of parts of training that are named in different ways, ascending; they stand
        instead of `revision`.
    saved
        Checkpoints whose name or tokens do not follow from the step.
    is_open
        The suite knows only some of the steps: all that the Hub lists and `read` understands
        belong to the model.
    tokenizer_repo
        Where the tokenizer lies, if not beside the weights.
    n_published
        How many checkpoints others counted, of an open model; None if nobody did.
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
    seed: int | None = None
    recipe: str = ""
    locating: Locating = field(default_factory=RevisionName)
    batch_changes: tuple[BatchChange, ...] = ()
    stages: tuple[Stage, ...] = ()
    saved: tuple[Saved, ...] = ()
    is_open: bool = False
    tokenizer_repo: str | None = None
    n_published: int | None = None

    @property
    def is_single_state(self) -> bool:
        """Whether this is one published state, with no axis of training."""
        return not (self.tokens_per_step or self.saved or self.is_open)

    def tokens_at(self, step: int) -> int:
        """Return the training tokens that this arm saw until `step`."""
        saved = self._saved_by_step.get(step)
        if saved is not None and saved.tokens is not None:
            return saved.tokens
        tokens, begin, per_step = 0, 0, self.tokens_per_step
        for change in self.batch_changes:
            if step <= change.after_step:
                break
            tokens += (change.after_step - begin) * per_step
            begin, per_step = change.after_step, change.tokens_per_step
        return tokens + (step - begin) * per_step

    def name_at(self, step: int) -> str:
        """Return the name of the checkpoint at `step`."""
        saved = self._saved_by_step.get(step)
        if saved is not None:
            return saved.name
        begun = [stage for stage in self._stages if stage.after_step < step]
        stage = begun[-1] if begun else self._stages[0]
        return pattern.fill(stage.revision, step - stage.offset, self.tokens_at(step))

    def read(self, name: str) -> Saved | None:
        """Return the checkpoint that `name` stands for; None if it is not one of this model."""
        for stage in self._stages:
            said = pattern.read(stage.revision, name)
            step = None if said is None else self._step(said, stage)
            if said is not None and step is not None:
                return Saved(step, name, said.tokens)
        return None

    def _step(self, said: pattern.Reading, stage: Stage) -> int | None:
        if said.step is not None:
            step = said.step + stage.offset
        elif said.tokens is not None and self.tokens_per_step:
            step = round(said.tokens / self.tokens_per_step)
        else:
            step = stage.after_step + 1
        # What a later stage calls its step 0 is the last step of the one before.
        return step if step > stage.after_step or not stage.after_step else None

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        return self.stages or (Stage(self.revision),)

    @cached_property
    def _saved_by_step(self) -> dict[int, Saved]:
        return {saved.step: saved for saved in self.saved}


@dataclass(frozen=True)
class Checkpoint:
    """One saved state of a model.

    Parameters
    ----------
    suite
        As tables name it: with the recipe, see `Suite.name_of`.
    revision
        Its name, unique in its model: mostly a branch or tag, see `Model.locating`.
    """

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

    @property
    def place(self) -> Place:
        """Where it lies on the Hub."""
        return self.model.locating.place(self.model.repo, self.revision)


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
        How the facts are known, and what is unverified, in words.
    facts
        The same, fact by fact.
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
    facts: tuple[Fact, ...] = ()

    def name_of(self, model: Model) -> str:
        """Return what tables name the suite of `model`: each recipe is a family of its own."""
        return f"{self.name} {model.recipe}" if model.recipe else self.name

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
            near = sorted(model.steps, key=lambda known: abs(known - step))[:1]
            raise UnknownNameError(f"step of {model.name}", str(step), map(str, near))
        return Checkpoint(
            suite=self.name_of(model),
            model=model,
            step=step,
            revision=model.name_at(step),
            arm_tokens=model.tokens_at(step),
        )

    def suspicion(self, checkpoint: Checkpoint) -> str | None:
        """Return why `checkpoint` is reported as wrong, or None."""
        for bad in self.known_bad:
            is_meant = bad.model == checkpoint.model.name and checkpoint.step in bad.steps
            if is_meant and not bad.is_expected:
                return f"{bad.reason} ({bad.link})"
        return None
