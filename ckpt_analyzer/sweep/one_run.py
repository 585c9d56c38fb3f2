"""Whether a store holds another training run under the name of one that is planned.

In: the listed suites of a sweep and its store. Out: nothing, or the refusal: nothing in a curve
would tell the points of two runs apart. A folder or a repository gives a run its name, and many
folders are called ``checkpoints``. Where the runs of a store lay is in its copies of sweep files;
a run that was moved is known again by the weights of a step.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ckpt_analyzer.checkpoints.local_suite import root_of
from ckpt_analyzer.checkpoints.source import RevisionKey
from ckpt_analyzer.errors import CheckpointError, SourceError, SweepError
from ckpt_analyzer.store.store import Store
from ckpt_analyzer.store.unit import UnitManifest
from ckpt_analyzer.suite import Model
from ckpt_analyzer.sweep.config import HUB, Sweep, text_sha256
from ckpt_analyzer.sweep.plan import ListedSuite


def check_one_run(
    sweep: Sweep, listed: Iterable[ListedSuite], store: Store, *, is_store_given: bool
) -> None:
    """Refuse a sweep that would continue the curve of another run.

    Reads the weights of one checkpoint of a run that the store knows from another place only.

    Parameters
    ----------
    is_store_given
        Whether a person named the store for this run: then runs without a step in common are
        taken for one.

    Raises
    ------
    SourceError
        If the Hub is not reached.
    SweepError
        If a model of `listed` and one of `store` have one name and lie in two places, and no step
        says that they are the same.
    """
    origins = {text_sha256(text): _origins(text) for text in store.sweeps()}
    ours = [(each, origin) for each in listed if (origin := _origin(each)) is not None]
    if all(found <= {origin} for _, origin in ours for found in origins.values()):
        return
    units = store.manifests()
    for each, origin in ours:
        for model in each.models:
            name = each.sourced.suite.name_of(model)
            stored = tuple(u for u in units if (u.suite, u.model) == (name, model.name))
            places = {place for unit in stored for place in origins.get(unit.sweep_sha256, ())}
            if not places or origin in places:
                continue
            step = _last_common(each, model, stored)
            is_same = is_store_given if step is None else _same_weights(each, model, step, stored)
            if not is_same:
                raise _refusal(sweep, each, model, min(places), step)


def _origin(listed: ListedSuite) -> str | None:
    """Return where the models of a suite lie; None for one that is declared."""
    suite, selection = listed.sourced.suite, listed.sourced.selection
    if selection.path is not None:
        return suite.root
    return None if selection.hub_repo is None else selection.suite


def _origins(text: str) -> frozenset[str]:
    """Return where the runs of a sweep file lay, paths as from where one stands now."""
    content = yaml.safe_load(text)
    entries = content.get("suites", ()) if isinstance(content, dict) else ()
    listed = entries if isinstance(entries, list | tuple) else [entries]
    return frozenset(origin for entry in listed if (origin := _origin_of(entry)) is not None)


def _origin_of(entry: str | Mapping[str, Any]) -> str | None:
    named = {"suite": entry} if isinstance(entry, str) else entry
    if named.get("path"):
        return str(root_of(Path(str(named["path"]))))
    suite = str(named.get("suite", ""))
    return suite if suite.startswith(HUB) else None


def _last_common(listed: ListedSuite, model: Model, stored: tuple[UnitManifest, ...]) -> int | None:
    """Return the last step of `model` that is stored and can be read; step 0 proves nothing."""
    suite, source = listed.sourced.suite, listed.sourced.source
    for step in sorted({unit.step for unit in stored} & {*model.steps} - {0}, reverse=True):
        checkpoint = suite.checkpoint(model, step)
        if RevisionKey(model.name, checkpoint.revision) not in listed.commits:
            continue
        try:
            source.resolve(checkpoint)
        except SourceError:
            raise
        except CheckpointError:
            continue  # half-written, or gone; its unit will say so
        return step
    return None


def _same_weights(
    listed: ListedSuite, model: Model, step: int, stored: tuple[UnitManifest, ...]
) -> bool:
    resolved = listed.sourced.source.resolve(listed.sourced.suite.checkpoint(model, step))
    return resolved.weights_sha256 in {unit.weights_sha256 for unit in stored if unit.step == step}


def _refusal(
    sweep: Sweep, listed: ListedSuite, model: Model, other: str, step: int | None
) -> SweepError:
    suite, selection = listed.sourced.suite, listed.sourced.selection
    own = f"--store {shlex.quote(f'stores/{_own_name(_origin(listed) or suite.name)}')}"
    if step is None:
        differs = "no step is in both to tell whether it is this one"
        hint = f"{own}; or, if it is the same run in a new place: --store "
        hint += shlex.quote(str(sweep.store))
    else:
        differs = f"it has other weights at step {step}"
        hint = f"give this one a store of its own: {own}"
    return SweepError(
        f"two runs are called {model.name} of {suite.name_of(model)}: {sweep.store} holds scores "
        f"of the one in {other}, and {differs}",
        where=sweep.where("suite" if selection.path is None else "path", selection),
        hint=hint,
    )


def _own_name(origin: str) -> str:
    """Return a name for the store of a run that tells it from others: its last two names."""
    parts = [part for part in origin.removeprefix(HUB).split("/") if part]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts[-2:])).lstrip("._-") or "run"
