"""From a sweep file to its plan: find suites, sources and task files, and ask the store.

In: a path and what the command line overrides. Out: a plan. Nothing is scored and no weights are
read; task files (kilobytes) are fetched only when the plan is to be run.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ckpt_analyzer import suites as known_suites
from ckpt_analyzer import tasks as known_tasks
from ckpt_analyzer.checkpoints.growth import Growth
from ckpt_analyzer.checkpoints.hub import HubSource
from ckpt_analyzer.checkpoints.hub_reading import HubReading
from ckpt_analyzer.checkpoints.hub_suite import HubFacts, HubRun, find_hub_suite
from ckpt_analyzer.checkpoints.local import LocalSource
from ckpt_analyzer.checkpoints.local_suite import find_local_suite
from ckpt_analyzer.checkpoints.spool import SpoolPlace
from ckpt_analyzer.errors import SweepError, TaskDataError
from ckpt_analyzer.harness.names import INSTALL, PREFIX, is_harness_task
from ckpt_analyzer.store.mark import check_place, is_store
from ckpt_analyzer.store.near import near_folder
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.sweep.auditing import with_audit
from ckpt_analyzer.sweep.config import SuiteSelection, Sweep, is_own_task, load_sweep
from ckpt_analyzer.sweep.from_place import is_place
from ckpt_analyzer.sweep.memory import needs_disk, own_spool
from ckpt_analyzer.sweep.one_run import check_one_run
from ckpt_analyzer.sweep.plan import Plan, PlannedTask, SourcedSuite, make_plan
from ckpt_analyzer.sweep.sample import sample_items
from ckpt_analyzer.sweep.shipped import find_sweep
from ckpt_analyzer.sweep.tree_size import (
    MAX_DRAWN_ITEMS,
    interpolated_tokens,
    relative_size,
    sizes_of,
)
from ckpt_analyzer.task import SampleTokens, Task
from ckpt_analyzer.task_data import TaskItems, load_items, own_task
from ckpt_analyzer.task_data.locate import read_task_file
from ckpt_analyzer.task_data.places import Places

#: The most that small files of the Hub take on disk at a time, beside the store.
MAX_SCRATCH_BYTES = 10**9


@dataclass(frozen=True)
class Overrides:
    """What the command line says instead of the sweep file.

    Parameters
    ----------
    spool
        Where downloaded weights go through; None to keep them off the disk, but for models that
        are read layer by layer from there.
    growth
        Of runs that are still at work: only whole checkpoints are planned, and those of the
        sweep's steps that are there by now.
    facts
        What is known of repositories from earlier plans of the same run.
    """

    store: Place | None = None
    data: Path | None = None
    endpoint: str | None = None
    spool: SpoolPlace | None = None
    growth: Growth | None = None
    facts: HubFacts | None = None


def prepare_plan(sweep_file: Path, overrides: Overrides) -> Plan:
    """Return the plan of the sweep in `sweep_file`, a path or the name of a shipped sweep.

    Raises
    ------
    UserError
        If the sweep, a suite, a task file or the store is wrong; it says where and what to do.
    """
    if is_place(sweep_file) and not is_store(sweep_file):
        raise SweepError(
            f"{sweep_file} is a place of checkpoints, and no sweep file",
            hint=f"see what a run of it would do: ckpt-analyzer run "
            f"{shlex.quote(str(sweep_file))} --dry-run",
        )
    return plan_sweep(load_sweep(find_sweep(sweep_file)), overrides)


def overridden(sweep: Sweep, overrides: Overrides) -> Sweep:
    """Return `sweep` with the overrides put into it."""
    changes = {"store": overrides.store, "data": overrides.data}
    return sweep.model_copy(update={k: v for k, v in changes.items() if v is not None})


def plan_sweep(sweep: Sweep, overrides: Overrides) -> Plan:
    """Return the plan of `sweep` with the overrides put into it."""
    sweep = overridden(sweep, overrides)
    check_place(sweep.store)
    store = open_store(sweep.store) if is_store(sweep.store) else None
    done = store.done_cells() if store else frozenset()
    tasks = plan_tasks(sweep)
    adaptive = None
    if sweep.is_adaptive:
        from ckpt_analyzer.sweep.adaptive import rounds_of_sweep  # statsmodels: only when searching

        adaptive = rounds_of_sweep(sweep, [planned.task.name for planned in tasks], store).steps
    if overrides.growth is not None:
        overrides.growth.look()
    plan = make_plan(
        sweep,
        source_suites(sweep, overrides),
        tasks,
        done,
        adaptive,
        is_growing=overrides.growth is not None,
    )
    if store is None:
        return plan
    check_one_run(sweep, plan.listed, store, is_store_given=overrides.store is not None)
    return with_audit(replace(plan, damaged=store.damaged()), store)


def source_suites(sweep: Sweep, overrides: Overrides) -> tuple[SourcedSuite, ...]:
    """Return every suite of the sweep with the source that reads it."""
    return tuple(_source(selection, sweep, overrides) for selection in sweep.suites)


def _source(selection: SuiteSelection, sweep: Sweep, overrides: Overrides) -> SourcedSuite:
    tokens, growth = selection.tokens_per_step, overrides.growth
    if selection.path is not None:
        suite = find_local_suite(selection.path, tokens_per_step=tokens, growth=growth)
        return SourcedSuite(suite, LocalSource(suite), selection)
    if selection.hub_repo is not None:
        hub = _hub(sweep, overrides)
        run = HubRun(selection.hub_repo, selection.revision or "step{step}", tokens)
        suite = find_hub_suite(hub, run, growth=growth, facts=overrides.facts)
        return SourcedSuite(suite, hub, selection)
    assert selection.suite is not None
    suite = known_suites.load(selection.suite)
    source = LocalSource(suite) if suite.root else _hub(sweep, overrides)
    return SourcedSuite(suite, source, selection)


def _hub(sweep: Sweep, overrides: Overrides) -> HubSource:
    """Return a source that keeps small files beside the store while they are used.

    So it does with the weights of models that are to be read layer by layer.
    """
    reading = HubReading(spool=overrides.spool, with_code=sweep.trust_remote_code)
    if overrides.spool is None:
        own = SpoolPlace(own_spool(sweep))
        reading = replace(reading, spool=own, spools=partial(needs_disk, sweep=sweep))
    return HubSource(
        cache_dir=near_folder(sweep.store) / "scratch",
        max_cache_bytes=MAX_SCRATCH_BYTES,
        endpoint=overrides.endpoint,
        reading=reading,
    )


def plan_tasks(sweep: Sweep) -> tuple[PlannedTask, ...]:
    """Return the tasks of the sweep as they are planned, without a download of ours."""
    declared = [name for name in sweep.task_names if not is_harness_task(name)]
    planned = (
        *(_planned(_task(name), sweep) for name in declared),
        *(_planned_of_harness(loaded, sweep) for loaded in _of_harness(sweep)),
    )
    for place, each in enumerate(planned):
        if any(each.task.name == other.task.name for other in planned[:place]):
            raise SweepError(
                f"two tasks are called {each.task.name!r}: own data is named after its file",
                where=sweep.where("tasks"),
                hint="rename one of the files",
            )
    return planned


def load_tasks(sweep: Sweep, endpoint: str | None) -> Mapping[str, TaskItems]:
    """Return the items of every task of the sweep, from disk or from the Hub."""
    tasks = [_task(name) for name in sweep.task_names if not is_harness_task(name)]
    loaded = [load_items(t, data_dir=sweep.data, endpoint=endpoint) for t in tasks]
    ours = {items.task.name: _with_examples(items, sweep) for items in loaded}
    return ours | {loaded.task.name: loaded for loaded in _of_harness(sweep)}


def check_unchanged(plan: Plan, tasks: Mapping[str, TaskItems]) -> None:
    """Check that `tasks` are what `plan` read of them: their scores go by the digests of then.

    Raises
    ------
    TaskDataError
        If a file was edited meanwhile.
    """
    for planned in plan.tasks:
        if tasks[planned.task.name].sha256 != planned.sha256:
            raise _edited(planned.task)
        if planned.examples_sha256 is None:
            continue  # drawn, or of a framework with rules of its own
        examples = _examples(planned.task, plan.sweep)
        if examples is not None and examples.sha256 != planned.examples_sha256:
            raise _edited(examples.task)


def _edited(task: Task) -> TaskDataError:
    return TaskDataError(
        f"the file of {task.name} changed since it was planned",
        where=task.data.name,
        hint="run the same command again, once nobody writes to it",
    )


def _with_examples(items: TaskItems, sweep: Sweep) -> TaskItems:
    examples = _examples(items.task, sweep)
    return items if examples is None else replace(items, examples=examples.items)


def _examples(task: Task, sweep: Sweep) -> TaskItems | None:
    """Return the fixed examples of `task`; None where they are drawn from its own items."""
    path = sweep.few_shot.file_of(task.name)
    if path is None or not any(sweep.shots):
        return None
    return load_items(own_task(path))


def _task(name: str) -> Task:
    return own_task(Path(name)) if is_own_task(name) else known_tasks.load(name)


def _of_harness(sweep: Sweep) -> tuple[TaskItems, ...]:
    """Return the tasks of the sweep that are the harness's; a group stands for all of its tasks."""
    names = [name.removeprefix(PREFIX) for name in sweep.task_names if is_harness_task(name)]
    if not names:
        return ()
    try:
        from ckpt_analyzer.harness.tasks import load_harness_tasks  # seconds, and an extra
    except ModuleNotFoundError as error:
        raise SweepError(
            f"the tasks {PREFIX}… need lm-evaluation-harness: {error}",
            where=sweep.where("tasks"),
            hint=INSTALL,
        ) from error
    loaded = (task for name in names for task in load_harness_tasks(name, sweep.lm_eval_include))
    return tuple({each.task.name: each for each in loaded}.values())


