"""``ckpt-analyzer cancel STORE``: end what a cluster is doing for a store."""

from __future__ import annotations

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import talk

NAME = "cancel"


def command(store: StoreFolder) -> None:
    """End the jobs that clusters run for a store. What is scored stays; a run goes on with it."""
    from ckpt_analyzer.engines._at_work import cancel_jobs
    from ckpt_analyzer.store.store import open_store

    cancelled = cancel_jobs(open_store(store).path)
    for name in cancelled:
        talk(f"{name}: cancelled")
    if not cancelled:
        talk("no job is at work for this store")
