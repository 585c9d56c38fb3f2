"""The sweep file: one YAML file is the whole experiment.

In: text. Out: a frozen ``Sweep``. Every error names file, line, key, the value and the nearest
valid one. Names of suites and tasks are checked here; sizes and steps when the plan is made,
because a suite in a folder is known only once the folder is read.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from ckpt_analyzer import metrics as known_metrics
from ckpt_analyzer import suites as known_suites
from ckpt_analyzer import tasks as known_tasks
from ckpt_analyzer.errors import SweepError, UnknownNameError, nearest
from ckpt_analyzer.harness.names import is_harness_task
from ckpt_analyzer.prompt_rules import SEPARATOR, AnswerPrefix
from ckpt_analyzer.suite import Model
from ckpt_analyzer.sweep import steps as step_specs
from ckpt_analyzer.sweep.config_errors import EXAMPLES, error_of, first_cause
from ckpt_analyzer.sweep.shipped import shipped_sweeps
from ckpt_analyzer.sweep.values import (
    Arms,
    Budget,
    Formats,
    Names,
    PromptFormat,
    RevisionPattern,
    Seeds,
    Shots,
    Steps,
    StorePlace,
    as_list,
    budget_bytes,
)
from ckpt_analyzer.sweep.yaml_source import YamlSource, parse

#: How the name of a repository begins that is no declared suite.
HUB = "hub:"
#: Ends of files that people take for tasks, and that are none.
_NO_TASK_FILES = (".json", ".tsv", ".txt", ".parquet", ".xlsx")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class SuiteSelection(_Strict):
    """Which models and steps of one suite are scored.

    Parameters
    ----------
    suite, path
        Exactly one of both: a declared name, or ``hub:org/name`` for a repository with a revision
        per step; a folder of checkpoints, or a pattern such as ``runs/*/step_{step}``.
    tokens_per_step
        Training tokens per optimizer step of one's own run, where its files do not tell.
    revision
        How the revisions of ``hub:org/name`` are named: ``step{step}`` if left out.
    prompt_format
        For all arms of this entry, base models included; see `Sweep`.
    """

    suite: str | None = None
    path: Path | None = None
    sizes: Names | None = None
    steps: Steps | None = None
    arms: Arms | None = None
    seeds: Seeds | None = None
    tokens_per_step: int | None = Field(default=None, gt=0)
    revision: RevisionPattern | None = None
    prompt_format: Formats | None = None

    @property
    def hub_repo(self) -> str | None:
        """The repository behind ``hub:org/name``; None for other suites."""
        if self.suite is None or not self.suite.startswith(HUB):
            return None
        return self.suite.removeprefix(HUB)

    @model_validator(mode="after")
    def _one_place(self) -> SuiteSelection:
        if (self.suite is None) == (self.path is None):
            raise ValueError("give exactly one of `suite` (a name) and `path` (a folder)")
        if self.hub_repo is not None and _REPO.fullmatch(self.hub_repo) is None:
            raise ValueError("a repository is given as hub:org/name")
        if self.revision is not None and self.hub_repo is None:
            raise ValueError("`revision` belongs to hub:org/name; a folder has a pattern as path")
        return self


class AdaptiveSearch(_Strict):
    """How ``steps: adaptive`` searches; see ``stats/next_steps.Search``.

    Parameters
    ----------
    start, per_round, budget
        Checkpoints of the first round, of a later one, and of one model in all, at most.
    width_decades
        A turn is known when its interval is no wider than this.
    """

    start: int = Field(default=8, ge=4)
    per_round: int = Field(default=4, ge=1)
    budget: int = Field(default=32, ge=4)
    width_decades: float = Field(default=0.5, gt=0)


class FewShot(_Strict):
    """How examples are put before prompts; by default as the Inverse Scaling Prize did.

    Parameters
    ----------
    separator
        Between examples, and between the last one and the prompt.
    answer_separator
        Between the prompt of an example and its answer.
    file
        Rows to show instead of a draw from the task's own: a path, or a path for each task.
    seed
        Of the draw; that of the sweep if left out.
    """

    separator: str = SEPARATOR
    answer_separator: str = ""
    file: Path | dict[str, Path] | None = None
    seed: int | None = Field(default=None, ge=0)

    def file_of(self, task: str) -> Path | None:
        """Return the file with the examples of `task`; None if they are drawn."""
        return self.file.get(task) if isinstance(self.file, dict) else self.file


class ChatTurns(_Strict):
    """How a prompt becomes a conversation; see ``prompt_rules.ChatRules``."""

    answer_prefix: AnswerPrefix = "last-line"


Suites = Annotated[tuple[SuiteSelection, ...], BeforeValidator(as_list), Field(min_length=1)]


class Sweep(_Strict):
    """A sweep file, checked.

    Parameters
    ----------
    suites
        What is scored; a bare name stands for all of that suite's base models.
    sizes, steps, arms
        Defaults for every entry of `suites`.
    seeds
        Runs of a size that was trained with several seeds, by the publisher's numbers; None for
        all. Sizes that were trained once have no seed and are not affected.
    tasks
        Names of declared tasks, paths of own JSONL or CSV files, or ``prize`` for all 11 tasks of
        the Inverse Scaling Prize; ``lm_eval:NAME`` for a task of lm-evaluation-harness.
    lm_eval_include
        Folder with YAML files of own tasks for lm-evaluation-harness.
    data
        Folder with the task files; None fetches them from the Hub.
    shots
        Examples in a prompt; a list scores every number of them.
    few_shot
        Where examples come from and how they are joined.
    metrics
        Metrics shown first in the report; all that apply are always computed.
    prompt_format
        ``raw``, ``chat`` (the tokenizer's chat template), or both, for tuned arms. Base models are
        scored raw, unless the entry of their suite says otherwise.
    chat
        How prompts become conversations.
    adaptive
        How the steps are searched where `steps` is ``adaptive``.
    limit
        Score this many items of each task, sampled with `seed`; None scores all.
    report
        The page that ``run`` writes when it is done, and with ``--follow`` after each checkpoint.
    memory_budget
        Bound of the memory of the whole process. A model that needs more is read layer by layer; a
        run of which not even one layer fits is refused. ``auto`` is most of what the machine has.
    trust_remote_code
        Whether Python code that lies in the repositories of the suites may run, where transformers
        has none for a model or tokenizer. It can do all that you can.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    suites: Suites
    tasks: Names
    sizes: Names = ("all",)
    steps: Steps = "all"
    adaptive: AdaptiveSearch = AdaptiveSearch()
    arms: Arms = ("base",)
    seeds: Seeds | None = None
    data: Path | None = None
    lm_eval_include: Path | None = None
    shots: Shots = (0,)
    metrics: Names = ("accuracy",)
    few_shot: FewShot = FewShot()
    prompt_format: Formats = ("raw",)
    chat: ChatTurns = ChatTurns()
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    memory_budget: Budget = "auto"
    trust_remote_code: Annotated[bool, Field(strict=True)] = False
    limit: int | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0)
    report: Path | None = None
    store: StorePlace
    _text: str = PrivateAttr(default="")
    _source: YamlSource | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _bare_suite_names(cls, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, dict) and "suites" in data:
            entries = [
                {"suite": entry} if isinstance(entry, str) else entry
                for entry in as_list(data["suites"])
            ]
            data = {**data, "suites": entries}
        return data

    @property
    def text(self) -> str:
        """The sweep file as it was written; it is copied into the store and the report."""
        return self._text

    def where(self, key: str, selection: SuiteSelection | None = None) -> str:
        """Return ``file:line, key …`` of `key`: that of `selection` if it is given there."""
        if self._source is None:
            return key
        own = selection is not None and getattr(selection, key) is not None
        if own:
            index = next(i for i, entry in enumerate(self.suites) if entry is selection)
            return self._source.where(["suites", index, key])
        return self._source.where([key])

    def formats_of(self, model: Model, selection: SuiteSelection) -> tuple[PromptFormat, ...]:
        """Return the prompt formats in which `model` of the suite `selection` is scored."""
        if selection.prompt_format is not None:
            return tuple(dict.fromkeys(selection.prompt_format))
        return ("raw",) if model.arm == "base" else tuple(dict.fromkeys(self.prompt_format))

    @property
    def memory_budget_bytes(self) -> int | None:
        """The budget in bytes; None for ``auto``."""
        return None if self.memory_budget == "auto" else budget_bytes(self.memory_budget)

    @property
    def is_adaptive(self) -> bool:
        """Whether the steps of any suite follow from what is scored so far."""
        specs = [selection.steps or self.steps for selection in self.suites]
        return step_specs.ADAPTIVE in specs

    @property
    def task_names(self) -> tuple[str, ...]:
        """Task names with ``prize`` spelt out, in the order given, each once."""
        spelt: dict[str, None] = {}
        for name in self.tasks:
            spelt.update(dict.fromkeys(prize_tasks() if name == "prize" else (name,)))
        return tuple(spelt)


def prize_tasks() -> tuple[str, ...]:
    """Return the names of the 11 Inverse Scaling Prize tasks."""
    from ckpt_analyzer.tasks._prize import REPO

    return tuple(name for name in known_tasks.names() if known_tasks.load(name).data.repo == REPO)


def is_own_task(name: str) -> bool:
    """Return whether a task is given as a file of the user's own rather than by name."""
    is_file = name.endswith((".jsonl", ".jsonl.gz", ".csv")) or "/" in name
    return is_file and not is_harness_task(name)


def text_sha256(text: str) -> str:
    """Return the digest by which a sweep file is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def load_sweep(path: Path) -> Sweep:
    """Read and check the sweep file at `path`; relative paths in it start where you stand.

    Raises
    ------
    SweepError
        If the file is missing or wrong; it names file, line, key and the nearest valid value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SweepError(f"there is no sweep file {path}", hint=_nearest_sweep(path)) from error
    except UnicodeDecodeError as error:
        raise SweepError(
            "the sweep file is not UTF-8 text", where=str(path), hint="give a YAML file"
        ) from error
    except OSError as error:
        raise SweepError(
            f"the sweep file cannot be read: {error.strerror}",
            where=str(path),
            hint="give a YAML file that you may read",
        ) from error
    return parse_sweep(text, str(path))


def parse_sweep(text: str, name: str, *, is_file: bool = True) -> Sweep:
    """Check the text of a sweep file, called `name` in errors; see ``load_sweep``.

    Errors name a line only where `is_file`: of a text that was made nobody sees the lines.
    """
    source = replace(parse(text, name), is_file=is_file)
    if not isinstance(source.data, dict):
        raise SweepError(
            "a sweep file is a mapping of keys to values, and this is none",
            where=name,
            hint=f"begin with four lines: {', '.join(EXAMPLES.values())}",
        )
    try:
        sweep = Sweep.model_validate(source.data)
    except ValidationError as error:
        raise error_of(first_cause(error.errors()), source, _sections()) from error
    _check_names(sweep, source)
    sweep._text = text
    sweep._source = source
    return sweep


def _sections() -> dict[str, type[BaseModel]]:
    """Return the records of a sweep file by the key that they stand under."""
    return {
        "": Sweep, "suites": SuiteSelection, "adaptive": AdaptiveSearch, "few_shot": FewShot,
        "chat": ChatTurns,
    }  # fmt: skip


def _check_names(sweep: Sweep, source: YamlSource) -> None:
    for index, selection in enumerate(sweep.suites):
        if selection.suite is not None and selection.hub_repo is None:
            entry = source.where(["suites", index])
            _known("suite", selection.suite, known_suites.names(), entry)
    for index, name in enumerate(sweep.tasks):
        if name.endswith(_NO_TASK_FILES) and not is_harness_task(name):
            raise SweepError(
                f"{name} is no task file",
                where=source.where(["tasks", index]),
                hint="give a .jsonl file (an item a line) or a .csv file with a header",
            )
        # Only the harness itself knows its tasks: they are looked up when the plan is made.
        if name != "prize" and not is_own_task(name) and not is_harness_task(name):
            _known("task", name, (*known_tasks.names(), "prize"), source.where(["tasks", index]))
    if isinstance(sweep.few_shot.file, dict):
        names = {Path(name).name.partition(".")[0] for name in sweep.task_names}
        for name in sweep.few_shot.file:
            place = source.where(["few_shot", "file", name])
            _known("task of this sweep", name, tuple(names), place)
    for index, name in enumerate(sweep.metrics):
        _known("metric", name, known_metrics.names(), source.where(["metrics", index]))


def _nearest_sweep(path: Path) -> str:
    """Return what to type instead of a sweep file that is not there."""
    folder = path.parent
    here = [p.name for p in folder.glob("*.yaml")] if folder.is_dir() else []
    if near := nearest(path.name, here):
        return f"did you mean {folder / near}?"
    names = [found.stem for found in shipped_sweeps()]
    if near := nearest(path.name, names):
        return f"did you mean {near}, which comes with the package?"
    shipped = ", ".join(names)
    return f"give a path, or the name of a sweep that comes with the package: {shipped}"


def _known(kind: str, name: str, known: tuple[str, ...], where: str) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known, where=where)
