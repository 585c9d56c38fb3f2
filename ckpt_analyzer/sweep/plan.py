"""The plan of a sweep: which units are still to do.

In: a sweep, the sources of its checkpoints, and what the store holds. Out: units, each one
checkpoint with the (task, shots, prompt format) cells that the store lacks. Nothing is downloaded;
a Hub suite is asked for its branches once per repository. What the plan costs is ``cost.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from ckpt_analyzer.checkpoints.listed import listed_models
from ckpt_analyzer.checkpoints.source import CheckpointSource, RevisionKey
from ckpt_analyzer.errors import SweepError, UnknownNameError
from ckpt_analyzer.prompt_rules import ChatRules, PromptRules, ShotRules
from ckpt_analyzer.scoring import SCORER_VERSION
from ckpt_analyzer.store.listing import Damage
from ckpt_analyzer.store.unit import CellKey
from ckpt_analyzer.suite import ARMS, Checkpoint, Model, Suite
from ckpt_analyzer.sweep.config import SuiteSelection, Sweep
from ckpt_analyzer.sweep.steps import ADAPTIVE, select_steps
from ckpt_analyzer.sweep.values import PromptFormat
from ckpt_analyzer.task import Task

#: Takes the name of a suite, a model and the steps that are there; returns those to be scored.
StepChooser = Callable[[str, Model, Sequence[int]], tuple[int, ...]]


@dataclass(frozen=True)
class SourcedSuite:
    """A suite that a sweep names, where its checkpoints come from, and what is selected of it."""

    suite: Suite
    source: CheckpointSource
    selection: SuiteSelection


@dataclass(frozen=True)
class ListedSuite:
    """The selected models of a suite, and the commit of every revision that exists of them."""

    sourced: SourcedSuite
    models: tuple[Model, ...]
    commits: Mapping[RevisionKey, str] = field(hash=False)


@dataclass(frozen=True)
class PlannedTask:
    """A task of the sweep: the digest of its file, and how much of it is to be scored.

    Parameters
    ----------
    tree_tokens
        Tokens of its items without shots, what they share counted once: an estimate.
    item_tokens
        Tokens of one item alone, on average: about what an example of a prompt takes.
    examples_sha256
        Of the file with fixed examples; None where they are drawn.
    """

    task: Task
    sha256: str
    n_items: int
    tree_tokens: int
    item_tokens: float
    examples_sha256: str | None = None


@dataclass(frozen=True)
class Unit:
    """One checkpoint and the cells of it that are to be scored."""

    checkpoint: Checkpoint
    source: CheckpointSource
    cells: tuple[CellKey, ...]
    suspicion: str | None = None

    @property
    def label(self) -> str:
        """Name for people: ``pythia-410m@step1000``."""
        return self.checkpoint.label


@dataclass(frozen=True)
class Plan:
    """What a sweep has to do.

    Parameters
    ----------
    units
        To do, grouped by model so that a model's checkpoints follow each other.
    n_done
        Checkpoints of the sweep of which every cell is in the store.
    missing
        Checkpoints that the suite declares and the source does not have.
    damaged
        Units of the store that do not count and are scored again where they are wanted, and why.
    listed
        The selected models of each suite, and the commits of their revisions.
    n_equal
        Units with the weights of another unit or of a stored one, as far as an audit says:
        these are not scored again.
    """

    sweep: Sweep
    tasks: tuple[PlannedTask, ...]
    units: tuple[Unit, ...]
    n_done: int
    missing: tuple[Checkpoint, ...]
    damaged: tuple[Damage, ...] = ()
    listed: tuple[ListedSuite, ...] = ()
    n_equal: int = 0

    @property
    def n_items(self) -> int:
        """Items to score, over all units."""
        return sum(self.items_of(unit) for unit in self.units)

    @property
    def n_suspect(self) -> int:
        """Units under suspicion, as far as that is known."""
        return sum(unit.suspicion is not None for unit in self.units)

    def items_of(self, unit: Unit) -> int:
        """Items to score in `unit`."""
        counts = {planned.task.name: planned.n_items for planned in self.tasks}
        return sum(counts[cell.task] for cell in unit.cells)


def make_plan(
    sweep: Sweep,
    suites: Sequence[SourcedSuite],
    tasks: Sequence[PlannedTask],
    done: Set[CellKey],
    adaptive: StepChooser | None = None,
    *,
    is_growing: bool = False,
) -> Plan:
    """Return the units of `sweep` that are not among the `done` cells.

    `adaptive` chooses the steps of a model where the sweep leaves them to what is scored so far;
    it is given those that are there and trusted. Of a run that `is_growing`, a listed step that is
    not there yet is no mistake.

    Raises
    ------
    SweepError
        If a size, arm or step does not exist, nothing is selected, or two runs have one name.
    CheckpointError
        If a source cannot say what it has.
    """
    units: list[Unit] = []
    missing: list[Checkpoint] = []
    listed: list[ListedSuite] = []
    seen: set[tuple[str, str, int]] = set()
    n_done = 0
    for sourced in suites:
        found = listed_models(sourced.suite, selected_models(sourced, sweep), sourced.source)
        models, commits = found.models, found.commits
        listed.append(ListedSuite(sourced, models, commits))
        _check_told_apart(listed, sweep)
        choose = None if adaptive is None else _among_trusted(adaptive, sourced, commits)
        known = _growing if is_growing else _steps_of
        for checkpoint in selected_checkpoints(sourced, models, sweep, choose, known):
            # Two entries of a sweep may name the same checkpoint: it is scored once.
            name = (checkpoint.suite, checkpoint.model.name, checkpoint.step)
            if name in seen:
                continue
            seen.add(name)
            commit = commits.get(RevisionKey(checkpoint.model.name, checkpoint.revision))
            if commit is None:
                missing.append(checkpoint)
                continue
            formats = sweep.formats_of(checkpoint.model, sourced.selection)
            has_own = checkpoint.model.tokenizer_repo is None
            tokenizer = "" if has_own else sourced.source.tokenizer(checkpoint.model)
            cells = _cells(checkpoint, _Content(commit, tokenizer), sweep, tasks, formats)
            left = tuple(cell for cell in cells if cell not in done)
            n_done += not left
            if left:
                suspicion = sourced.suite.suspicion(checkpoint)
                units.append(Unit(checkpoint, sourced.source, left, suspicion))
    _check_formats(sweep, listed)
    return Plan(sweep, tuple(tasks), tuple(units), n_done, tuple(missing), listed=tuple(listed))


def _check_told_apart(listed: Sequence[ListedSuite], sweep: Sweep) -> None:
    """Refuse a last suite of `listed` with the names of another: one curve would hold both."""
    places: dict[tuple[str, str], tuple[str | None, str]] = {}
    for each in listed:
        suite, selection = each.sourced.suite, each.sourced.selection
        for model in each.models:
            name, place = (suite.name_of(model), model.name), (suite.root, model.repo)
            if places.setdefault(name, place) != place:
                raise SweepError(
                    f"two runs are called {model.name} of {name[0]}: nothing would tell their "
                    "scores apart",
                    where=sweep.where("suite" if selection.path is None else "path", selection),
                    hint="rename one of the folders, take both by one pattern like "
                    "'*/checkpoint-{step}', or give each a sweep and a store of its own",
                )


def selected_models(sourced: SourcedSuite, sweep: Sweep) -> tuple[Model, ...]:
    """Return the models of the suite that the sweep selects, in the suite's order."""
    suite, selection = sourced.suite, sourced.selection
    sizes = selection.sizes or sweep.sizes
    arms = selection.arms or sweep.arms
    if "all" in sizes:
        sizes = tuple(model.size for model in suite.models)
    try:
        models = suite.select(sizes, arms)
    except UnknownNameError as error:
        where = sweep.where("sizes", selection)
        raise SweepError(error.problem, where=where, hint=error.hint) from error
    if not models:
        have = ", ".join(sorted({model.arm for model in suite.select(sizes, ARMS)}))
        raise SweepError(
            f"{suite.name} has no model of arm {', '.join(arms)} in these sizes",
            where=sweep.where("arms", selection),
            hint=f"arms in these sizes: {have}",
        )
    return _of_seeds(models, sourced, sweep)


