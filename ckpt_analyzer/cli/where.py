"""The options of ``run`` that say where its units run, and on what terms; see ``engines``."""

from __future__ import annotations

from typing import Annotated

import typer

_CLUSTER = "On a cluster"
_PANEL = "Where it runs"

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
