"""``ckpt-analyzer suites [NAME [--check]]``: the suites that are known by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ckpt_analyzer import suites
from ckpt_analyzer.cli.options import Endpoint
from ckpt_analyzer.cli.output import Json, counted, readable_count, show, show_json, talk
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.suite import ARMS, STANDINGS, Model, Suite

if TYPE_CHECKING:
    from ckpt_analyzer.checkpoints.differences import ModelCheck

NAME = "suites"
DIFFERENCES_FOUND = 1


def command(
    name: Annotated[str | None, typer.Argument(help="Show the models of this suite.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare the suite with what the Hub lists.")
    ] = False,
    sizes: Annotated[
        str, typer.Option(help="Sizes or names of models, with commas between; all by default.")
    ] = "",
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """List the checkpoint suites, or the models of one; with --check, compare it with the Hub.

    A check downloads no weights. Exit code 1 if the Hub contradicts the suite.
    """
    if name is None:
        if check or sizes:
            raise UserError(
                "which suite?", hint="name one, for instance: ckpt-analyzer suites pythia --check"
            )
        show([_summary(suites.load(each)) for each in suites.names()], as_json=as_json)
        return
    suite = suites.load(name)
    models = _chosen(suite, sizes)
    if check:
        _check(suite, models, endpoint, as_json=as_json)
    elif as_json:
        show_json(asdict(suite) | {"models": [asdict(model) for model in models]})
    else:
        show([_row(model) for model in models], as_json=False, title=_title(suite))


def _chosen(suite: Suite, sizes: str) -> tuple[Model, ...]:
    named = tuple(filter(None, (size.strip() for size in sizes.split(","))))
    return suite.select(named, ARMS) if named else suite.models


def _summary(suite: Suite) -> dict[str, Any]:
    runs = {(model.size, model.seed) for model in suite.models if model.seed is not None}
    seeds = Counter(size for size, _ in runs)
    n_known = sum(len(model.steps) for model in suite.models)
    is_open = any(model.is_open for model in suite.models)
    return {
        "suite": suite.name,
        "title": suite.title,
        "sizes": list(dict.fromkeys(m.size for m in suite.models if m.arm == "base")),
        "models": len(suite.models),
        "checkpoints": f"{n_known:,}{' and more' if is_open else ''}",
        "arms": sorted({model.arm for model in suite.models}),
        "seeds": max(seeds.values(), default=1),
        "evidence": evidence_in_short(suite),
        "licence": suite.licence,
    }


def evidence_in_short(suite: Suite) -> str:
    """Return how many kinds of facts are seen, computed and unverified."""
    counts = Counter(fact.standing for fact in suite.facts)
    return ", ".join(f"{counts[each]} {each}" for each in STANDINGS if counts[each])


def _title(suite: Suite) -> str:
    lines = [suite.title, f"{suite.link}  ({suite.licence})", f"evidence: {suite.evidence}"]
    lines += [f"  {fact.about}: {fact.standing} ({fact.source})" for fact in suite.facts]
    if suite.known_bad:
        lines.append(f"known bad: {len(suite.known_bad)} reports")
        reports = {(bad.reason, bad.link): None for bad in suite.known_bad}
        lines += [f"  {reason} ({link})" for reason, link in reports]
    return "\n".join(lines) + "\n"


def _row(model: Model) -> dict[str, Any]:
    last = model.steps[-1] if model.steps else None
    tokens = "" if last is None else readable_count(model.tokens_before + model.tokens_at(last))
    steps = "" if last is None else f"{model.steps[0]} … {last}"
    return {
        "model": model.name,
        "size": model.size,
        "arm": model.arm,
        "seed": model.seed,
        "parameters": model.parameters or "as the Hub counts",
        "checkpoints": f"{len(model.steps)}{' and more' if model.is_open else ''}",
        "steps": steps,
        "tokens per step": model.tokens_per_step or "",
        "tokens at the end": tokens,
        "where": model.repo,
        "how": model.locating.kind,
    }


def _check(suite: Suite, models: Sequence[Model], endpoint: str | None, *, as_json: bool) -> None:
    from ckpt_analyzer.checkpoints.differences import check_model
    from ckpt_analyzer.sweep.audit_suite import SuiteChoice, metadata_source

    if suite.root is not None:
        raise UserError(
            f"{suite.name} is a folder: there is no Hub to compare it with",
            where=suite.root,
            hint=f"audit it: ckpt-analyzer audit {suite.name}",
        )
    source = metadata_source(SuiteChoice(suite.name, endpoint=endpoint))
    checks = []
    for model in models:
        checks.append(check_model(suite, model, source))
        talk(f"{model.name}: {counted(checks[-1].n_listed, 'checkpoint')} on the Hub")
    _show_checks(suite, checks, as_json=as_json)
    if any(not each.is_note for checked in checks for each in checked.differences):
        raise typer.Exit(DIFFERENCES_FOUND)


def _show_checks(suite: Suite, checks: Sequence[ModelCheck], *, as_json: bool) -> None:
    rows = [asdict(each) for checked in checks for each in checked.differences]
    if as_json:
        counts = {checked.model.name: checked.n_listed for checked in checks}
        show_json({"suite": suite.name, "checkpoints": counts, "differences": rows})
    elif rows:
        show(rows, as_json=False)
    n = sum(not each.is_note for checked in checks for each in checked.differences)
    talk(
        f"{counted(len(checks), 'model')} of {suite.name} compared with the Hub, "
        f"{counted(n, 'difference')}"
    )
