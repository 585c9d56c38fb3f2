"""The questions of the inverse-scaling literature, answered by name from what was compared.

In: tables of verdicts and of differences. Out: a sentence per question with its numbers, or what
would have to be scored to answer it. It computes no statistic of its own.

References
----------
McKenzie et al. (2023), "Inverse Scaling: When Bigger Isn't Better", TMLR, arXiv 2306.09479.
Wei et al. (2022), "Inverse Scaling Can Become U-Shaped", arXiv 2211.02011.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ckpt_analyzer.metric import Metric

STRONG_PRIOR = "strong prior"
_LEVEL = 0.05
#: A verdict along parameters needs this many sizes.
_LEAST_SIZES = 4
_FALLS = {True: "monotone_down", False: "monotone_up"}
_WORDS = {
    "U": "U", "inverted_U": "inverted U", "monotone_up": "rising", "monotone_down": "falling",
    "flat": "flat", "other": "turning more than once", "inconclusive": "undecided",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A question and what the store says to it.

    Parameters
    ----------
    is_answered
        Whether the data suffice; if not, `answer` says what to score.
    """

    question: str
    answer: str
    is_answered: bool


@dataclass(frozen=True)
class Evidence:
    """What the answers are read from, all of one metric.

    Parameters
    ----------
    trends, flips
        ``tables.TRENDS`` and ``tables.FLIPS``.
    groups
        ``group_differences`` with the columns ``by`` (arm or prompt_format), ``base`` and
        ``tuned``.
    shapes
        ``after_tuning``.
    causes
        Task to cause.
    titles
        Task to what it is called in an answer, where that is not its name.
    """

    metric: Metric
    trends: pd.DataFrame
    flips: pd.DataFrame
    groups: pd.DataFrame
    shapes: pd.DataFrame
    causes: Mapping[str, str | None]
    titles: Mapping[str, str] = field(default_factory=dict)


def answers(evidence: Evidence) -> list[Answer]:
    """Return the answer to every question, in the order of the paper."""
    return [
        does_tuning_worsen_strong_priors(evidence),
        does_tuning_undo_flips(evidence),
        do_shots_turn_inverse_scaling_into_u(evidence),
        does_the_chat_format_matter(evidence),
    ]


def does_tuning_worsen_strong_priors(evidence: Evidence) -> Answer:
    """Return what tuning did to the tasks of the cause strong prior, beside the other causes."""
    question = "Does tuning worsen Strong Prior tasks?"
    by_cause = _of(evidence.groups, "arm", "cause")
    ours = by_cause[by_cause["cause"] == STRONG_PRIOR]
    if ours.empty:
        return Answer(question, _missing_tuning(evidence), is_answered=False)
    sentences = []
    for _, row in ours.iterrows():
        rest = by_cause[
            (by_cause["cause"] != STRONG_PRIOR)
            & (by_cause[["base", "tuned"]] == row[["base", "tuned"]]).all(axis=1)
        ]
        others = "; ".join(f"{each['cause']} {_signed(each)}" for _, each in rest.iterrows())
        beside = f" Beside it: {others}." if others else ""
        sentences.append(f"{_verdict(row, evidence.metric)} {_what(row, evidence)}.{beside}")
    return Answer(question, " ".join(sentences), is_answered=True)


def does_tuning_undo_flips(evidence: Evidence) -> Answer:
    """Return how many flips of training the tuned end undoes, carries on and keeps."""
    question = "Does tuning undo the flips of training?"
    shapes = evidence.shapes
    turned = shapes[shapes["verdict_base"].isin(("U", "inverted_U"))]
    if turned.empty:
        why = (
            _missing_tuning(evidence)
            if shapes.empty
            else "No base model that was tuned flips over training, so there is none to undo."
        )
        return Answer(question, why, is_answered=not shapes.empty)
    sentences = []
    for (base, tuned), rows in turned.groupby(["base", "tuned"], sort=False):
        undone = rows[rows["change"] == "undone"]
        counts = [
            f"{(rows['change'] == word).sum()} {word}" for word in ("undone", "carried on", "kept")
        ]
        where = f" Undone: {_tasks_and_sizes(undone, evidence)}." if len(undone) else ""
        sentences.append(
            f"Of {_plural(len(rows), 'trend')} that {_turn(len(rows))} in training, from {base} to "
            f"{tuned}: {', '.join(counts)}.{where}"
        )
    return Answer(question, " ".join(sentences), is_answered=True)


def do_shots_turn_inverse_scaling_into_u(evidence: Evidence) -> Answer:
    """Return which tasks fall with size without examples, and what they do with examples."""
    question = "Do few-shot examples turn inverse scaling into U?"
    shots = sorted(int(n) for n in evidence.trends["shots"].unique())
    missing = []
    if 0 not in shots or len(shots) < 2:
        missing.append(f"0 shots and some (scored: {_listed(map(str, shots))}; e.g. shots: [0, 5])")
    last = evidence.trends[evidence.trends["suspect"].isna()]
    sizes = last.groupby(["suite", "arm", "shots"])["parameters"].nunique()
    if sizes.empty or sizes.max() < _LEAST_SIZES:
        most = 0 if sizes.empty else int(sizes.max())
        missing.append(f"{_LEAST_SIZES} sizes or more of one suite (scored: {most})")
    if missing:
        return Answer(
            question, f"Cannot be said yet. Needed: {_listed(missing)}.", is_answered=False
        )
    return _shots_answer(question, evidence, shots[1:])