def _of_seeds(models: tuple[Model, ...], sourced: SourcedSuite, sweep: Sweep) -> tuple[Model, ...]:
    wanted = sourced.selection.seeds or sweep.seeds
    if wanted is None:
        return models
    known = sorted({model.seed for model in models if model.seed is not None})
    unknown = [seed for seed in wanted if seed not in known]
    # A sweep's own list may be meant for another of its suites.
    if unknown and (sourced.selection.seeds or (known and len(unknown) == len(wanted))):
        raise SweepError(
            f"{sourced.suite.name} has no run of seed {unknown[0]} in these sizes and arms",
            where=sweep.where("seeds", sourced.selection),
            hint=f"seeds: {', '.join(map(str, known))}" if known else "leave the key out",
        )
    return tuple(model for model in models if model.seed is None or model.seed in wanted)


def selected_checkpoints(
    sourced: SourcedSuite,
    models: Sequence[Model],
    sweep: Sweep,
    choose: Callable[[Model], tuple[int, ...]] | None = None,
    known: Callable[[Model, str | Sequence[int]], tuple[int, ...]] | None = None,
) -> tuple[Checkpoint, ...]:
    """Return the selected checkpoints of `models`, model by model, steps ascending.

    A tuned arm has steps of its own: a list or range of base steps takes those that it has, and
    all of them where it has none of these.
    """
    spec = sourced.selection.steps or sweep.steps
    chosen: list[Checkpoint] = []
    for model in models:
        try:
            is_searched = spec == ADAPTIVE and choose is not None
            steps = choose(model) if is_searched and choose else (known or _steps_of)(model, spec)
        except ValueError as error:
            where = sweep.where("steps", sourced.selection)
            raise SweepError(f"{model.name}: {error}", where=where) from error
        chosen.extend(sourced.suite.checkpoint(model, step) for step in steps)
    return tuple(chosen)


