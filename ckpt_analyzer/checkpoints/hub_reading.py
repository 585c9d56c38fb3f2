"""How a Hub is read: how patiently, through which folders, at what pace.

What a sweep and its user choose once for a ``hub.HubSource``, and what it hands to other processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ckpt_analyzer.checkpoints.download import Line
from ckpt_analyzer.checkpoints.spool import SpoolPlace
from ckpt_analyzer.suite import Model


def _spool_all(_model: Model) -> bool:
    """Let the weights of every model go through the spool, if there is one."""
    return True


def _wait_in_silence(_seconds: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class HubReading:
    """How a Hub is read.

    Parameters
    ----------
    line
        How patiently files are read; its token is not used. Metadata is waited for by its `pause`.
    spool
        Where weight files are kept while they are used; None to keep nothing on disk.
    spools
        Whether the weights of a model go through it.
    metadata_dir
        Where metadata of commits is kept; None for the user's cache.
    with_code
        Whether Python files beside the configuration are fetched, too.
    requests_per_window
        API requests in 5 minutes; None for what the Hub allows. A mirror of one's own may allow
        more.
    on_wait
        Is told of every wait that the Hub's limits or failures ask for, in seconds.
    """

    line: Line = field(default_factory=Line)
    spool: SpoolPlace | None = None
    spools: Callable[[Model], bool] = _spool_all
    metadata_dir: Path | None = None
    with_code: bool = False
    requests_per_window: int | None = None
    on_wait: Callable[[float], None] = _wait_in_silence
