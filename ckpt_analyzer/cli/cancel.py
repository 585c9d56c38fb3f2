"""``ckpt-analyzer cancel STORE``: end what a cluster is doing for a store."""

from __future__ import annotations

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import talk

NAME = "cancel"


def command(store: StoreFolder) -> None:
    """End the jobs that clusters run for a store. What is scored stays; a run goes on with it."""
    from ckpt_analyzer import engines
    from ckpt_analyzer.store.jobs import read_jobs
    from ckpt_analyzer.store.store import open_store

    n_cancelled = 0
    for record in read_jobs(open_store(store).path):
        engine = engines.load(record.engine)
        if engine.states is None or engine.cancel is None or not engine.states(record):
            continue
        engine.cancel(record)
        talk(f"{record.name}: cancelled")
        n_cancelled += 1
    if not n_cancelled:
        talk("no job is at work for this store")
