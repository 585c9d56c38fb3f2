"""Suites and other plug-ins from Python: what is known by name, and what a Hub says of it.

In: the name of a suite, or a folder. Out: frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

import pandas as pd

from ckpt_analyzer import charts, metrics, suites, tables, tasks
from ckpt_analyzer.checkpoints.differences import Difference, check_model
from ckpt_analyzer.errors import UnknownNameError, UserError
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.suite import ARMS, Model, Suite
from ckpt_analyzer.sweep.audit_suite import (
    SuiteChoice,
    audit_whole,
    find_suite,
    metadata_source,
    questions_of,
)
from ckpt_analyzer.sweep.shipped import shipped_sweeps

Kind = Literal["suites", "tasks", "metrics", "charts", "sweeps"]
_MODEL = (
    "name", "size", "arm", "seed", "recipe", "parameters", "non_embedding_parameters",
    "base_model", "tokens_per_step", "repo", "is_open",
)  # fmt: skip
_FACT = ("about", "standing", "source")
_BAD = ("model", "steps", "reason", "link", "is_expected")


def catalog(kind: Kind = "suites") -> pd.DataFrame:
    """Return all that is known by name of one `kind`, a row each, indexed by name.

    Parameters
    ----------
    kind
        ``suites``, ``tasks``, ``metrics``, ``charts`` or ``sweeps`` (those that ship with the
        package).

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """
    if kind not in get_args(Kind):
        raise UnknownNameError("kind of plug-in", kind, get_args(Kind))
    rows: list[dict[str, object]]
    if kind == "suites":
        rows = [_suite_row(suites.load(name)) for name in suites.names()]
    elif kind == "tasks":
        rows = [asdict(tasks.load(name)) for name in tasks.names()]
    elif kind == "metrics":
        rows = [asdict(metrics.load(name)) for name in metrics.names()]
    elif kind == "charts":
        found = (charts.load(name) for name in charts.names())
        rows = [{"name": c.name, "title": c.title, "description": c.description} for c in found]
    else:
        rows = [{"name": path.stem, "path": path} for path in shipped_sweeps()]
    return pd.DataFrame(rows).set_index("name")


@dataclass(frozen=True)
class OpenSuite:
    """A suite, and how it is asked for.

    Parameters
    ----------
    suite
        The record: title, citation, licence, link, models, facts.
    """

    suite: Suite
    _choice: SuiteChoice

    def models(self) -> pd.DataFrame:
        """Return one row per model: size, arm, seed, recipe, parameters, first and last step."""
        return pd.DataFrame([_model_row(model) for model in self.suite.models])

    def facts(self) -> pd.DataFrame:
        """Return how each kind of facts is known: ``seen``, ``computed`` or ``unverified``."""
        return pd.DataFrame([asdict(each) for each in self.suite.facts], columns=list(_FACT))

    def known_bad(self) -> pd.DataFrame:
        """Return the checkpoints that are reported as wrong, with the link to each report."""
        return pd.DataFrame([asdict(each) for each in self.suite.known_bad], columns=list(_BAD))

    def check(self, sizes: Sequence[str] = ()) -> pd.DataFrame:
        """Return what the suite and its Hub tell differently; no weights are read.

        Parameters
        ----------
        sizes
            Sizes or names of models; none for all.

        Returns
        -------
        pandas.DataFrame
            model, kind, name, expected, found, and ``is_note``: whether it contradicts nothing.

        Raises
        ------
        UserError
            If a size does not exist, the suite is a folder, or a repository cannot be read.
        """
        if self.suite.root is not None:
            raise UserError(
                f"{self.suite.name} is a folder: there is no Hub to compare it with",
                where=self.suite.root,
                hint="audit it instead: .audit()",
            )
        models = self.suite.select(sizes, ARMS) if sizes else self.suite.models
        source = metadata_source(self._choice)
        checked = (check_model(self.suite, model, source) for model in models)
        rows = [asdict(d) | {"is_note": d.is_note} for each in checked for d in each.differences]
        columns = [*(field.name for field in fields(Difference)), "is_note"]
        return pd.DataFrame(rows, columns=columns)

    def audit(
        self, sizes: Sequence[str] = (), *, arm: str = "", store: Store | None = None
    ) -> pd.DataFrame:
        """Return what the metadata say about the checkpoints of the suite; no weights are read.

        Parameters
        ----------
        sizes
            Sizes or names of models; none for all.
        arm
            ``base``, ``sft``, ``dpo`` or ``instruct``; empty for all.
        store
            Keeps the findings: from then on suspects carry no flip there.

        Returns
        -------
        pandas.DataFrame
            The columns of ``tables.AUDIT``, one row per checkpoint and finding; ``standing`` is
            ``sound``, ``suspect``, ``expected`` or ``note``.

        Raises
        ------
        UserError
            If a size or the arm does not exist, or a repository cannot be read.
        """
        choice = SuiteChoice(self._choice.suite, tuple(sizes), arm, self._choice.endpoint)
        found = [audit_whole(each, store, lambda _revision: None) for each in questions_of(choice)]
        if not found:
            return pd.DataFrame(columns=list(tables.AUDIT.names))
        return pd.concat(found, ignore_index=True)


def open_suite(suite: str, *, endpoint: str | None = None) -> OpenSuite:
    """Return the suite called `suite`, or that of a folder of checkpoints; nothing is downloaded.

    Parameters
    ----------
    suite
        A name, see ``catalog("suites")``, or a folder.
    endpoint
        Of a Hub other than huggingface.co.

    Raises
    ------
    UserError
        If there is no such suite; it names the nearest.
    """
    return OpenSuite(find_suite(suite), SuiteChoice(suite, endpoint=endpoint))


def _suite_row(suite: Suite) -> dict[str, object]:
    return {
        "name": suite.name,
        "title": suite.title,
        "sizes": tuple(dict.fromkeys(m.size for m in suite.models if m.arm == "base")),
        "arms": tuple(sorted({model.arm for model in suite.models})),
        "models": len(suite.models),
        "checkpoints": sum(len(model.steps) for model in suite.models),
        "unverified": tuple(f.about for f in suite.facts if f.standing == "unverified"),
        "licence": suite.licence,
        "link": suite.link,
    }


def _model_row(model: Model) -> dict[str, object]:
    steps = model.steps
    return {
        **{name: getattr(model, name) for name in _MODEL},
        "checkpoints": len(steps),
        "first_step": steps[0] if steps else None,
        "last_step": steps[-1] if steps else None,
    }