def _planned(task: Task, sweep: Sweep) -> PlannedTask:
    if task.data.sha256 is None or not task.sample_tokens or task.n_items is None:
        loaded = load_items(task, data_dir=sweep.data)
        sha256, n_items = loaded.sha256, len(loaded.items)
        sizes = sizes_of(sample_items(loaded.items, sweep.limit, sweep.seed, task.name))
    else:
        sha256, n_items, sizes = task.data.sha256, task.n_items, task.sample_tokens
    examples = _examples(task, sweep)
    if examples is None:
        _check_shots(task, n_items - 1, sweep)
    else:
        _check_fixed(task, examples, sweep)
    _check_own_name(task, sha256)
    planned = _sized(task, sha256, n_items, sizes, sweep)
    return planned if examples is None else replace(planned, examples_sha256=examples.sha256)


def _planned_of_harness(loaded: TaskItems, sweep: Sweep) -> PlannedTask:
    task, n_items = loaded.task, len(loaded.items)
    assert loaded.rules is not None
    if loaded.rules.max_shots is not None:
        _check_shots(task, loaded.rules.max_shots, sweep)
    _check_own_name(task, loaded.sha256)
    sizes = sizes_of(sample_items(loaded.items, sweep.limit, sweep.seed, task.name))
    return _sized(task, loaded.sha256, n_items, sizes, sweep)


