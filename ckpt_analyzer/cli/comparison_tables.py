"""How the verb ``compare`` shows what it found: short tables, then sentences; or all of it as JSON.

In: the tables of a comparison. Out: text or one JSON document on stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ckpt_analyzer.cli.output import Row, readable_count, show, show_json

if TYPE_CHECKING:
    import pandas as pd

    from ckpt_analyzer.analysis.comparing import Comparison
    from ckpt_analyzer.analysis.questions import Answer
    from ckpt_analyzer.analysis.side_by_side import SideBySide

_WORDS = {"inverted_U": "inverted U", "monotone_up": "rises", "monotone_down": "falls"}
_VARYING = ("shots", "prompt_format", "dtype")


def show_comparison(
    found: Comparison, answers: Sequence[Answer], *, n_items: int, as_json: bool
) -> None:
    """Print the tables of one store's comparison and the answers."""
    if as_json:
        tables = {
            name: getattr(found, name).to_dict("records")
            for name in ("tasks", "groups", "shapes", "moves", "items")
        }
        show_json({"metric": found.asked.metric, **tables, "answers": [*map(asdict, answers)]})
        return
    show(task_rows(found.tasks), as_json=False, title=f"{found.asked.metric}, item by item\n")
    show(group_rows(found.groups), as_json=False, title="\nMeans over tasks\n")
    if shapes := shape_rows(found):
        show(shapes, as_json=False, title="\nShapes\n")
    if n_items:
        sys.stdout.write("".join(_item_blocks(found.items, n_items)))
    show_answers(answers, as_json=False)


def show_answers(answers: Sequence[Answer], *, as_json: bool) -> None:
    """Print questions and answers."""
    if as_json:
        show_json([asdict(answer) for answer in answers])
        return
    for answer in answers:
        sys.stdout.write(f"\n{answer.question}\n  {answer.answer}\n")


def task_rows(tasks: pd.DataFrame) -> list[Row]:
    """Return one short row per pair, task and step."""
    several = tasks[["base", "tuned"]].drop_duplicates().shape[0] > 1
    steps = tasks.groupby(["base", "tuned", "model", "task"])["tuned_step"].nunique().max() > 1
    varying = [name for name in _VARYING if tasks[name].nunique() > 1]
    return [
        {
            **({"from": row["base"], "to": row["tuned"]} if several else {}),
            "task": row["task"],
            "size": row["size"],
            **({"step": row["tuned_step"]} if steps else {}),
            **{name: row[name] for name in varying},
            row["base"] if not several else "before": row["base_value"],
            row["tuned"] if not several else "after": row["tuned_value"],
            "difference": _signed(row["difference"]),
            "95 % interval": _interval(row),
            "fell": row["n_broken"],
            "rose": row["n_mended"],
            "p adjusted": _p(row["p_adjusted"]),
        }
        for row in tasks.to_dict("records")
    ]


def group_rows(groups: pd.DataFrame) -> list[Row]:
    """Return one short row per cause, size, and over all."""
    shown = groups[groups["level"] != "cause and size"]
    several = shown[["base", "tuned"]].drop_duplicates().shape[0] > 1
    varying = [name for name in _VARYING if shown[name].nunique() > 1]
    return [
        {
            **({"from": row["base"], "to": row["tuned"]} if several else {}),
            **{name: row[name] for name in varying},
            "over": row["cause"] or row["size"] or "all",
            "tasks": row["n_tasks"],
            "sizes": row["n_sizes"],
            "difference": _signed(row["difference"]),
            "95 % interval": _interval(row),
            "p adjusted": _p(row["p_adjusted"]),
        }
        for row in shown.to_dict("records")
    ]


def shape_rows(found: Comparison) -> list[Row]:
    """Return what became of the shapes that turn, over training and along the other axes."""
    shapes = found.shapes[found.shapes["verdict_base"].isin(("U", "inverted_U"))]
    rows: list[Row] = [
        {
            "task": row["task"],
            "size": row["size"],
            "along": "training",
            "before": _shape(row["verdict_base"], row["flip_at_base"]),
            "after": f"{_signed(row['difference'])} by {row['tuned']}",
            "so it is": row["change"],
        }
        for row in shapes.to_dict("records")
    ]
    moves = found.moves[found.moves["change"] != "undecided"]
    rows += [
        {
            "task": row["task"],
            "size": "(all)" if row["axis"] == "parameters" else row.get("model", ""),
            "along": row["axis"],
            "before": _shape(row["verdict_base"], row["flip_at_base"]),
            "after": _shape(row["verdict_tuned"], row["flip_at_tuned"]) + f", {row['tuned']}",
            "so it is": row["change"],
        }
        for row in moves.to_dict("records")
    ]
    return rows


