"""A store from Python: what the verbs that ask a store do, as methods.

In: a folder. Out: the store, with what is at work for it, its upkeep, and its report in a browser.
The tables themselves are methods of ``store/store.py``.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import pandas as pd

from ckpt_analyzer.analysis.comparing import answers_of, possible
from ckpt_analyzer.engines._at_work import cancel_jobs, jobs_at_work
from ckpt_analyzer.live.builds import Page
from ckpt_analyzer.live.viewing import Seen, Served, serve
from ckpt_analyzer.stats.group_differences import Draws
from ckpt_analyzer.store import garbage
from ckpt_analyzer.store.holdings import holdings
from ckpt_analyzer.store.place import Place
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.store import open_store as open_plain_store
from ckpt_analyzer.sweep.wanted import COLUMNS, wanted_by_store

_JOB = ("name", "n_units", "n_ended", "tasks", "problem")


class OpenedStore(Store):
    """A store, with what the command line does to one."""

    def status(self) -> pd.DataFrame:
        """Return what it holds: one row per model, see ``store/holdings.py``."""
        return holdings(self.runs(), self.imported())

    def jobs(self) -> pd.DataFrame:
        """Return the jobs that clusters have at work for it: name, units, ended, tasks, problem."""
        rows = [asdict(each) for each in jobs_at_work(self.path)]
        return pd.DataFrame(rows, columns=list(_JOB))

    def cancel(self) -> tuple[str, ...]:
        """End the jobs that clusters run for it, and return their names; what is scored stays.

        Raises
        ------
        EngineError
            If a cluster cannot be asked.
        """
        return cancel_jobs(self.path)

    def further(self) -> pd.DataFrame:
        """Return the checkpoints that would place the turns better: model, step, tokens, why.

        Raises
        ------
        StoreError
            If no suite of the store is declared: its steps are not known.
        """
        return pd.DataFrame([each.row() for each in wanted_by_store(self)], columns=list(COLUMNS))

    def questions(self, metric: str = "accuracy", *, draws: Draws | None = None) -> pd.DataFrame:
        """Return what the store says to the questions of the literature.

        Parameters
        ----------
        metric
            What is asked about.
        draws
            How items are drawn for intervals.

        Returns
        -------
        pandas.DataFrame
            question, answer, ``is_answered``; where the data do not suffice, what to score.
        """
        found = answers_of(self, metric, possible(self, metric, draws or Draws()))
        return pd.DataFrame([asdict(each) for each in found])

    def gc(
        self, *, dry_run: bool = False, superseded: bool = False, older_than_hours: float = 24.0
    ) -> pd.DataFrame:
        """Remove what dead writers left behind, and return it: path, what, bytes.

        Parameters
        ----------
        dry_run
            Whether it is only listed.
        superseded
            Whether units of which no score counts go, too; their sweeps would score them anew.
        older_than_hours
            Spares what is younger; 0 only when nothing is at work.
        """
        found = self.garbage(older_than_hours * 3600, with_superseded=superseded)
        if not dry_run:
            garbage.remove(found)
        return pd.DataFrame([asdict(each) for each in found], columns=["path", "what", "bytes"])

    def view(self, seen: Seen | None = None) -> View:
        """Serve the report to a browser on this machine; it renews itself as results come in.

        Parameters
        ----------
        seen
            Where to listen, how often to look, and the page's title; by default any free port.

        Returns
        -------
        View
            With the ``address``; at work until ``close()``, or the end of a ``with`` block.

        Raises
        ------
        UserError
            If the address cannot be used.
        """
        return View(serve(self, seen or Seen(port=0), _take_no_note))


@dataclass
class View:
    """A report that is being served, until it is closed."""

    _served: Served

    def __post_init__(self) -> None:
        self._served.builds.start()
        work = threading.Thread(target=self._served.server.serve_forever, args=(0.2,), daemon=True)
        work.start()

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return self._served.server.address

    @property
    def problem(self) -> str:
        """Why the page could not be built the last time; empty if it could."""
        return self._served.builds.state.problem

    def close(self) -> None:
        """Stop serving; a build at work is left to end by itself."""
        self._served.server.shutdown()
        self._served.server.server_close()
        self._served.builds.stop()

    def __enter__(self) -> View:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return f'<a href="{self.address}" target="_blank">{self.address}</a>'


def open_store(path: Place | Path | str, *, create: bool = False) -> OpenedStore:
    """Open the store in the folder `path`.

    Parameters
    ----------
    path
        A folder.
    create
        Whether it is made where it is missing or empty.

    Raises
    ------
    StoreError
        If `path` is no store, or a later version wrote it.
    """
    return OpenedStore(open_plain_store(path, create=create).path)


def _take_no_note(_page: Page | None, _problem: str) -> None:
    """Leave it to the state of the builds."""