def _sized(
    task: Task, sha256: str, n_items: int, sizes: Sequence[SampleTokens], sweep: Sweep
) -> PlannedTask:
    wanted = n_items if sweep.limit is None else min(sweep.limit, n_items)
    tokens = round(interpolated_tokens(sizes, wanted) * _relative_size(task, n_items, sweep))
    return PlannedTask(task, sha256, wanted, tokens, sizes[0].tokens if sizes else 0)


def _check_fixed(task: Task, examples: TaskItems, sweep: Sweep) -> None:
    if max(sweep.shots) > (n_examples := len(examples.items)):
        raise SweepError(
            f"{max(sweep.shots)} shots need as many examples, and the file for {task.name} has "
            f"{n_examples}",
            where=sweep.where("shots"),
            hint=f"give at most {n_examples} shots",
        )


def _relative_size(task: Task, n_items: int, sweep: Sweep) -> float:
    """Return how much larger the sample of the sweep is than others, as far as items are at hand.

    Raises
    ------
    TaskDataError
        If the task's file in the data folder is a wrong one.
    """
    if sweep.data is None or task.data.repo is None:
        return 1.0
    if sweep.limit is None or sweep.limit >= n_items or sweep.limit > MAX_DRAWN_ITEMS:
        read_task_file(task.data, Places(sweep.data))
        return 1.0
    pool, limit = load_items(task, data_dir=sweep.data).items, sweep.limit
    drawn = sample_items(pool, limit, sweep.seed, task.name)
    return relative_size(drawn, lambda seed: sample_items(pool, limit, seed, f"{task.name} again"))


def _check_shots(task: Task, most: int, sweep: Sweep) -> None:
    shots = max(sweep.shots)
    where = sweep.where("shots")
    if shots > most:
        raise SweepError(
            f"{shots} shots need more than {shots} items, and {task.name} has {most + 1}",
            where=where,
            hint=f"give at most {most} shots",
        )
    if shots and task.kind in ("logodds", "absolute_logodds"):
        raise SweepError(
            f"{task.name} cannot be given examples: its items have two prompts",
            where=where,
            hint="score it with 0 shots, in a sweep of its own",
        )


def _check_own_name(task: Task, sha256: str) -> None:
    """Refuse other data under the name of a declared task: a store could not tell them apart."""
    if task.name not in known_tasks.names() or sha256 == known_tasks.load(task.name).data.sha256:
        return
    raise TaskDataError(
        f"the file is named like the task {task.name!r} and holds other rows",
        where=task.data.name,
        hint="rename the file, so that its scores go by another name",
    )