def show_side_by_side(found: SideBySide, *, as_json: bool) -> None:
    """Print the differences of several stores and their verdicts side by side."""
    if as_json:
        show_json(
            {
                "stores": list(found.labels),
                "points": found.points.to_dict("records"),
                "shapes": found.shapes.to_dict("records"),
                "notes": list(found.notes),
            }
        )
        return
    show(_point_rows(found.points), as_json=False, title="At matched checkpoints\n")
    if verdicts := _verdict_rows(found.shapes):
        show(verdicts, as_json=False, title="\nVerdicts over training\n")
    for note in found.notes:
        sys.stdout.write(f"\n{note}\n")


def _point_rows(points: pd.DataFrame) -> list[Row]:
    varying = [n for n in ("arm", "shots", "prompt_format") if points[n].nunique() > 1]
    points = points.sort_values(["store", "arm", "task", "parameters"], kind="stable")
    return [
        {
            "against": row["store"],
            "task": row["task"],
            "size": row["size"],
            **{name: row[name] for name in varying},
            "tokens": readable_count(row["tokens_base"]),
            row["reference"]: row["value_base"],
            "other": row["value_tuned"],
            "difference": _signed(row["difference"]),
            "95 % interval": _interval(row),
            "p adjusted": _p(row["p_adjusted"]),
            "paired": row["is_paired"],
        }
        for row in points.to_dict("records")
    ]


def _verdict_rows(shapes: pd.DataFrame) -> list[Row]:
    decided = (shapes["verdict_base"] != "inconclusive") | (
        shapes["verdict_tuned"] != "inconclusive"
    )
    shapes = shapes[decided].sort_values(["store", "arm", "task", "parameters"], kind="stable")
    varying = [n for n in ("arm", "shots", "prompt_format") if shapes[n].nunique() > 1]
    return [
        {
            "against": row["store"],
            "task": row["task"],
            "size": row["size"],
            **{name: row[name] for name in varying},
            row["reference"]: _shape(row["verdict_base"], row["flip_at_base"]),
            "other": _shape(row["verdict_tuned"], row["flip_at_tuned"]),
            "so it is": row["change"],
            "turns, ratio": _ratio(row),
        }
        for row in shapes.to_dict("records")
    ]


def _item_blocks(items: pd.DataFrame, n_items: int) -> Iterator[str]:
    for (task, change), of_task in items.groupby(["task", "change"], sort=False):
        yield f"\n{task}: {len(of_task)} items {change}"
        yield f", {n_items} of them:\n" if len(of_task) > n_items else ":\n"
        for row in of_task.head(n_items).to_dict("records"):
            yield _item_block(row)


def _item_block(row: dict[Any, Any]) -> str:
    n = row["n_broken"] if row["change"] == "broken" else row["n_mended"]
    head = f"  item {row['item']}, {row['base']} to {row['tuned']}, at {n} of {row['n_models']}"
    if not isinstance(row["context"], str):
        return f"{head} (no text is kept)\n"
    choices = ", ".join(
        f"{text!r}{' (right)' if i == row['gold'] else ''}" for i, text in enumerate(row["choices"])
    )
    return f"{head}\n    {row['context']!r}\n    {choices}\n"


def _shape(verdict: str, flip_at: float) -> str:
    words = _WORDS.get(verdict, verdict)
    return f"{words} at {readable_count(flip_at)}" if flip_at == flip_at else words


def _ratio(row: dict[Any, Any]) -> str:
    if row["ratio"] != row["ratio"]:
        return ""
    return f"{row['ratio']:.2f} [{row['ratio_lo']:.2f}, {row['ratio_hi']:.2f}]"


def _interval(row: dict[Any, Any]) -> str:
    return f"{_signed(row['ci_lo'])} to {_signed(row['ci_hi'])}"


def _signed(value: float) -> str:
    return "" if value != value else f"{value:+.3f}"


def _p(p: float) -> str:
    return "" if p != p else "< 0.001" if p < 0.001 else f"{p:.3f}"
