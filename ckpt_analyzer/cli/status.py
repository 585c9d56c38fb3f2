"""``ckpt-analyzer status STORE``: what a store holds."""

from __future__ import annotations

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import Json, quoted, show, talk
from ckpt_analyzer.store.place import Place

NAME = "status"


def command(store: StoreFolder, as_json: Json = False) -> None:
    """Say what a store holds, model by model, and what clusters are doing for it."""
    from ckpt_analyzer.store.holdings import holdings
    from ckpt_analyzer.store.protocols import hidden_protocols
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    _say_jobs(opened.path)
    rows = holdings(opened.runs(), opened.imported()).to_dict("records")
    show(rows, as_json=as_json)
    for damage in opened.damaged():
        talk(f"{damage.path}: {damage.reason}", mark="does not count:")
    if leftovers := opened.listing().leftovers:
        talk(
            f"{len(leftovers)} files without a manifest, of a run at work or of one that ended "
            f"early, such as {leftovers[0]}",
            mark="does not count:",
        )
    selection = opened.selection()
    for hidden in hidden_protocols(selection.chosen, selection.superseded):
        talk(hidden.words, mark="not shown:")
    if not rows:
        talk("no scores yet; next: ckpt-analyzer run SWEEP, or ckpt-analyzer import")
    elif not (opened.is_fitted() or opened.is_fitted(with_suspects=True)):
        talk(f"not fitted since it was last filled; next: ckpt-analyzer fit {quoted(store)}")


def _say_jobs(store: Place) -> None:
    """Say what is at work for `store`; a job whose cluster is not here is said as well."""
    from ckpt_analyzer.engines._at_work import jobs_at_work

    for job in jobs_at_work(store):
        if job.problem:
            talk(f"{job.name}: {job.problem}")
        else:
            tasks = ", ".join(f"{n} {state}" for state, n in sorted(job.tasks.items()))
            talk(f"{job.name}: {job.n_ended} of {job.n_units} units ended; tasks: {tasks}")