def _shots_answer(question: str, evidence: Evidence, few: Sequence[int]) -> Answer:
    across = _last_step(evidence.flips[evidence.flips["axis"] == "parameters"])
    keys = ["suite", "arm", "task", "prompt_format", "dtype"]
    zero = across[across["shots"] == 0].set_index(keys)["verdict"]
    falls = zero[zero == _FALLS[evidence.metric.higher_is_better]]
    if falls.empty:
        return Answer(
            question,
            f"None of {_plural(len(zero), 'trend')} over size is certainly inverse without "
            "examples, so there is none to turn.",
            is_answered=True,
        )
    u = "U" if evidence.metric.higher_is_better else "inverted_U"
    sentences = []
    for shots in few:
        of_shots = across[across["shots"] == shots].set_index(keys)["verdict"]
        both = of_shots[of_shots.index.isin(falls.index)]
        if both.empty:
            continue
        counts = both.value_counts()
        words = [f"{n} {_WORDS.get(str(v), v)}" for v, n in counts.items()]
        names = _listed(sorted({_called(key[2], evidence) for key in both.index[both == u]}))
        turned = f" They turn: {names}." if names else ""
        sentences.append(
            f"Of {_plural(len(both), 'trend')} over size that get worse without examples, with "
            f"{shots} in context: {', '.join(words)}.{turned}"
        )
    if not sentences:
        needed = "Cannot be said yet. Needed: the tasks that are inverse at 0 shots, with examples."
        return Answer(question, needed, is_answered=False)
    return Answer(question, " ".join(sentences), is_answered=True)


def does_the_chat_format_matter(evidence: Evidence) -> Answer:
    """Return what the chat format changed against raw prompts."""
    question = "Does the dialog format change what tuned models score?"
    over_all = _of(evidence.groups, "prompt_format", "all")
    if over_all.empty:
        formats = _listed(sorted(map(str, evidence.trends["prompt_format"].unique())))
        return Answer(
            question,
            "Cannot be said yet. Needed: the same items of one model in two prompt formats "
            f"(scored: {formats}).",
            is_answered=False,
        )
    sentences = [
        f"{_verdict(row, evidence.metric, certain=('better', 'worse'))} {_what(row, evidence)}."
        for _, row in over_all.iterrows()
    ]
    return Answer(question, " ".join(sentences), is_answered=True)


def _of(groups: pd.DataFrame, by: str, level: str) -> pd.DataFrame:
    return groups[(groups["by"] == by) & (groups["level"] == level)]


def _missing_tuning(evidence: Evidence) -> str:
    """Return what would have to be scored before tuning can be judged."""
    missing = []
    arms = sorted(map(str, evidence.trends["arm"].unique()))
    if arms == ["base"] or "base" not in arms:
        missing.append(f"base models and models tuned from them (scored: {_listed(arms)})")
    if not any(evidence.causes.get(t) == STRONG_PRIOR for t in evidence.trends["task"].unique()):
        missing.append("a task of the cause strong prior, e.g. memo-trap")
    if not missing:
        missing.append(
            f"scores of single items in {evidence.metric.name} for both arms; means that were "
            "imported have none"
        )
    return f"Cannot be said yet. Needed: {_listed(missing)}."


def _verdict(row: pd.Series, metric: Metric, certain: tuple[str, str] = ("better", "worse")) -> str:
    if not row["p_adjusted"] < _LEVEL:
        return "Not for certain:"
    rose = (row["difference"] > 0) == metric.higher_is_better
    return (
        {True: "No, it improves them:", False: "Yes:"}[rose]
        if row["level"] == "cause"
        else (f"Yes, for the {certain[0] if rose else certain[1]}:")
    )


def _what(row: pd.Series, evidence: Evidence) -> str:
    where = f"{_plural(int(row['n_tasks']), 'task')} and {_plural(int(row['n_sizes']), 'size')}"
    return (
        f"from {row['base']} to {row['tuned']}, {evidence.metric.title.lower()} over {where} "
        f"changed by {_signed(row)}"
    )


def _signed(row: pd.Series) -> str:
    p = row["p_adjusted"]
    shown = f"p ≤ {p:.3f}" if p < 0.0015 else f"p = {p:.3f}"
    return (
        f"{_number(row['difference'])} (95 % interval {_number(row['ci_lo'])} to "
        f"{_number(row['ci_hi'])}, {shown} adjusted)"
    )


def _number(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _last_step(flips: pd.DataFrame) -> pd.DataFrame:
    """Return of the verdicts over parameters, one per step, those of the last step."""
    steps = flips["size"].str.removeprefix("step ").astype(int)
    keys = ["suite", "arm", "task", "shots", "prompt_format", "dtype"]
    last = steps.groupby([flips[name] for name in keys]).transform("max")
    return flips[steps == last]


def _tasks_and_sizes(rows: pd.DataFrame, evidence: Evidence) -> str:
    return _listed(
        f"{_called(task, evidence)} at {_listed(map(str, of['size']))}"
        for task, of in rows.groupby("task", sort=False)
    )


def _called(task: object, evidence: Evidence) -> str:
    return evidence.titles.get(str(task), str(task))


def _turn(n: int) -> str:
    return "turns" if n == 1 else "turn"


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def _listed(words: Iterable[str]) -> str:
    known = list(words)
    if len(known) < 2:
        return "".join(known)
    return f"{', '.join(known[:-1])} and {known[-1]}"