def _among_trusted(
    adaptive: StepChooser, sourced: SourcedSuite, commits: Mapping[RevisionKey, str]
) -> Callable[[Model], tuple[int, ...]]:
    suite = sourced.suite

    def choose(model: Model) -> tuple[int, ...]:
        checkpoints = [suite.checkpoint(model, step) for step in model.steps]
        available = [
            each.step
            for each in checkpoints
            if RevisionKey(model.name, each.revision) in commits and suite.suspicion(each) is None
        ]
        return adaptive(suite.name_of(model), model, available)

    return choose


def _steps_of(model: Model, spec: str | Sequence[int]) -> tuple[int, ...]:
    try:
        return select_steps(spec, model.steps)
    except ValueError:
        if model.arm != "base":
            return model.steps
        raise


def _growing(model: Model, spec: str | Sequence[int]) -> tuple[int, ...]:
    """Return the steps that are there by now of those that `spec` asks for."""
    if isinstance(spec, str) and spec != "all":
        first, last, stride = (int(text) for text in spec.split(":"))
        spec = [*range(first, last + 1, max(stride, 1)), last]
    return model.steps if spec == "all" else tuple(s for s in model.steps if s in set(spec))


@dataclass(frozen=True)
class _Content:
    """What a checkpoint is of: its commit, and its tokenizer where that lies elsewhere."""

    commit: str
    tokenizer: str


def _cells(
    checkpoint: Checkpoint,
    content: _Content,
    sweep: Sweep,
    tasks: Sequence[PlannedTask],
    formats: Sequence[PromptFormat],
) -> Mapping[CellKey, None]:
    return {
        CellKey(
            repo=checkpoint.place.repo,
            commit=content.commit,
            revision=checkpoint.revision,
            step=checkpoint.step,
            task=planned.task.name,
            task_sha256=planned.sha256,
            shots=shots,
            shot_seed=_shot_seed(sweep, planned) if shots else None,
            limit=sweep.limit,
            limit_seed=sweep.seed if sweep.limit else None,
            dtype=sweep.dtype,
            prompt_format=prompt_format,
            scorer_version=SCORER_VERSION,
            prompt_rules=_rules(sweep, planned, shots, prompt_format).address(),
            tokenizer=content.tokenizer,
        ): None
        for planned in tasks
        for shots in sweep.shots
        for prompt_format in formats
    }


def _shot_seed(sweep: Sweep, planned: PlannedTask) -> int | None:
    if planned.examples_sha256 is not None:
        return None
    return sweep.seed if sweep.few_shot.seed is None else sweep.few_shot.seed


def _rules(
    sweep: Sweep, planned: PlannedTask, shots: int, prompt_format: PromptFormat
) -> PromptRules:
    few_shot = sweep.few_shot
    return PromptRules(
        shots=ShotRules(few_shot.separator, few_shot.answer_separator, planned.examples_sha256)
        if shots
        else None,
        chat=ChatRules(sweep.chat.answer_prefix) if prompt_format == "chat" else None,
    )


def _check_formats(sweep: Sweep, listed: Sequence[ListedSuite]) -> None:
    """Refuse a chat format that no selected model would be scored in."""
    if "chat" not in sweep.prompt_format:
        return
    asked = (
        "chat" in sweep.formats_of(model, each.sourced.selection)
        for each in listed
        for model in each.models
    )
    if not any(asked):
        raise SweepError(
            "no model would be scored in the chat format: it is for tuned arms, and only base "
            "models are selected",
            where=sweep.where("prompt_format"),
            hint="add arms: [base, instruct], or write prompt_format: chat into the entry of the "
            "suite",
        )
