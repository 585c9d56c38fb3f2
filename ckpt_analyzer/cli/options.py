"""The options that several verbs share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SweepFile = Annotated[
    Path, typer.Argument(metavar="SWEEP", help="A sweep file (YAML), or the name of a shipped one.")
]
StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="The folder of a store.")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Store folder, instead of the one in the sweep.")
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", help="Folder with the task files, instead of fetching them."),
]
WithSuspects = Annotated[
    bool, typer.Option("--with-suspects", help="Let suspect checkpoints take part, too.")
]
Endpoint = Annotated[
    str | None,
    typer.Option("--endpoint", envvar="HF_ENDPOINT", help="Address of the Hub or of a mirror."),
]
