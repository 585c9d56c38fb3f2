"""``ckpt-analyzer compare STORE``: what tuning changed; of several stores: what they differ in."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_analyzer.cli.options import StoreFolders
from ckpt_analyzer.cli.output import Json, busy
from ckpt_analyzer.errors import UserError
from ckpt_analyzer.store.place import Place

if TYPE_CHECKING:
    from ckpt_analyzer.analysis.comparing import Asked
    from ckpt_analyzer.stats.group_differences import Draws

NAME = "compare"


class By(StrEnum):
    """What the two sides of a comparison are."""

    arm = "arm"
    prompt_format = "prompt_format"


def command(
    stores: StoreFolders,
    base: Annotated[str | None, typer.Option(help="The arm to start from.")] = None,
    tuned: Annotated[str | None, typer.Option(help="The arm to compare with it.")] = None,
    stages: Annotated[
        str | None,
        typer.Option(help="Arms in order, each compared with the one before: base,sft,dpo."),
    ] = None,
    by: Annotated[By, typer.Option(help="Pair arms, or the two prompt formats.")] = By.arm,
    metric: Annotated[str, typer.Option(help="The metric to compare.")] = "accuracy",
    every_step: Annotated[
        bool, typer.Option("--every-step", help="Compare every checkpoint, not the last alone.")
    ] = False,
    items: Annotated[
        int, typer.Option(min=0, help="Show so many broken and mended items of each task.")
    ] = 0,
    questions: Annotated[
        bool, typer.Option("--questions", help="Show the answers to the paper's questions only.")
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(min=0, help="Of several stores: how far matched tokens may lie apart (0.05)."),
    ] = 0.05,
    draws: Annotated[int, typer.Option(min=100, help="Draws of items for intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    chart: Annotated[
        Path | None,
        typer.Option(help="Draw the difference at each checkpoint of tuning: .svg, .pdf or .png."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare arms, stages of tuning, prompt formats or stores, paired by item.

    Without options: all arms of the store, each stage with the one before.
    """
    from ckpt_analyzer.analysis.comparing import Asked, answers_of, compare, possible
    from ckpt_analyzer.cli.comparison_tables import show_answers, show_comparison
    from ckpt_analyzer.reporting.figures import write_differences
    from ckpt_analyzer.stats.group_differences import Draws
    from ckpt_analyzer.store.store import open_store

    drawing = Draws(n_draws=draws, seed=seed)
    asked = Asked(metric, by.value, _sides(base, tuned, stages), every_step, drawing)
    if len(stores) > 1:
        if questions:
            _questions(stores, metric, drawing, as_json=as_json)
        else:
            _side_by_side(stores, asked, tolerance, as_json=as_json)
        return
    store = open_store(stores[0])
    with busy("comparing"):
        if questions:
            answers = answers_of(store, metric, possible(store, metric, drawing))
            show_answers(answers, as_json=as_json)
            return
        found = compare(store, asked)
        answers = answers_of(store, metric, [found])
        if chart is not None:
            write_differences(store, metric, chart)
    show_comparison(found, answers, n_items=items, as_json=as_json)


def _questions(stores: list[Place], metric: str, drawing: Draws, *, as_json: bool) -> None:
    """Show the answers of every store, each question under the store's name."""
    from ckpt_analyzer.analysis.comparing import answers_of, possible
    from ckpt_analyzer.analysis.side_by_side import labels_of
    from ckpt_analyzer.cli.comparison_tables import show_answers
    from ckpt_analyzer.store.store import open_store

    opened = [open_store(path) for path in stores]
    with busy("comparing"):
        answers = [
            replace(answer, question=f"{label}: {answer.question}")
            for label, store in zip(labels_of(opened), opened, strict=True)
            for answer in answers_of(store, metric, possible(store, metric, drawing))
        ]
    show_answers(answers, as_json=as_json)


def _sides(base: str | None, tuned: str | None, stages: str | None) -> tuple[str, ...]:
    """Return the sides that were asked for; none for all that the store holds."""
    if stages is not None:
        if base or tuned:
            raise UserError("--stages names all arms", hint="leave out --base and --tuned")
        named = tuple(name.strip() for name in stages.split(",") if name.strip())
        if len(named) < 2 or len(set(named)) < len(named):
            raise UserError(
                "--stages wants two arms or more, each once",
                where=f"--stages {stages}",
                hint="--stages base,sft,dpo,instruct",
            )
        return named
    return (base or "base", tuned or "instruct") if base or tuned else ()


def _side_by_side(stores: list[Place], asked: Asked, tolerance: float, *, as_json: bool) -> None:
    from ckpt_analyzer.analysis.side_by_side import Matching, compare_stores
    from ckpt_analyzer.cli.comparison_tables import show_side_by_side
    from ckpt_analyzer.store.store import open_store

    with busy("comparing"):
        opened = [open_store(path) for path in stores]
        matching = Matching(asked.metric, tolerance, asked.every_step)
        found = compare_stores(opened, matching)
    show_side_by_side(found, as_json=as_json)
