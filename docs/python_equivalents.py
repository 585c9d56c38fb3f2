"""What each verb and option of the command line is in Python: a table, checked by a test.

Every entry names a public function, a method of what one returns, or a field of a record that one
takes. ``tests/unit/test_python_equivalents.py`` walks the command line and resolves every name.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Options that say how a terminal is talked to: a function returns data and raises errors.
OF_THE_TERMINAL = ("--help", "--json", "--verbose")


@dataclass(frozen=True)
class Equivalent:
    """A verb in Python.

    Parameters
    ----------
    call
        The function, or the method of what one returns.
    options
        Option or argument of the verb → parameter of `call`, field of a record that it takes
        (``Follow.until_step``), or what to call instead (``chart``).
    """

    call: str
    options: dict[str, str]


_STORE = {"STORE": "open_store(path)"}
_IMPORT = Equivalent(
    "import_results", {"PATH...": "paths", "--store": "store", "--report": "report(path)"}
)
EQUIVALENTS: dict[str, Equivalent] = {
    "demo": Equivalent("run", {"--store": "store", "--output": "report(path)"}),
    "suites": Equivalent("catalog", {
        "name": "open_suite(suite)", "--check": "OpenSuite.check",
        "--sizes": "OpenSuite.check(sizes)", "--endpoint": "open_suite(endpoint)",
    }),
    "tasks": Equivalent("catalog", {"name": "catalog(kind)"}),
    "audit": Equivalent("OpenSuite.audit", {
        "SUITE": "open_suite(suite)", "--sizes": "sizes", "--arm": "arm", "--store": "store",
        "--endpoint": "open_suite(endpoint)",
    }),
    "plan": Equivalent("plan", {
        "SWEEP": "sweep", "--store": "store", "--data": "data", "--endpoint": "endpoint",
        "--flips": "flips",
    }),
    "run": Equivalent("run", {
        "SWEEP": "sweep", "--store": "store", "--data": "data", "--endpoint": "endpoint",
        "--engine": "engine", "--workers": "Terms.workers",
        "--unit-timeout": "Terms.unit_timeout_seconds", "--detach": "Terms.waits",
        "--slurm-partition": "Terms.partition", "--gres": "Terms.gres", "--cpus": "Terms.cpus",
        "--mem-gb": "Terms.memory_gb", "--slurm-minutes": "Terms.minutes",
        "--ray-address": "Terms.address", "--gpus": "Terms.gpus",
        "--spool": "SpoolPlace.folder", "--max-gb": "SpoolPlace.max_bytes",
        "--report": "Follow.report", "--follow": "follow",
        "--follow-every": "Follow.every_seconds", "--settle": "Follow.settle_seconds",
        "--until-step": "Follow.until_step", "--until-file": "Follow.until_file",
        "--idle-minutes": "Follow.idle_seconds", "--tasks": "Choices.tasks",
        "--shots": "Choices.shots", "--sizes": "Choices.sizes", "--steps": "Choices.steps",
        "--limit": "Choices.limit", "--tokens-per-step": "Choices.tokens_per_step",
        "--revision": "Choices.revision", "--dry-run": "plan",
    }),
    "status": Equivalent("OpenedStore.status", _STORE),
    "cancel": Equivalent("OpenedStore.cancel", _STORE),
    "fit": Equivalent("fit", {
        "STORE": "store", "--alpha": "alpha", "--seed": "seed", "--axis": "Fitted.flips",
        "--all": "Fitted.flips", "--regression": "Fitted.regression",
        "--with-suspects": "with_suspects",
    }),
    "report": Equivalent("report", {
        "STORE...": "store", "--output": "path", "--title": "title",
        "--with-suspects": "with_suspects",
    }),
    "view": Equivalent("OpenedStore.view", {
        **_STORE, "--host": "Seen.host", "--port": "Seen.port", "--every": "Seen.every_seconds",
        "--title": "Seen.title",
    }),
    "compare": Equivalent("compare", {
        "STORE...": "store", "--base": "sides", "--tuned": "sides", "--stages": "sides",
        "--by": "by", "--metric": "metric", "--every-step": "every_step",
        "--items": "Comparison.items", "--questions": "OpenedStore.questions",
        "--tolerance": "tolerance", "--draws": "Draws.n_draws", "--seed": "Draws.seed",
        "--chart": "chart",
    }),
    "export": Equivalent("export", {
        "STORE": "store", "--output": "folder", "--format": "file_format",
        "--figures": "figures", "--chart": "Wanted.charts", "--task": "Wanted.tasks",
        "--metric": "Wanted.metrics", "--width": "Wanted.columns",
    }),
    "import lm-eval": _IMPORT,
    "import lighteval": _IMPORT,
    "import table": _IMPORT,
    "store verify": Equivalent("OpenedStore.check", {
        **_STORE, "--quarantine": "OpenedStore.quarantine",
    }),
    "store compact": Equivalent("OpenedStore.compact", _STORE),
    "store gc": Equivalent("OpenedStore.gc", {
        **_STORE, "--dry-run": "dry_run", "--superseded": "superseded",
        "--older-than-hours": "older_than_hours",
    }),
}  # fmt: skip


def equivalents_table() -> str:
    """Return the table as Markdown: a row per verb, its options after it."""
    lines = ["| command line | Python | its options |", "| --- | --- | --- |"]
    for verb, equivalent in EQUIVALENTS.items():
        options = ", ".join(
            f"`{option}`" if _is_same(option, where) else f"`{option}`: `{where}`"
            for option, where in equivalent.options.items()
        )
        lines.append(f"| `{verb}` | `{equivalent.call}` | {options} |")
    return "\n".join(lines) + "\n"


def _is_same(option: str, where: str) -> bool:
    return option.lower().strip("-.").replace("-", "_") == where
