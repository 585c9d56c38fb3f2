"""The suites as Markdown: a table for the README, and a page with evidence and reports.

In: the declared suites. Out: text. ``generate.py`` writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ckpt_analyzer import suites
from ckpt_analyzer.cli.suites import evidence_in_short
from ckpt_analyzer.suite import Model, Suite

_PAGE_HEAD = (
    "# Suites\n\n"
    "Generated from `ckpt_analyzer/suites/` by `make docs`. What `ckpt-analyzer suites NAME` "
    "shows, with the evidence: *seen* was read at its publisher's, or in code that uses it; "
    "*computed* follows from such facts; *unverified* was not checked. `ckpt-analyzer suites NAME "
    "--check` compares a suite with what the Hub lists today, downloads no weights, and exits "
    "with 1 where the two disagree.\n\n"
    '"and more": the suite knows some of the steps, and takes in whatever else the Hub lists in '
    'the same names. Parameters "as the Hub counts" are read from the files before anything is '
    "planned. A model is located in one of four ways: as a branch or tag, as a commit by its "
    "title, as a folder of one commit, or as a repository of its own. Where "
    "transformers does not know a model's configuration, its checkpoints can be audited and are "
    "not scored without running code of its repository.\n"
)


def readme_table() -> str:
    """Return one row per declared suite that lies on the Hub."""
    rows = [
        [
            f"[`{suite.name}`](docs/suites.md#{suite.name})",
            _sizes(suite),
            _checkpoints(suite.models),
            ", ".join(sorted({model.arm for model in suite.models})),
            _seeds(suite),
            evidence_in_short(suite),
        ]
        for suite in _on_the_hub()
    ]
    head = ["suite", "sizes", "checkpoints", "arms", "runs per size", "facts"]
    return _table(head, rows)


def suites_page() -> str:
    """Return ``suites.md``: every suite with its models, evidence and reports."""
    return "\n".join([_PAGE_HEAD, *(_section(suite) for suite in _on_the_hub())])


def _on_the_hub() -> list[Suite]:
    loaded = [suites.load(name) for name in suites.names()]
    return [suite for suite in loaded if suite.root is None]


def _sizes(suite: Suite) -> str:
    sizes = list(dict.fromkeys(m.size for m in suite.models if m.arm == "base"))
    return ", ".join(sizes) if len(sizes) < 6 else f"{sizes[0]} … {sizes[-1]} ({len(sizes)})"


def _checkpoints(models: Sequence[Model]) -> str:
    more = " and more" if any(model.is_open for model in models) else ""
    return f"{sum(len(model.steps) for model in models):,}{more}"


def _seeds(suite: Suite) -> str:
    runs = {(model.size, model.seed) for model in suite.models if model.seed is not None}
    most = max(Counter(size for size, _ in runs).values(), default=1)
    return f"up to {most}" if most > 1 else "1"


def _section(suite: Suite) -> str:
    facts = [[fact.about, fact.standing, fact.source] for fact in suite.facts]
    parts = [
        f"## {suite.name}",
        f"**[{suite.title}]({suite.link})**, {suite.licence}. {suite.citation}.",
        _table(
            ["models", "arm", "parameters", "non-embedding", "checkpoints", "tokens per step",
             "repository", "located as", "names"],
            list(_model_rows(suite)),
        ),
        suite.evidence,
        _table(["facts", "known how", "from"], facts),
        *_reports(suite),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _model_rows(suite: Suite) -> Iterator[list[str]]:
    """Yield a row per size and arm: models that differ in seed or data only share one."""
    groups: dict[tuple[object, ...], list[Model]] = {}
    for model in suite.models:
        own = () if model.seed is not None else (model.name,)
        groups.setdefault((model.size, model.arm, *own), []).append(model)
    for models in groups.values():
        first, n = models[0], len(models)
        yield [
            f"`{first.name}`" + (f" and {n - 1} more" if n > 1 else ""),
            first.arm,
            f"{first.parameters:,}" if first.parameters else "as the Hub counts",
            f"{first.non_embedding_parameters:,}" if first.non_embedding_parameters else "",
            _checkpoints(models),
            _tokens_per_step(first),
            f"`{first.repo}`",
            first.locating.kind,
            _names(first),
        ]


def _tokens_per_step(model: Model) -> str:
    if not model.tokens_per_step:
        return "" if model.is_single_state else "in the names"
    parts = [f"{model.tokens_per_step:,}"]
    changes = model.batch_changes
    shown = changes if len(changes) < 4 else changes[-2:]
    if len(shown) < len(changes):
        parts.append("… growing …")
    parts += [f"{c.tokens_per_step:,} after step {c.after_step:,}" for c in shown]
    return "; ".join(parts)


def _names(model: Model) -> str:
    patterns = [stage.revision for stage in model.stages]
    if (
        not patterns
        and model.saved
        and not model.is_open
        and model.read(model.saved[0].name) is None
    ):
        patterns = [saved.name for saved in model.saved]
    return ", ".join(f"`{each}`" for each in patterns or [model.revision])


def _reports(suite: Suite) -> Iterator[str]:
    models: dict[tuple[str, str, bool], list[str]] = {}
    for bad in suite.known_bad:
        key = (bad.reason, bad.link, bad.is_expected)
        models.setdefault(key, []).append(f"{bad.model} ({len(bad.steps)})")
    if models:
        yield "Reported checkpoints, with the number of steps of each model:"
        yield "\n".join(
            f"- {_some(names)}: {reason}{', which does no harm' if harmless else ''} "
            f"([report]({link}))"
            for (reason, link, harmless), names in models.items()
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
