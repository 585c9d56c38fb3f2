"""The options of ``run`` in groups: what of a place, how it is followed, where units run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_CLUSTER = "On a cluster"
_PANEL = "Where it runs"
_FOLLOWING = "While it trains"
_PLACE = "For a place instead of a sweep file"

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        rich_help_panel=_PANEL,
        help="Processes here, or tasks of a cluster, at a time; by default one for each GPU here.",
    ),
]
UnitTimeout = Annotated[
    float | None,
    typer.Option(
        "--unit-timeout",
        metavar="MINUTES",
        min=0.001,
        rich_help_panel=_PANEL,
        help="Give up a checkpoint that takes longer.",
    ),
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        rich_help_panel=_CLUSTER,
        help="slurm: hand the units over and end; see `status` and `cancel`.",
    ),
]
Partition = Annotated[
    str, typer.Option("--slurm-partition", rich_help_panel=_CLUSTER, help="slurm: the partition.")
]
Gres = Annotated[
    str, typer.Option("--gres", rich_help_panel=_CLUSTER, help="slurm: of each task, e.g. gpu:1.")
]
Cpus = Annotated[
    int | None,
    typer.Option("--cpus", min=1, rich_help_panel=_CLUSTER, help="Processors of each task."),
]
MemoryGb = Annotated[
    float | None,
    typer.Option("--mem-gb", min=0.1, rich_help_panel=_CLUSTER, help="slurm: memory of each task."),
]
Minutes = Annotated[
    int | None,
    typer.Option(
        "--slurm-minutes",
        min=1,
        rich_help_panel=_CLUSTER,
        help="slurm: time limit of each task, instead of what the plan says, generously.",
    ),
]
RayAddress = Annotated[
    str,
    typer.Option(
        "--ray-address",
        rich_help_panel=_CLUSTER,
        help="ray: address of the cluster; by default one on this machine.",
    ),
]
Gpus = Annotated[
    float,
    typer.Option("--gpus", min=0.0, rich_help_panel=_CLUSTER, help="ray: GPUs of each task."),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow",
        help="Go on: score checkpoints as a run writes them.",
        rich_help_panel=_FOLLOWING,
    ),
]
FollowEvery = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="Seconds between looks; 30, and 60 where a Hub is asked.",
        rich_help_panel=_FOLLOWING,
    ),
]
Settle = Annotated[
    float,
    typer.Option(
        min=0, help="Seconds that a checkpoint must stay unchanged.", rich_help_panel=_FOLLOWING
    ),
]
UntilStep = Annotated[
    int | None,
    typer.Option(
        min=0, help="Follow until this step of every model is scored.", rich_help_panel=_FOLLOWING
    ),
]
UntilFile = Annotated[
    Path | None,
    typer.Option(
        help="Follow until this file exists and all is scored.", rich_help_panel=_FOLLOWING
    ),
]
IdleMinutes = Annotated[
    float | None,
    typer.Option(
        min=0, help="Follow until nothing new came for so long.", rich_help_panel=_FOLLOWING
    ),
]
Tasks = Annotated[
    str | None,
    typer.Option(help="Of a place: tasks, with commas between (prize).", rich_help_panel=_PLACE),
]
Shots = Annotated[
    str | None,
    typer.Option(
        help="Of a place: numbers of examples, with commas between (0).", rich_help_panel=_PLACE
    ),
]
Sizes = Annotated[
    str | None,
    typer.Option(
        help="Of a place: sizes or models, with commas between (all).", rich_help_panel=_PLACE
    ),
]
Steps = Annotated[
    str | None, typer.Option(help="Of a place: as in a sweep (all).", rich_help_panel=_PLACE)
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=0, help="Of a place: items of each task (300), 0 for all.", rich_help_panel=_PLACE
    ),
]
TokensPerStep = Annotated[
    int | None,
    typer.Option(
        min=1, help="Of a place: training tokens per optimizer step.", rich_help_panel=_PLACE
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        help="Of a place: names of a repository's branches (step{step}).", rich_help_panel=_PLACE
    ),
]
