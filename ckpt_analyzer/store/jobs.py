"""What was handed to a cluster: a folder of the store for each job, beside the units.

In: what an engine writes down when it submits, and what workers say while they work. Out: records,
and how units ended. No score is here: a store whose ``jobs`` folder is lost has lost nothing.

A worker writes a line when it begins a unit and one when it ends it, so that what it leaves when it
is killed tells in which unit it died. It may be killed within a line: one without an end is none.
Lines of a part are one file in a folder, and an object each in a bucket.
"""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.atomic import write_whole
from ckpt_analyzer.store.clock import now_utc
from ckpt_analyzer.store.near import near_folder
from ckpt_analyzer.store.place import Place, at_hand

_FOLDER = "jobs"
_RECORD = "job.json"


@dataclass(frozen=True)
class JobRecord:
    """A job that was handed over.

    Parameters
    ----------
    folder
        What belongs to it: the pickled work, logs of the cluster, what workers say.
    cluster_id
        What the cluster calls it.
    """

    folder: Place
    engine: str
    cluster_id: str
    n_units: int
    n_parts: int
    created: str

    @property
    def name(self) -> str:
        """Name for people: ``slurm job 12``."""
        return f"{self.engine} job {self.cluster_id}"


def new_folder(store: Place) -> Place:
    """Return the folder of a new job, in the store."""
    folder = store / _FOLDER / uuid.uuid4().hex[:12]
    if isinstance(folder, Path):
        (folder / "said").mkdir(parents=True)
    return folder


def new_disk_folder(store: Place) -> Path:
    """Return the folder of a new job for a cluster that needs a folder, wherever the store lies.

    Beside a bucket it lies where copies of its tables do; all nodes must see it.
    """
    folder = new_folder(near_folder(store))
    assert isinstance(folder, Path)
    return folder


def record_job(
    folder: Place, engine: str, cluster_id: str, n_units: int, n_parts: int
) -> JobRecord:
    """Write down what a cluster was given, and return the record."""
    record = JobRecord(folder, engine, cluster_id, n_units, n_parts, now_utc())
    content = {key: value for key, value in asdict(record).items() if key != "folder"}
    write_whole(folder / _RECORD, json.dumps(content, indent=1).encode())
    return record


def read_jobs(store: Place) -> tuple[JobRecord, ...]:
    """Return the records of all jobs, the newest first."""
    homes = (home / _FOLDER for home in {store, near_folder(store)})
    folders = [folder for jobs in homes if jobs.is_dir() for folder in jobs.iterdir()]
    found = [
        JobRecord(folder, **json.loads((folder / _RECORD).read_bytes()))
        for folder in folders
        if (folder / _RECORD).is_file()
    ]
    return tuple(sorted(found, key=lambda record: record.created, reverse=True))


class Said:
    """What the workers of one part of a job wrote down. One worker writes at a time."""

    def __init__(self, folder: Place, part: int) -> None:
        self._path = folder / "said" / f"{part}.jsonl"
        self._n_written: int | None = None

    def begin(self, unit: str) -> None:
        """Note that work on `unit` begins."""
        self._write({"begun": unit})

    def interrupted(self, unit: str) -> None:
        """Note that work on `unit` ends through no fault of its own."""
        self._write({"interrupted": unit})

    def end(self, status: UnitStatus) -> None:
        """Note how a unit ended."""
        self._write({"ended": asdict(status)})

    def statuses(self) -> tuple[UnitStatus, ...]:
        """Return how units ended, each once, in the order in which they did."""
        ended: dict[str, UnitStatus] = {}
        for line in self._lines():
            if "ended" in line:
                content = {**line["ended"], "warnings": tuple(line["ended"]["warnings"])}
                ended.setdefault(content["unit"], UnitStatus(**content))
        return tuple(ended.values())

    def deaths(self, unit: str) -> int:
        """Return in how many workers `unit` began and neither ended nor was interrupted."""
        count: Counter[str] = Counter()
        for line in self._lines():
            count["begun"] += line.get("begun") == unit
            count["interrupted"] += line.get("interrupted") == unit
            count["ended"] += line.get("ended", {}).get("unit") == unit
        return count["begun"] - count["interrupted"] - count["ended"]

    def n_lines(self) -> int:
        """Return how much was said: more than before means that a worker got somewhere."""
        return sum(1 for _ in self._lines())

    def _write(self, content: dict[str, Any]) -> None:
        # A line that a killed worker left without its end is closed first.
        line = b"\n" + json.dumps(content).encode() + b"\n"
        if not isinstance(self._path, Path):
            self._write_object(line)
            return
        with self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _write_object(self, line: bytes) -> None:
        """Write a line as an object of its own: to what is in a bucket nothing is appended."""
        if self._n_written is None:
            self._n_written = sum(1 for _ in self._path.iterdir())
        write_whole(self._path / f"{self._n_written:08}.json", line)
        self._n_written += 1

    def _content(self) -> bytes:
        if isinstance(self._path, Path):
            return self._path.read_bytes() if self._path.exists() else b""
        return b"".join(line.read_bytes() for line in at_hand(sorted(self._path.iterdir())))

    def _lines(self) -> Iterator[dict[str, Any]]:
        content = self._content()
        for line in filter(None, content.splitlines()):
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut off when its writer was killed
