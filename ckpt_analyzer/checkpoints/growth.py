"""Which checkpoints of a run that is still at work are whole.

In: step folders, or what a commit holds, look after look. Out: whether a checkpoint may be read,
why those that may not are waited for, and which were there and are gone. A folder is whole when
everything that a model is loaded from is there in the length that its header gives, when what the
Trainer writes last is there where the Trainer writes, and when nothing has changed for a while.
Reads headers only. Knows nothing of sweeps and stores.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ckpt_analyzer.checkpoints.local import complete_files
from ckpt_analyzer.checkpoints.weight_files import UNFINISHED
from ckpt_analyzer.errors import CheckpointError

TRAINER_STATE = "trainer_state.json"
#: What the Trainer of transformers writes beside the weights, before its state.
_OF_A_TRAINER = ("training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt")

_Signature = tuple[tuple[str, int, int], ...]


class NothingYetError(CheckpointError):
    """A place where a run writes its checkpoints, and no whole one yet."""


class Seen(NamedTuple):
    """A checkpoint of a run, whole or not."""

    model: str
    step: int


class Growth:
    """What is known of the checkpoints of runs at work, from one look to the next.

    Parameters
    ----------
    settle_seconds
        So long a folder has to stay unchanged.
    clock
        Seconds since the epoch, as the times of files are.
    """

    def __init__(self, settle_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._unchanged: dict[Path, tuple[_Signature, float]] = {}
        self._whole: dict[Path, _Signature] = {}
        #: Every checkpoint that was ever there.
        self.ever: set[Seen] = set()
        #: Those that were there at the last look.
        self.present: set[Seen] = set()
        #: Why those of the last look that are not whole have to wait.
        self.waiting: dict[Seen, str] = {}

    def look(self) -> None:
        """Begin a new look at all places."""
        self.present.clear()
        self.waiting.clear()

    def note(self, seen: Seen, problem: str | None) -> bool:
        """Take note of a checkpoint that is there; return whether nothing is wrong with it."""
        self.ever.add(seen)
        self.present.add(seen)
        if problem is not None:
            self.waiting[seen] = problem
        return problem is None

    def is_whole(self, seen: Seen, folder: Path, *, needs_state: bool = False) -> bool:
        """Return whether the checkpoint in `folder` is complete and settled.

        Parameters
        ----------
        needs_state
            Whether the tokens per step are to be read from the Trainer's state.
        """
        try:
            signature = _signature(folder)
            problem = self._unfinished(folder, signature)
            if problem is None and needs_state and not (folder / TRAINER_STATE).is_file():
                problem = f"{TRAINER_STATE} is missing, and tokens per step are not given"
        except FileNotFoundError:
            # A file that was listed is gone: the folder is being removed, or a file renamed.
            signature, problem = (), "its files are changing"
        except OSError as error:
            signature, problem = (), f"it cannot be read: {error.strerror or error}"
        if problem is None:
            self._whole[folder] = signature
        return self.note(seen, problem)

    def _unfinished(self, folder: Path, signature: _Signature) -> str | None:
        if self._whole.get(folder) == signature:
            return None
        if (problem := unfinished(folder)) is not None:
            return problem
        if not self._is_settled(folder, signature):
            return f"it changed within the last {self._settle_seconds:g} seconds"
        return None

    def _is_settled(self, folder: Path, signature: _Signature) -> bool:
        """Return whether `folder` has been as it is for long enough, by its clock or by ours."""
        now = self._clock()
        newest = max((mtime_ns for _, _, mtime_ns in signature), default=0) / 1e9
        before, since = self._unchanged.get(folder, ((), now))
        if before != signature:
            since = now
        self._unchanged[folder] = (signature, since)
        # The clock of a file server may differ from ours: being seen unchanged counts as well.
        return now - newest >= self._settle_seconds or now - since >= self._settle_seconds


def unfinished(folder: Path) -> str | None:
    """Return what the checkpoint in `folder` still lacks; None if it lacks nothing.

    Raises
    ------
    FileNotFoundError
        If files vanish while they are looked at.
    """
    try:
        complete_files(folder)
    except CheckpointError as error:
        return error.problem.removeprefix(UNFINISHED)
    if not _is_of_a_trainer(folder):
        return None
    try:
        json.loads((folder / TRAINER_STATE).read_bytes())
    except FileNotFoundError:
        return f"{TRAINER_STATE} is missing, which the Trainer writes last"
    except ValueError:
        return f"{TRAINER_STATE} is half-written"
    return None


def _is_of_a_trainer(folder: Path) -> bool:
    if any((folder / name).exists() for name in (*_OF_A_TRAINER, TRAINER_STATE)):
        return True
    return any(path.is_file() for path in folder.parent.glob(f"checkpoint-*/{TRAINER_STATE}"))


def _signature(folder: Path) -> _Signature:
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file():
            stat = path.stat()
            found.append((path.name, stat.st_size, stat.st_mtime_ns))
    return tuple(found)
